"""The frame: what translated code of one vCPU knows, as 64-bit words private to its process.

Written by Python between two runs, by translated code during one; never by both at a time.
"""

from enum import IntEnum, auto


class Word(IntEnum):
    """Index of each word."""

    EXIT = 0  # a Reason; 0 while translated code is to go on
    EXIT_DETAIL = auto()  # instruction word or address, by reason
    JUMP_CACHE = auto()  # host address of JUMP_CACHE_ENTRIES rows of (pc, code)
    ROWS = auto()  # host address of (function, data) rows, one for each operation of the plan
    FLOAT = auto()  # host address of the function that does floating-point operations
    WORDS = auto()


class Reason(IntEnum):
    """Why translated code came back."""

    NONE = 0
    REQUEST = 1
    MISS = 2  # no translation for hart.pc is known here
    SYSTEM = 3  # the host runs the instruction; detail is its word
    ACCESS = 4  # the load or store at hart.pc is not plain RAM
    LOAD_MISALIGNED = 5  # an LR; detail is the address
    STORE_MISALIGNED = 6
    ATOMIC_ACCESS = 7  # an atomic outside of RAM
    CALLBACK = 8  # a Python callback asked to stop


JUMP_CACHE_BITS = 12
JUMP_CACHE_ENTRIES = 1 << JUMP_CACHE_BITS
