"""The frame: what translated code of one vCPU knows, as 64-bit words private to its process.

Written by Python between two runs, by translated code during one; never by both at a time.
"""

from enum import IntEnum, auto

import numpy as np

from mttcg.memory.address import HostAddress, Virtual


class Word(IntEnum):
    """Index of each word."""

    EXIT = 0  # a Reason; 0 while translated code is to go on
    EXIT_DETAIL = auto()  # instruction word or address, by reason
    JUMP_CACHE = auto()  # host address of JUMP_CACHE_ENTRIES rows of (pc, code)
    ROWS = auto()  # host address of (function, data) rows, one for each operation of the plan
    FLOAT = auto()  # host address of the function that does floating-point operations
    MXCSR = auto()  # where MXCSR is stored to and loaded from
    OPEN_WINDOW = auto()  # host address of `emitters.open_window`
    SHOW_WINDOW = auto()  # host address of `emitters.show_window`
    INSIDE = auto()  # host address of the word that says that this vCPU runs translated code
    GENERATION = auto()  # host address of the arena's generation
    KNOWN_GENERATION = auto()  # the generation under which the jumps were learnt
    FIRST = auto()  # code to begin with, whatever the jumps say; or 0
    HEAT = auto()  # how often to look for requests still, until the place is reported as hot
    CHAINS = auto()  # calls of pages still, until the next page is reported as hot
    SINCE = auto()  # the running count when the hart's counters were brought up to date
    WORDS = auto()


class Reason(IntEnum):
    """Why translated code came back."""

    NONE = 0
    REQUEST = 1
    MISS = 2  # no translation for hart.pc is known here
    SYSTEM = 3  # the host runs the instruction; detail is its word
    ACCESS = 4  # the load or store at hart.pc is not plain RAM
    LOAD_MISALIGNED = 5  # a load-reserved; detail is the address
    STORE_MISALIGNED = 6
    ATOMIC_ACCESS = 7  # an atomic outside of RAM
    CALLBACK = 8  # a Python callback asked to stop
    STALE = 9  # the generation is another; nothing was run
    ROUNDING = (
        11  # a floating-point instruction with a mode that the host lacks; detail is its word
    )
    GOES_ON = 12  # the block goes on in other code, at the pc that next holds less one; no exit
    HOT = 10  # time goes by at hart.pc; nothing else happened


ONE_BLOCK, ONE_INSTRUCTION = 1, 1 << 20
"""What a page function adds to its one running count."""
INSTRUCTIONS_PER_LOOK = 1 << 18
COUNT_START = -INSTRUCTIONS_PER_LOOK * ONE_INSTRUCTION
"""Requests are looked for when this many instructions were counted."""
LOOKS_PER_SAMPLE = 16
"""Of the places where quick code looks for requests, one in so many is reported."""
CHAINS_PER_SAMPLE = 1 << 16
"""Of all pages that are called, one in so many is reported."""
JUMP_CACHE_ENTRIES = 1 << 16
PC_SHIFTS = (1, 12)
"""A pc's place in the jump cache: the exclusive or of it shifted so, or the next that is free."""
WITHIN = 1
"""Added to an address, which is even: the middle of a block that was entered, and counted, before;
jumps know its code by that."""
NOWHERE = (1 << 64) - 1
"""The pc of a free row."""


class JumpCache:
    """The code of each pc that this vCPU went to by way of the dispatcher, as an open hash table.

    It is of pcs as this vCPU sees them, while the code itself is of a page wherever that is.

    Attributes:
        rows: JUMP_CACHE_ENTRIES rows of (pc, host address of the code).
    """

    def __init__(self) -> None:
        self.rows = np.empty((JUMP_CACHE_ENTRIES, 2), dtype=np.uint64)
        self.used = 0
        self.clear()

    def clear(self) -> None:
        """Forget all."""
        self.rows[:, 0] = NOWHERE
        self.used = 0

    def put(self, pc: Virtual, code: HostAddress) -> None:
        """Add a pc; a table that is half full begins anew, so that probing stays short."""
        if self.used >= JUMP_CACHE_ENTRIES // 2:
            self.clear()
        place = (pc >> PC_SHIFTS[0] ^ pc >> PC_SHIFTS[1]) % JUMP_CACHE_ENTRIES
        while int(self.rows[place, 0]) != NOWHERE:
            place = (place + 1) % JUMP_CACHE_ENTRIES
        self.rows[place] = pc, code
        self.used += 1
