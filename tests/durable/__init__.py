"""Runs that are cut and go on."""
