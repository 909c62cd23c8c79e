"""A vCPU's state in shared memory, as far as it is of no ISA: where it is, what it counts.

Written by the vCPU's own process, but for the shared fields, which anybody may write; and by the
supervisor while all are paused. Fields that different processes write lie 128 bytes or more apart,
so that no two vCPUs share a cache line, or a pair of lines that are fetched together.

An ISA's state is a class over this one, with its registers in the first KiB.
"""

from enum import IntEnum

from mttcg.memory.address import Virtual
from mttcg.memory.page import PAGE
from mttcg.state.words import AddressField, WordField, WordsField

MOST_VCPUS = 64
"""Of one guest; a slot of the block cache has a bit for each in one word."""
STATE_BYTES = PAGE
"""From one vCPU's state to the next."""
INTERRUPT_LINES = 16
NEVER = (1 << 64) - 1
"""A time that does not come."""
UNSUPPORTED_ROWS, HOST_WORK_ROWS = 40, 24
"""Of the tables of counts by name."""
COUNT_ROW_WORDS = 4


FENCE_TRANSLATIONS, FENCE_CODE = 1, 2
"""Bits of what one hart asks of another: to drop its address translations, to fetch code anew."""


class Activity(IntEnum):
    """What a vCPU is doing."""

    STARTING = 0
    RUNNING = 1
    IDLE = 2  # its hart waits for an interrupt
    STOPPED = 3
    FAILED = 4
    KILLED = 5  # its process ended by itself; set by the supervisor
    PAUSED = 6  # it stands still until the supervisor lets it go on


class Power(IntEnum):
    """Whether a hart runs, by its firmware; numbers as in SBI 2.0, chapter 9 (hart states)."""

    STARTED = 0
    STOPPED = 1
    START_PENDING = 2
    STOP_PENDING = 3
    SUSPENDED = 4
    SUSPEND_PENDING = 5
    RESUME_PENDING = 6


class Spinning(IntEnum):
    """Whether a hart goes round in a few instructions that nothing of its own ends."""

    NOT = 0
    ALONE = 1  # whatever others do
    LOADING = 2  # unless another changes the memory that it loads from


ENDED = (Activity.STOPPED, Activity.FAILED, Activity.KILLED)


class VcpuState:
    """One vCPU's state in the shared segment."""

    pc = AddressField(512)
    """Where its hart is, as of the last time that the vCPU left translated code."""

    instructions = WordField(1024)
    """Instructions retired; translated code counts them, and blocks."""
    blocks = WordField(1032)
    block_pc = AddressField(1040)
    """The block entered last: live, without a stop."""
    traps = WordField(1048)
    interrupts = WordField(1056)
    callbacks = WordField(1064)
    cache_hits = WordField(1072)
    cache_misses = WordField(1080)
    cache_invalidated = WordField(1088)
    running_ns = WordField(1096)
    idle_ns = WordField(1104)
    since_ns = WordField(1112)
    """Monotonic time of the last change between running and idle."""
    state = WordField(1120)
    """An Activity."""
    epoch = WordField(1128)
    """The newest instrumentation change in force on this vCPU."""
    cpu_ns = WordField(1136)
    """CPU time of the vCPU's process, as of the last booking of running or idle."""
    held = WordField(1144)
    """The pause in which this vCPU stands still, or stood last."""
    discarded = WordField(1152)
    """Where what is written to a register that stays zero may go; nobody reads it."""
    spinning = WordField(1160)
    """A Spinning."""

    fences_begun = WordField(1168)
    """How often the vCPU began to do fences that others asked for."""
    fences_done = WordField(1176)
    """The last of these that is done."""

    context = WordField(1184)
    """The level and address space in which its hart runs guest code, see `mttcg.isa.context`."""

    stood = WordField(1192)
    """What it was doing when it was asked to stand still, an Activity."""
    call_began = AddressField(1200)
    """The pc of the call of its host that the hart waits in; 0 if it is in none."""

    request = WordField(1536, shared=True)
    """Anybody sets it; the vCPU clears it before it looks at what was asked."""

    alert = WordField(1544, shared=True)
    """Anybody sets it who changed an input; native code clears it before it looks at the inputs."""

    fences_asked = WordField(1552, shared=True)
    """FENCE_TRANSLATIONS, FENCE_CODE: anybody sets them; the vCPU clears them before it does what
    they ask for, see `mttcg.vcpu.host.remote_fences`."""
    power = WordField(1680, shared=True)
    """Whether the hart runs, a Power; who starts it stores what else is to know before."""
    start_pc = AddressField(1688, shared=True)
    """Where it starts; of one that is suspended where it goes on anew, 0 if behind the call."""
    start_argument = WordField(1696, shared=True)

    lines = WordsField(1792, INTERRUPT_LINES, shared=True)
    """Levels of the hart's interrupt inputs, 0 or 1, by the ISA's numbers of their interrupts."""
    timer_deadline = WordField(1920, shared=True)
    """The timer interrupt is pending from this time on, in ticks of the board's clock; or NEVER."""

    unsupported = WordsField(2048, UNSUPPORTED_ROWS * COUNT_ROW_WORDS)
    host_work = WordsField(3328, HOST_WORK_ROWS * COUNT_ROW_WORDS)
    """See `mttcg.state.named_counts`, both."""

    def __init__(self, segment: memoryview, index: int) -> None:
        """Look at the state of vCPU `index` in the segment that holds all of them."""
        self.index = index
        self.words = segment[index * STATE_BYTES : (index + 1) * STATE_BYTES].cast("Q")

    @property
    def last_pc(self) -> Virtual:
        """Where its hart is as far as its process told: its block, or where it begins."""
        return self.block_pc or self.pc
