"""The size of a page: of guest memory that is translated as one, and of the host's memory.

Every guest architecture to be emulated has pages of 4 KiB (RISC-V privileged architecture, "Sv39:
Page-Based 39-bit Virtual-Memory System"), and so does x86-64, the host.
"""

PAGE = 4096
"""Bytes."""
PAGE_SHIFT = PAGE.bit_length() - 1
"""An address's page number is what is above so many bits."""
