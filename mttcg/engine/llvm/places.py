"""Names in a page's function that its blocks use, though its head, made last, defines them."""

from functools import cache

from mttcg.engine.llvm.ir.values import I1, I64, BasicBlock, Pointer
from mttcg.memory.address import PageOffset

SLOT_SYMBOL, SLOT_TABLE_SYMBOL = "slot", "slot_table"
HART, FRAME, ORIGIN = Pointer("%hart"), Pointer("%frame"), Pointer("%origin")
"""Parameters: the hart's state, the frame, and where the guest's address 0 would lie."""
ROWS = Pointer("%rows")
"""The context's rows of data, in code for translated addresses."""
HERE = I64("%here")
"""The same as `ORIGIN`, as a number, there."""
COUNT = Pointer("%count")
"""The running count of instructions and blocks."""
NEXT = Pointer("%next")
"""Where the dispatcher goes on, from `BASE` on and in halves, so that its table has fewer gaps."""
BASE = I64("%base")
"""The address at which the guest sees the page."""

SLOT, SLOT_TABLE = (
    I64(f"ptrtoint (ptr @{name} to i64)") for name in (SLOT_SYMBOL, SLOT_TABLE_SYMBOL)
)
"""The slot of the page's version in the block cache, and how far its words are from the start of a
table with one for every place there can be: numbers that are known when the code is placed."""

EXIT, DETAIL, SINCE = (Pointer(f"%{name}") for name in ("exit", "detail", "since"))
"""Words of the frame."""
PC, BLOCK_PC, REQUEST = (Pointer(f"%{name}") for name in ("pc", "block_pc", "request"))
CONTEXT = Pointer("%context")
INSTRUCTIONS, BLOCKS = Pointer("%instructions"), Pointer("%blocks")
RESERVATION, RESERVED = Pointer("%reservation"), Pointer("%reserved")
FLOAT_CONTROL = Pointer("%float_control")
"""Fields of the hart's state."""
PROBE_RESULT, PROBE_EXCEPTION = Pointer("%probe_result"), Pointer("%probe_exception")


def register(name: str) -> Pointer:
    """Where blocks have a register: its slot of the function, or the hart's state."""
    return Pointer(f"%{name}")


@cache
def hart_register(name: str) -> Pointer:
    """Where the hart's state has a register, if blocks have it elsewhere."""
    return Pointer(f"%hart_{name}")


@cache
def function(row: int) -> Pointer:
    """The function of a row."""
    return Pointer(f"%function{row}")


@cache
def data(row: int) -> I64:
    """A row's data, as it is given to its function."""
    return I64(f"%data{row}")


@cache
def table(row: int) -> Pointer:
    """A row's data, as the address of what it counts in."""
    return Pointer(f"%table{row}")


@cache
def flags(row: int) -> Pointer:
    """Where a row that runs once has its flags."""
    return Pointer(f"%flags{row}")


@cache
def within(row: int) -> I1:
    """Whether the hart's context, which stays as long as the function runs, is in a row's scope."""
    return I1(f"%within{row}")


@cache
def cursor(row: int) -> Pointer:
    """Where the function has the cursor of an emitter's window."""
    return Pointer(f"%cursor{row}")


@cache
def cursor_at(row: int) -> Pointer:
    """Where an emitter has its window's cursor."""
    return Pointer(f"%cursor_at{row}")


@cache
def limit_at(row: int) -> Pointer:
    """Where an emitter has its window's end."""
    return Pointer(f"%limit_at{row}")


@cache
def cpu_at(row: int) -> Pointer:
    """Where an emitter has its vCPU's number."""
    return Pointer(f"%cpu_at{row}")


class Labels(dict[tuple[str, PageOffset], BasicBlock]):
    """The labelled blocks of a page's function: some by name, and those of leaders.

    A leader's have a letter and its offset in the page:
        r: looks for requests, then goes to b;
        b: counts the block as entered, and does what the plan has for its entry;
        f: control falls here from the code before, within a block that is counted already;
        c: the code itself, for b and f;
        s: one round of a loop by itself, where several at once would leave RAM;
        e: the way in from outside of the function, which takes the registers that are needed;
        d: the way on behind the code, at `NEXT` in this function or another, once registers are
            published;
        o: the same, in another function;
        l: the way to the native loop, to look for requests before the leader, at `NEXT`;
        h: the way to the host within, once other registers are published;
        t: the way to the interpreter, for the instruction at `NEXT` in the leader's block.
    In a loop of several rounds, the second has r_, the offset and _2, and so on.

    Attributes:
        dispatch: goes on at `NEXT`, in this function if it can begin there, or by `out`.
        out: goes on at `NEXT`, in another function.
        never: where no control comes.
    """

    def __init__(self) -> None:
        super().__init__()
        self.entry, self.dispatch, self.out, self.never = (
            BasicBlock(name) for name in ("entry", "dispatch", "out", "never")
        )

    def __missing__(self, key: tuple[str, PageOffset]) -> BasicBlock:
        """A leader's block, by its letter and offset."""
        letter, leader = key
        block = self[key] = BasicBlock(f"{letter}_{leader:x}")
        return block

    def round(self, leader: int, number: int) -> BasicBlock:
        """A round of a loop, by its head's offset; not kept."""
        return BasicBlock(f"r_{leader:x}_{number}")


AWAY, TAKE, LOOK, LEAVE = (BasicBlock(name) for name in ("away", "take", "to_look", "leave"))
"""Blocks by which a function is left, for the interpreter or the native loop, when nothing but the
counts is left to be published."""
