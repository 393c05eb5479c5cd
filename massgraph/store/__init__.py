"""Where threads are kept: checkpoints, provider replies, and a row for each thread."""
