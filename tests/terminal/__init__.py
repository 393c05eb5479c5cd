"""The command line in a real pseudo-terminal."""
