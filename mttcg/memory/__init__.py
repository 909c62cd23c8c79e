"""What all parts know of memory: addresses, pages, guest RAM, how many code pages are kept."""
