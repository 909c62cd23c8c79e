"""An instruction set of ten instructions, to see that what is of no ISA works for another one.

A word is two bytes: opcode, rd, rs1, and rs2 or a number, 4 bits each. Registers are r0 to r15;
r0 reads 0, r15 is the link register. Distances are in halves.
"""

from dataclasses import dataclass

from mttcg.isa.base import Registers
from mttcg.isa.code import Missing
from mttcg.isa.facts import Facts
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.interpreted_memory import Stopped
from mttcg.isa.interpreter import IntegerInterpreter
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Binary, Operations, V
from mttcg.isa.system import MemoryFault, Trap
from mttcg.isa.table.facts import facts_of
from mttcg.isa.table.layout import Field, Layout, signed
from mttcg.isa.table.lookup import make_decode
from mttcg.isa.table.row import Behaviour, Decoded, Memory, Row

MASK = (1 << 64) - 1
RD, RS1, RS2 = (Field(((low, 4, 0),)) for low in (4, 8, 12))
NUMBER = signed(4, (12, 4, 0))
DISTANCE = signed(5, (12, 4, 1))
FAR = signed(9, (8, 8, 1))
LINK = 15


def arithmetic(operation: Binary) -> Behaviour:
    """rd = rs1 op rs2."""

    def run(ops: Operations[V], instruction: Decoded, pc: int) -> None:
        a, b = ops.read_x(instruction.rs1), ops.read_x(instruction.rs2)
        ops.write_x(instruction.rd, ops.binary(operation, a, b))

    return Behaviour(run)


def add_number(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    """rd = rs1 + number."""
    number = ops.constant(instruction.immediate & MASK)
    ops.write_x(instruction.rd, ops.binary("add", ops.read_x(instruction.rs1), number))


def load(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    """rd = memory at rs1 + number, 4 bytes, signed."""
    place = ops.constant(instruction.immediate & MASK)
    value = ops.load(ops.binary("add", ops.read_x(instruction.rs1), place), 4)
    ops.write_x(instruction.rd, ops.sign_extend(value, 32))


def store(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    """Memory at rs1 + number = rs2, 4 bytes; rs2 stands in rd's place."""
    place = ops.constant(instruction.immediate & MASK)
    address = ops.binary("add", ops.read_x(instruction.rs1), place)
    ops.store(address, 4, ops.read_x(instruction.rs2))


def branch_if_not_zero(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    """Go to pc + distance if rs1 is not 0."""
    condition = ops.compare("ne", ops.read_x(instruction.rs1), ops.constant(0))
    ops.branch(condition, instruction.immediate)


def call(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    """r15 = pc + 2; go to pc + distance."""
    ops.write_x(LINK, ops.pc_plus(2))
    ops.jump(ops.pc_plus(instruction.immediate))


def go_to_register(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    """Go to rs1."""
    ops.jump(ops.binary("and", ops.read_x(instruction.rs1), ops.constant(MASK - 1)))


def leave(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    """Have the host run it."""
    ops.leave(instruction.word)


THREE = Layout("three", RD, RS1, RS2, size=2)
WITH_NUMBER = Layout("number", RD, RS1, immediate=NUMBER, size=2)
CALL, SYSTEM = InstructionClass.CALL, InstructionClass.SYSTEM
LOADS = Memory(4, loads=True, extension="sign")
STORES = Memory(4, stores=True)
ROWS = (
    Row("add", "T", THREE, "rd, rs1, rs2", 1, arithmetic("add")),
    Row("sub", "T", THREE, "rd, rs1, rs2", 2, arithmetic("sub")),
    Row("xor", "T", THREE, "rd, rs1, rs2", 3, arithmetic("xor")),
    Row("addn", "T", WITH_NUMBER, "rd, rs1, immediate", 4, Behaviour(add_number)),
    Row(
        "load",
        "T",
        WITH_NUMBER,
        "rd, immediate(rs1)",
        5,
        Behaviour(load, InstructionClass.LOAD, Kind.LOAD, memory=LOADS),
    ),
    Row(
        "store",
        "T",
        Layout("store", rs1=RS1, rs2=RD, immediate=NUMBER, size=2),
        "rs2, immediate(rs1)",
        6,
        Behaviour(store, InstructionClass.STORE, Kind.STORE, writes="", memory=STORES),
    ),
    Row(
        "bnz",
        "T",
        Layout("branch", rs1=RS1, immediate=DISTANCE, size=2),
        "rs1, immediate",
        7,
        Behaviour(branch_if_not_zero, InstructionClass.BRANCH, Kind.BRANCH, writes=""),
    ),
    Row(
        "call",
        "T",
        Layout("call", rd=Field(base=LINK), immediate=FAR, size=2),
        "immediate",
        0x18,
        Behaviour(call, CALL, Kind.JUMP),
    ),
    Row(
        "goto",
        "T",
        Layout("goto", rs1=RS1, size=2),
        "rs1",
        9,
        Behaviour(go_to_register, InstructionClass.RETURN, Kind.INDIRECT, writes=""),
    ),
    Row("halt", "T", Layout("none", size=2), "", 10, Behaviour(leave, SYSTEM, Kind.SYSTEM, "")),
)
BY_NAME = {row.name: row for row in ROWS}


def length(low_half: int) -> int:
    """Bytes of any instruction."""
    return 2


decode = make_decode(ROWS, length, {2: 0xF})
REGISTERS = Registers(
    tuple(f"r{number}" for number in range(16)),
    (),
    {f"r{number}": ("x", number) for number in range(16)} | {"pc": ("pc", 0)},
)


class ToyCode:
    """See `isa.code.Code`."""

    alignment = 2
    length = staticmethod(length)
    decode = staticmethod(decode)

    def facts(self, word: int) -> Facts:
        """What its row says; all else is illegal, and ends its block."""
        found = decode(word)
        return Facts(2, Kind.ILLEGAL) if found is None else facts_of(found)

    def returns_from_trap(self, word: int) -> bool:
        """There are no traps."""
        return False

    def disassemble(self, code: bytes, address: int) -> list[tuple[int, int, str]]:
        """The names alone."""
        words = [int.from_bytes(code[at : at + 2], "little") for at in range(0, len(code), 2)]
        found = [decode(word) for word in words]
        return [(address + 2 * n, 2, one.name if one else "?") for n, one in enumerate(found)]

    def missing(self, word: int, extensions: object) -> Missing | None:
        """Nobody has another."""
        return None


@dataclass
class ToyInterpreter(IntegerInterpreter):
    """The definition."""

    code = ToyCode()
    causes = dict.fromkeys(MemoryFault, 1)

    def illegal(self, word: int) -> None:
        """See Operations."""
        raise Stopped(Trap(2, self.pc, word & 0xFFFF))


def word_of(name: str, rd: int = 0, rs1: int = 0, last: int = 0) -> int:
    """A word of its fields; `last` is rs2, a number, or a distance in halves."""
    if name == "call":
        return BY_NAME[name].match | (last & 0xFF) << 8
    return BY_NAME[name].match | rd << 4 | rs1 << 8 | (last & 0xF) << 12
