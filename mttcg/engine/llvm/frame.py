"""The frame: 64-bit words through which translated code and the engine of one vCPU talk.

It is private to the vCPU's process. The engine writes it while no translated code runs, translated
code while it runs; so there is one writer at a time.
"""

from enum import IntEnum, auto

from mttcg.isa.system import MemoryFault


class Word(IntEnum):
    """Index of each word."""

    EXIT = 0  # a Reason; 0 while translated code is to go on
    EXIT_DETAIL = auto()  # instruction word or address, by reason
    JUMPS = auto()  # host address of `JumpTable.pages`
    ROWS = auto()  # host address of (function, data) rows, one for each operation of the plan
    FLOAT = auto()  # host address of the function that does floating-point operations
    MXCSR = auto()  # where MXCSR is stored to and loaded from
    OPEN_WINDOW = auto()  # host address of `emitters.open_window`
    SHOW_WINDOW = auto()  # host address of `emitters.show_window`
    INSIDE = auto()  # host address of the word that says that this vCPU runs translated code
    GENERATION = auto()  # host address of the arena's generation
    KNOWN_GENERATION = auto()  # the generation under which the jumps were learnt
    FIRST = auto()  # host address of the code to run first; 0: look it up
    SAMPLES = auto()  # host address of this vCPU's part of the samples
    SINCE = auto()  # the running count when it was last added to the hart's counters
    # of the interpreter
    PAGES = auto()  # host address of the table of pages of RAM: where each one's records are, or 0
    RAM = auto()  # guest address of RAM
    RAM_BYTES = auto()
    WINDOW = auto()  # guest address of the largest part of RAM that holds no device
    WINDOW_BYTES = auto()  # less 7: from where all accesses are within it; 0: none is
    DEVICES = auto()  # guest address of the first page of RAM with a device
    DEVICES_BYTES = auto()  # from there to the end of the last such page
    # of samples
    ASLEEP = auto()  # host address of the word that says that the translator sleeps
    DECODING = auto()  # host address of the table by which instructions are taken apart
    CODE = auto()  # host address of the content of the block cache's slots
    SLOTS = auto()  # host address of what the block cache has of each slot
    MET = auto()  # host address of the bits of blocks that were met, by slot
    ENTER = auto()  # host address of the interpreter's `enter`
    # of the interpreter, where something is attached
    RECORDS_TO_INDEX = auto()  # what is added to a record's number for its word in a table
    WAYS = auto()  # host address of the ways in which operations are run, in the order of ROWS
    SCOPES = auto()  # and of the contexts in which they are, a pair of words each
    EVERY_BLOCK = auto()  # rows: the number of the first, and from bit 32 on how many there are
    EVERY_INSTRUCTION = auto()
    EVERY_ACCESS = auto()
    EVERY_RETIRED = auto()
    TOLD_OF_ALL = auto()  # whether any of these is told of what does not jump
    ENTRY_TABLE = auto()  # host address of the table that all blocks count in, if that is all
    HOW_MASK = auto()  # bits of how an access was made that operations are told
    EMITTERS = auto()  # host address of how many emitters the plan has, and theirs; 0: none
    PREDECODE_OBSERVED = auto()  # host address of the function that predecodes observed pages
    YIELD = auto()  # host address of sched_yield(2)
    PAUSES = auto()  # how often the hart waited for another
    REGISTERS_SEEN = auto()  # what the pc and the registers come to at the last look
    # of the system; those of the engine are set before the vCPU starts
    TAKE_OVER = auto()  # host address of the interpreter's `take_over`
    RESUME = auto()  # of its `resume`
    ATTEND = auto()  # of its `attend`, 0 if the host does all that is of the system
    DUE = auto()  # of its `due`
    CLOCK = auto()  # of clock_gettime(2)
    CLOCK_ORIGIN = auto()  # of the monotonic time, in nanoseconds, at which the guest's was 0
    TICKS = auto()  # of the guest's clock in TICKS_PER nanoseconds
    TICKS_PER = auto()
    SECONDS = auto()  # where clock_gettime(2) puts what it finds, a struct timespec
    NANOSECONDS = auto()
    # of looks at a clock that has not been found due
    LOOKED_AT = auto()  # monotonic time of the last one that the native loop made, in nanoseconds
    PASSED_OVER = auto()  # how many times to look come and go between two of them
    PASS_OVER = auto()  # how many are left until the next
    TRAPS_UNSEEN = auto()  # traps that the host need not see; 0: it sees all, and interrupts, too
    CAUSE = auto()  # of the trap that is to be taken
    TRAP_VALUE = auto()
    LAST_CAUSE = auto()  # of the last trap that was taken natively
    LAST_PC = auto()
    LAST_VALUE = auto()
    BEFORE_CAUSE = auto()  # of the last one before it that was another
    BEFORE_PC = auto()
    BEFORE_VALUE = auto()
    # of devices
    ACCESSES_UNSEEN = auto()  # 1 if native code may make accesses to devices, 0: the host sees all
    REGISTERS = auto()  # host address of rows of registers, see `device_functions`
    REGISTERS_END = auto()  # behind them
    REGISTER_VALUE = auto()  # what is read, or sent
    HARTS = auto()  # host address of the states of all harts
    WAKE = auto()  # of the descriptors by which they are woken, a word each
    WRITE = auto()  # of write(2)
    CONSOLE = auto()  # descriptor of the console
    INPUT = auto()  # that of its input
    IOCTL = auto()  # host address of ioctl(2)
    INPUT_BEGAN = auto()  # host address of the word that says that the console had input
    FETCH = auto()  # host address of what fetches changed pages, see `NativeFetch`; 0: Python does
    FETCH_ARGUMENT = auto()  # what it is given
    # of address translation, see `address_rows`; 0 for an ISA without
    FETCH_BASE = auto()  # guest address of what is fetched without translation
    FETCH_BYTES = auto()  # 0: the hart's pc is translated, or protection is to be looked at
    FETCH_ROWS = auto()  # host address of the context's rows of fetches
    DATA_ROWS = auto()  # and of data
    TRANSLATE = auto()  # host address of what translates an access to data
    FETCH_PAGE = auto()  # of what translates a pc
    FOLLOW_CONTEXT = auto()  # of what follows the hart's level and its way of translating
    FENCE = auto()  # of what drops all translations
    FENCE_ADDRESS = auto()  # of what drops those of an address
    SERVE_FENCES = auto()  # of what does the fences that others asked for
    BLOCK_SLOT = auto()  # slot of the block that the interpreter left last
    PHYSICAL = auto()  # what was translated last
    TABLES = auto()  # host address of all rows
    FILLED = auto()  # of the list of rows that were filled since all were empty
    FILLED_COUNT = auto()
    LARGE_LOW = auto()  # first and last address of larger leaves of which there are rows
    LARGE_HIGH = auto()
    FOLLOWED = auto()  # host address of counters that follow the hart's, see `followed_counters`
    OPEN_TO_MACHINE = auto()  # whether protection lets machine mode do everything with RAM
    OPEN_TO_LOWER = auto()  # and lower levels
    PLAIN_BYTES = auto()  # what WINDOW_BYTES is without translation
    RAM_HOST = auto()  # host address of RAM
    FETCHED_BY_HOST = auto()  # whether the host is to see each page of translated code
    SEEN = auto()  # host address of what PAGES is then, for translated code
    SEEN_AT = auto()  # and of where the hart sees each of these pages
    FETCH_HALF = auto()  # of what reads an instruction's end in the next page
    CHECK_FETCH = auto()  # of what says whether an instruction can be fetched
    FETCHED_HALF = auto()  # what that found
    OTHER_HALF = auto()  # 1: the page at the pc is to be fetched with that
    CLEAR = auto()  # host address of memset(3)
    FIRMWARE = auto()  # of what answers calls of the guest, 0: the host does
    FIRMWARE_WORDS = auto()  # of its words
    # of turns, in a run that repeats; see `interpreter/turns`
    TURNS = auto()  # 1: harts take turns, and only the host takes interrupts between instructions
    TURN_NEARS = auto()  # what the hart has retired when the host is to come near its turn's end
    TURN_END = auto()  # what the hart has retired where it is to stop, exactly; 0: the count says
    TURN_CLOCK = auto()  # host address of what the hart's instructions are from the clock, 0: none
    TIMER_SET = auto()  # 1: a timer was set natively
    UNCOUNTED = auto()  # instructions up to an access to a device that the hart's counter lacks
    STOP = auto()  # host address of the handler at which a turn ends within a block
    STOPS_AT = auto()  # of the record that has it, 0: none
    STOPPED_HANDLER = auto()  # what this has otherwise
    TRANSLATED = auto()  # of the handler where a translation is to be entered
    PREDECODE = auto()  # of what predecodes a page to which nothing is attached
    ENTERED = auto()  # of what enters a block that has something attached
    COUNTED = auto()  # of what enters a block where all count in one table, and that is all; or 0
    COUNTED_MASK = auto()  # the contexts in which they do: of a hart's, these bits
    COUNTED_THERE = auto()  # are this
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
    GOES_ON = 12  # the interpreter is to go on at hart.pc in the current block; no exit
    UNPREPARED = 13  # the interpreter has no records at hart.pc; detail is what goes on there then
    LOAD_FAULT = 14  # an access that protection refuses; detail is the address, as of those below
    STORE_FAULT = 15
    FETCH_FAULT = 16
    LOAD_PAGE_FAULT = 17
    STORE_PAGE_FAULT = 18
    FETCH_PAGE_FAULT = 19
    TURN_OVER = 20  # the hart's turn ends within its block
    HOT = 10  # there is a sample while the translator sleeps; the run goes on


FAULTS = {
    Reason.LOAD_MISALIGNED: MemoryFault.LOAD_MISALIGNED,
    Reason.STORE_MISALIGNED: MemoryFault.STORE_MISALIGNED,
    Reason.LOAD_FAULT: MemoryFault.LOAD,
    Reason.STORE_FAULT: MemoryFault.STORE,
    Reason.FETCH_FAULT: MemoryFault.FETCH,
    Reason.LOAD_PAGE_FAULT: MemoryFault.LOAD_PAGE,
    Reason.STORE_PAGE_FAULT: MemoryFault.STORE_PAGE,
    Reason.FETCH_PAGE_FAULT: MemoryFault.FETCH_PAGE,
}
"""Reasons that are traps, at the address in detail."""
ONE_BLOCK, ONE_INSTRUCTION = 1, 1 << 20
"""What a block and an instruction add to the running count, one number with both in it."""
INSTRUCTIONS_PER_LOOK = 1 << 14
"""A request waits for at most so many, some microseconds; a look costs less than a hundredth of
them."""
COUNT_START = -INSTRUCTIONS_PER_LOOK * ONE_INSTRUCTION
"""The running count starts below zero. When it reaches zero, after so many instructions, code
looks for requests."""
