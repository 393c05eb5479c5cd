"""Soak: what is too long for every test run; `python -m tests.soak`, or `make soak`."""
