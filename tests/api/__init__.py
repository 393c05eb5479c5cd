"""What the front door promises to the programs that use it."""
