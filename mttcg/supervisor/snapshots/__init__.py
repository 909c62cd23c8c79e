"""A machine that stands still, written to a file, and put into a new run."""
