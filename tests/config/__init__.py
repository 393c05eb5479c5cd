"""Configs: what is refused and where, and what comes of what is not."""
