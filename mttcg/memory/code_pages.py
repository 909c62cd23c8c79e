"""How many versions of code pages a machine keeps; the block cache and all that counts in it."""

from mttcg.memory.page import PAGE

SLOTS = 16384
"""Versions of code pages. What counts in them is as large, and takes memory for what is used."""
HALVES = PAGE // 2
"""Places in a page at which an instruction may begin: two bytes each."""
