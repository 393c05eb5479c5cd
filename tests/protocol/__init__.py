"""What the protocol promises, as seen from a team and its providers."""
