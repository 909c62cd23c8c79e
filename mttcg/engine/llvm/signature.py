"""What native code for guest instructions is called with, and how it goes on in other such code."""

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, Form
from mttcg.engine.llvm.ir.values import I64, Pointer, Value
from mttcg.engine.llvm.places import FRAME, HART, ORIGIN
from mttcg.tbcache.predecoded import RECORD_SHIFT

IP = Pointer("%ip")
"""The record of the instruction."""
RUNNING = I64("%running")
"""The running count of instructions and blocks, without this instruction."""
BLOCK = I64("%block")
"""The record of the block's first instruction, as a number."""
TO_PC = I64("%to_pc")
"""What is added to a record's place, in the current page, for its pc. Without a record it is the
pc itself, at which a block is to be entered; that is not counted yet."""
NO_RECORD, NO_BLOCK = Pointer("poison"), I64("poison")
PARAMETERS: tuple[Value, ...] = (HART, IP, RUNNING, FRAME, ORIGIN, BLOCK, TO_PC)

DISPATCH, LOOK, LEAVE = "@dispatch", "@look", "@leave"
"""Functions that handlers share: `DISPATCH` goes to the address that it is given as the block,
`LOOK` looks for a request at a block that has been entered, and those that begin with `LEAVE` leave
for a reason, whose name is behind it."""

CONVENTION = "preserve_nonecc"
"""Parameters stay in registers that C functions preserve, and no function preserves any for its
caller: handlers need nothing on the stack."""
_GIVEN = f"{CONVENTION} void %s({', '.join(f'{value.type} %s' for value in PARAMETERS)})"
_OPERANDS = ("ptr", *(value.type for value in PARAMETERS))
_TAIL_CALL = Form(f"musttail call {_GIVEN}\nret void", "", _OPERANDS, ends=True)


def tail_call(
    build: Builder,
    callee: Pointer | str,
    ip: Pointer,
    count: I64,
    block: I64,
    to_pc: I64 = TO_PC,
) -> None:
    """Go on in another function, for good."""
    build.add(_TAIL_CALL)
    build.push((Pointer(callee), HART, ip, count, FRAME, ORIGIN, block, to_pc))


def handler_of(build: Builder, ip: Pointer) -> Pointer:
    """The handler of a record."""
    return build.load(ip, UNKNOWN, Pointer)


def frame_word(build: Builder, word: Word) -> I64:
    """A word of the frame."""
    return build.load(build.offset(FRAME, 8 * word), COUNTER, I64)


def frame_pointer(build: Builder, word: Word) -> Pointer:
    """A word of the frame that is an address."""
    return build.load(build.offset(FRAME, 8 * word), COUNTER, Pointer)


def pc_at(build: Builder, ip: Pointer | I64) -> I64:
    """The address of the instruction that a record of the current page is of."""
    number = ip if isinstance(ip, I64) else build.cast("ptrtoint", ip, I64)
    distance = build.binary("lshr", number, RECORD_SHIFT)
    return build.binary("add", distance, TO_PC)
