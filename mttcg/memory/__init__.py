"""What all parts know of memory: how large a page is, and how many code pages are kept."""
