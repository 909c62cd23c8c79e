"""The frame: 64-bit words through which translated code and the engine of one vCPU talk.

It is private to the vCPU's process. The engine writes it while no translated code runs, translated
code while it runs; so there is one writer at a time.
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
    FIRST = auto()  # host address of the code to run first; 0: look it up in the jump cache
    SAMPLES = auto()  # host address of this vCPU's part of the samples
    CHAINS = auto()  # counts down at each call of a page; at 0 that is a sample
    SINCE = auto()  # the running count when it was last added to the hart's counters
    # of the interpreter
    PAGES = auto()  # host address of the table of pages of RAM: where each one's records are, or 0
    RAM = auto()  # guest address of RAM
    RAM_BYTES = auto()
    WINDOW = auto()  # guest address of the largest part of RAM that holds no device
    WINDOW_BYTES = auto()
    DEVICES = auto()  # guest address of the first page of RAM with a device
    DEVICES_BYTES = auto()  # from there to the end of the last such page
    # of samples
    ASLEEP = auto()  # host address of the word that says that the translator sleeps
    DECODING = auto()  # host address of the table by which instructions are taken apart
    CODE = auto()  # host address of the content of the block cache's slots
    SLOTS = auto()  # host address of what the block cache has of each slot
    MET = auto()  # host address of the bits of blocks that were met, by slot
    ENTER = auto()  # host address of the interpreter's `enter`; 0: it runs nothing
    # of the interpreter, where something is attached
    RECORDS_TO_INDEX = auto()  # what is added to a record's number for its word in a table
    WAYS = auto()  # host address of the ways in which operations are run, in the order of ROWS
    EVERY_BLOCK = auto()  # rows: the number of the first, and from bit 32 on how many there are
    EVERY_INSTRUCTION = auto()
    EVERY_ACCESS = auto()
    EVERY_RETIRED = auto()
    TOLD_OF_ALL = auto()  # whether any of these is told of what does not jump
    ENTRY_TABLE = auto()  # host address of the table that all blocks count in, if that is all
    HOW_MASK = auto()  # bits of how an access was made that operations are told
    EMITTERS = auto()  # host address of how many emitters the plan has, and theirs; 0: none
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
    STALE = 9  # the arena has another generation than the frame; nothing was run
    ROUNDING = (
        11  # a floating-point instruction with a mode that the host lacks; detail is its word
    )
    GOES_ON = 12  # the block goes on in other code, at the pc that next holds less one; no exit
    HOT = 10  # there is a sample while the translator sleeps; the run goes on


ONE_BLOCK, ONE_INSTRUCTION = 1, 1 << 20
"""What a block and an instruction add to the running count, one number with both in it."""
INSTRUCTIONS_PER_LOOK = 1 << 14
"""A request waits for at most so many, some microseconds; a look costs less than a hundredth of
them."""
COUNT_START = -INSTRUCTIONS_PER_LOOK * ONE_INSTRUCTION
"""The running count starts below zero. When it reaches zero, after so many instructions, code
looks for requests."""
CHAINS_PER_SAMPLE = 1 << 11
"""Calls of pages that cost about as much time as better code would save from one look of slow code
to the next."""
JUMP_CACHE_ENTRIES = 1 << 16
PC_SHIFTS = (1, 12)
"""A pc's row in the jump cache: the exclusive or of the pc, shifted right by each of these. If
it is taken, the next free row."""
WITHIN = 1
"""Set in a pc that lies in the middle of a block that was entered, and counted, before. Addresses
of instructions are even, so the bit is free; the jump cache has such code under the odd number."""
NOWHERE = (1 << 64) - 1
"""The pc of a free row."""


class JumpCache:
    """Where the code for a pc is: an open hash table, which the dispatcher reads.

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
        """Add a pc, or replace its code; a half full table begins anew: probing stays short."""
        if self.used >= JUMP_CACHE_ENTRIES // 2:
            self.clear()
        place = (pc >> PC_SHIFTS[0] ^ pc >> PC_SHIFTS[1]) % JUMP_CACHE_ENTRIES
        while int(self.rows[place, 0]) not in (NOWHERE, pc):
            place = (place + 1) % JUMP_CACHE_ENTRIES
        self.rows[place] = pc, code
        self.used += 1
