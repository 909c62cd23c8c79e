"""Page tables by which a hart sees all of RAM several times, in steps of a root table's entry."""

import struct

PAGE, ENTRIES = 4096, 512
LEVEL_BITS = 9
POINTER, LEAF = 0x01, 0x1F
"""Valid; and readable, writable, executable, of the user. Harts set A and D themselves."""
SV39 = 8 << 60
LEAF_TABLES = 4
TABLES_BYTES = (2 + LEAF_TABLES) * PAGE
"""The root, the one table that all its entries lead to, and those with leaves."""


def start_of(base: int, size: int) -> int:
    """Where the tables are: behind RAM of some bytes."""
    return base + -(-size // PAGE) * PAGE


def SATP(base: int, size: int) -> int:  # noqa: N802 - the register's name
    """What satp is to be."""
    return SV39 | start_of(base, size) // PAGE


def tables(base: int, size: int) -> bytes:
    """Tables behind RAM of some bytes, in which each entry of the root leads to all of RAM."""
    start, pages = start_of(base, size), -(-size // PAGE)
    assert pages <= LEAF_TABLES * ENTRIES
    assert base % (1 << 30) == 0

    def pointer(table: int) -> int:
        return (start // PAGE + table) << 10 | POINTER

    root = [pointer(1)] * ENTRIES
    middle = [pointer(2 + number) for number in range(LEAF_TABLES)]
    leaves = [(base // PAGE + number) << 10 | LEAF for number in range(pages)]
    words = [*root, *middle, *[0] * (ENTRIES - LEAF_TABLES), *leaves]
    words += [0] * ((2 + LEAF_TABLES) * ENTRIES - len(words))
    return struct.pack(f"<{len(words)}Q", *words)
