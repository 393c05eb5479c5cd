"""No key gets out, and nothing is written where it does not belong."""
