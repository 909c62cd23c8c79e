"""Programs of Linux, each run in a guest of its own as if it were one of the host's."""
