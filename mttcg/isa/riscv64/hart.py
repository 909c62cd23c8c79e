"""The hart state: one table of offsets for everything a hart keeps in shared memory.

Written by the hart's own vCPU process, but for the request line, which anybody may write; and by
the supervisor while all are paused. Lines that different processes write lie 128 bytes or more
apart, so that no two vCPUs share one.
"""

from enum import IntEnum

from mttcg.memory.page import PAGE

HART_STRIDE = PAGE
"""Bytes from one hart's state to the next."""

OFFSET = {
    # registers and CSRs, as of the last time the vCPU left translated code
    "x": 0,  # 32 words
    "f": 256,  # 32 words
    "pc": 512,
    "fcsr": 520,
    "misa": 528,  # set before the start, by what the engine has
    "mstatus": 536,
    "mie": 544,
    "mtvec": 552,
    "mscratch": 560,
    "mepc": 568,
    "mcause": 576,
    "mtval": 584,
    "mcounteren": 592,
    "mcountinhibit": 600,
    "mcycle_base": 608,
    "minstret_base": 616,
    "reservation": 624,  # address of the last LR, or NO_RESERVATION
    "reservation_value": 632,  # what it read there
    # counters, written by translated code
    "instructions": 1024,
    "blocks": 1032,
    "block_pc": 1040,  # the block entered last: live, without a stop
    "traps": 1048,
    "interrupts": 1056,
    "callbacks": 1064,
    "cache_hits": 1072,
    "cache_misses": 1080,
    "cache_invalidated": 1088,
    "running_ns": 1096,
    "idle_ns": 1104,
    "since_ns": 1112,  # monotonic time of the last change between running and idle
    "state": 1120,
    "epoch": 1128,  # the newest instrumentation change in force on this vCPU
    "cpu_ns": 1136,  # CPU time of the vCPU's process, as of the last booking of running or idle
    "cache_translated": 1152,
    "held": 1144,  # the pause in which this vCPU stands still, or stood last
    # the request line: anybody sets, the vCPU clears before it looks at what was asked
    "request": 1536,
    "software_interrupt": 1664,  # CLINT msip
    "compare": 1672,  # CLINT mtimecmp
    # see unsupported.py: UNSUPPORTED_ROWS rows of 4 words
    "unsupported": 2048,
}
"""Byte offset of each 8-byte field; native code has no other source for them."""

UNSUPPORTED_ROWS = 64
MACHINE_MODE = 3
"""The mode under which translations are kept: the privilege, as the privileged specification codes
it (section 1.2); there is no address translation in it."""
NO_RESERVATION = (1 << 64) - 1
NEVER = (1 << 64) - 1
"""mtimecmp after reset: no timer interrupt."""


MASK = (1 << 64) - 1


class State(IntEnum):
    """What a vCPU is doing."""

    STARTING = 0
    RUNNING = 1
    IDLE = 2  # in wfi
    STOPPED = 3
    FAILED = 4
    KILLED = 5  # its process ended by itself; set by the supervisor
    PAUSED = 6  # it stands still until the supervisor lets it go on


class Word:
    """One 8-byte field of a hart's state, read and written as an int.

    The access is a single aligned one, so a reader in another process sees an old or a new
    value, never a mixture.
    """

    def __init__(self, name: str) -> None:
        self.index = OFFSET[name] // 8

    def __get__(self, hart: "Hart", owner: object = None) -> int:
        """The field's value."""
        return hart.words[self.index]

    def __set__(self, hart: "Hart", value: int) -> None:
        """Store the low 64 bits of a value."""
        hart.words[self.index] = value & MASK


class Hart:
    """One hart's state in the shared segment."""

    pc = Word("pc")
    fcsr = Word("fcsr")
    misa = Word("misa")
    mstatus = Word("mstatus")
    mie = Word("mie")
    mtvec = Word("mtvec")
    mscratch = Word("mscratch")
    mepc = Word("mepc")
    mcause = Word("mcause")
    mtval = Word("mtval")
    mcounteren = Word("mcounteren")
    mcountinhibit = Word("mcountinhibit")
    mcycle_base = Word("mcycle_base")
    minstret_base = Word("minstret_base")
    reservation = Word("reservation")
    reservation_value = Word("reservation_value")
    instructions = Word("instructions")
    blocks = Word("blocks")
    block_pc = Word("block_pc")
    traps = Word("traps")
    interrupts = Word("interrupts")
    callbacks = Word("callbacks")
    cache_hits = Word("cache_hits")
    cache_misses = Word("cache_misses")
    cache_invalidated = Word("cache_invalidated")
    cache_translated = Word("cache_translated")
    running_ns = Word("running_ns")
    idle_ns = Word("idle_ns")
    since_ns = Word("since_ns")
    state = Word("state")
    epoch = Word("epoch")
    cpu_ns = Word("cpu_ns")
    held = Word("held")
    request = Word("request")
    software_interrupt = Word("software_interrupt")
    compare = Word("compare")

    def __init__(self, segment: memoryview, index: int) -> None:
        """Look at hart `index` of the segment that holds all harts' state."""
        self.index = index
        self.words = segment[index * HART_STRIDE : (index + 1) * HART_STRIDE].cast("Q")
        self.x = self.words[OFFSET["x"] // 8 : OFFSET["x"] // 8 + 32]
        self.f = self.words[OFFSET["f"] // 8 : OFFSET["f"] // 8 + 32]

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; x0 stays zero."""
        if register:
            self.x[register] = value & MASK
