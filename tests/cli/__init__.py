"""The command line: its output, its statuses, and its manners."""
