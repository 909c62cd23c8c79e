"""The guest board: RAM, devices and their addresses, the ELF loader, and the run as a whole."""
