"""One run as a whole: its processes started, watched and controlled, and its result."""
