"""What all parts know of memory: how large a page is."""
