"""Displays: what a person sees of a run while it runs, told by its events alone."""
