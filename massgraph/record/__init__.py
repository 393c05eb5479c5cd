"""Records: everything that happened in a run, in a file that is only ever appended to."""
