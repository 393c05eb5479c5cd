"""Many questions through one team."""
