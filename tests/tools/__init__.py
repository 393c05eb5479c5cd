"""Agents' tools."""
