"""All providers against all faults, and against a judge of clients."""
