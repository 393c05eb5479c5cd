"""The machines: their shape, verdicts, drawing and mailbox."""
