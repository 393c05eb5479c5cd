"""Conversations: one team, one thread, and a question after the other."""
