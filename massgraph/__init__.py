"""massgraph."""
