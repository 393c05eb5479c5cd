"""The live view: a screen that shows a run while it goes on, and takes keys."""
