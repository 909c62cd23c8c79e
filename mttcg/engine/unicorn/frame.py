"""The frame: what the native hooks of one vCPU know, as 64-bit words private to its process.

Written by Python between two runs, by the hooks during one; never by both at a time.
"""

from enum import IntEnum, auto

import numpy as np

from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of


class Word(IntEnum):
    """Index of each word of the frame."""

    ENGINE = 0  # the uc_engine
    HART = auto()  # host address of this hart's state
    RAM = auto()  # host address of guest RAM
    RAM_BASE = auto()
    RAM_SIZE = auto()
    PAGE_SLOT = auto()  # host address: u32 per RAM page, slot + 1 of the version to fetch
    PAGE_DEVICE = auto()  # host address: u8 per RAM page, 1 if a device lies in it
    PAGE_ENTRIES = auto()  # host address: u64 per RAM page, host address of the slot's PIECEs
    ORIGINAL = auto()  # host address of the slots' original bytes
    FETCHED = auto()  # guest-physical address at which Unicorn has the slots' fetched bytes
    REGISTER_READ = auto()  # uc_reg_read
    REGISTER_WRITE = auto()  # uc_reg_write
    EMULATION_STOP = auto()  # uc_emu_stop
    EXIT = auto()  # a Reason; set before the stop is asked for, cleared before the next run
    EXIT_PC = auto()
    EXIT_DETAIL = auto()  # size of the new piece, address or page of an access, instruction word
    PIECE_PC = auto()  # where the piece begins that was entered last
    RESUME_PC = auto()  # a piece here goes on with a block that was counted already
    PASSED_PC = auto()  # what is attached before the first instruction, which is here, has run
    EVERY_BLOCK = auto()  # host address of (function, data) rows
    EVERY_BLOCK_COUNT = auto()
    EVERY_INSTRUCTION = auto()
    EVERY_INSTRUCTION_COUNT = auto()
    EVERY_ACCESS = auto()
    EVERY_ACCESS_COUNT = auto()
    EVERY_ORDER = auto()  # those accesses' rows that fences and failed SCs concern as well
    EVERY_ORDER_COUNT = auto()
    EVERY_RETIRED = auto()
    EVERY_RETIRED_COUNT = auto()
    EVERY_TABLE = auto()  # those of them that count in a table
    EVERY_TABLE_COUNT = auto()
    PENDING_PC = auto()  # an instruction that has begun; NOWHERE if none has
    PENDING_WORD = auto()
    BLOCK_SITES = auto()  # host address of a site table, 0 if there is none
    INSTRUCTION_SITES = auto()
    SITE_ROWS = auto()  # host address of (function, data) rows that site tables point into
    SCRATCH = auto()
    WORDS = auto()


class Reason(IntEnum):
    """Why a hook asked Unicorn to stop."""

    NONE = 0
    REQUEST = 1
    NEW_PIECE = 2
    SYSTEM = 3
    LOAD = 4  # a page that is not plain RAM; detail is the page's address
    STORE = 5
    FETCH_PAGE = 6  # a code page not entered yet; detail is its address
    LOAD_MISALIGNED = 7
    STORE_MISALIGNED = 8
    ATOMIC_ACCESS = 9  # an atomic outside of RAM
    CALLBACK = 10


FrameWords = np.ndarray[tuple[int], np.dtype[np.uint64]]
"""The frame itself."""
PIECE = np.dtype([("size", "<u2"), ("count", "<u2"), ("rest", "<u2"), ("whole", "<u2")])
"""What Unicorn has translated at a pc: a block, or a piece of one, as it ends a translation that
gets too long for it. Bytes and instructions of the piece, bytes from its start to the end of the
block, and instructions of a block that begins here, 0 as long as none has."""

NOWHERE = (1 << 64) - 1
"""A pc that no block has."""
GOLDEN = 0x9E3779B97F4A7C15
"""What a pc's hash in a site table multiplies by: 2^64 over the golden ratio."""

# byte offsets in the vCPU's state, as plain ints for numba
OFFSET = offsets_of(VcpuState)
INSTRUCTIONS = OFFSET["instructions"]
BLOCKS = OFFSET["blocks"]
BLOCK_PC = OFFSET["block_pc"]
REQUEST = OFFSET["request"]
