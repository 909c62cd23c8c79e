"""An instruction set of ten instructions, to see that what is of no ISA works for another one.

Instructions have 4 bytes, and lie at multiples of that. The opcode is the top byte; rd, rs1 and rs2
have four bits each from bit 0 on. Immediates are signed: 12 bits, or 16 where rs2 is not needed.
There are 16 registers, of which r0 is 0. Loads and stores are of 4 bytes; loads extend the sign.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np

from mttcg.isa.code import Missing, Numbers
from mttcg.isa.facts import Facts
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.interpreted_memory import Stopped
from mttcg.isa.interpreter import IntegerInterpreter
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Binary, Operations, V
from mttcg.isa.system import MemoryFault, Trap
from mttcg.isa.table.facts import facts_of
from mttcg.isa.table.layout import Field, Layout, signed
from mttcg.isa.table.lookup import make_decode, make_find
from mttcg.isa.table.row import Behaviour, Decoded, MemoryOperand, Row, Semantics

MASK = (1 << 64) - 1
COUNT = 16
"""Registers."""
LINK = 5
"""The register by which functions return."""
CALL, RETURN, WAIT, FETCH_AGAIN, ENABLE, HART = range(6)
"""What `sys` does, by its immediate: trap; return from that; wait; look at the code again; let
interrupts through if rs1 is not 0; write the hart's number to rd."""
RD, RS1, RS2 = (Field(((at, 4, 0),)) for at in (0, 4, 8))
SHORT, LONG = signed(12, (12, 12, 0)), signed(16, (8, 16, 0))
REGISTERS = Layout("registers", RD, RS1, RS2)
LOADS = Layout("loads", RD, RS1, immediate=LONG)
STORES = Layout("stores", rs1=RS1, rs2=RS2, immediate=SHORT)
DISTANCE = Layout("distance", RD, RS1, immediate=signed(18, (8, 16, 2)))


def _binary(operation: Binary) -> Semantics:
    def run(ops: Operations[V], instruction: Decoded) -> None:
        a, b = ops.read_x(instruction.rs1), ops.read_x(instruction.rs2)
        ops.write_x(instruction.rd, ops.binary(operation, a, b))

    return run


def _address(ops: Operations[V], instruction: Decoded) -> V:
    displacement = ops.constant(instruction.immediate & MASK)
    return ops.binary("add", ops.read_x(instruction.rs1), displacement)


def _set(ops: Operations[V], instruction: Decoded) -> None:
    ops.write_x(instruction.rd, _address(ops, instruction))


def _shift(ops: Operations[V], instruction: Decoded) -> None:
    amount = ops.constant(instruction.immediate)
    ops.write_x(instruction.rd, ops.shift("shl", ops.read_x(instruction.rs1), amount))


def _load(ops: Operations[V], instruction: Decoded) -> None:
    loaded = ops.load(_address(ops, instruction), 4)
    ops.write_x(instruction.rd, ops.sign_extend(loaded, 32))


def _store(ops: Operations[V], instruction: Decoded) -> None:
    ops.store(_address(ops, instruction), 4, ops.read_x(instruction.rs2))


def _branch(ops: Operations[V], instruction: Decoded) -> None:
    condition = ops.compare("ne", ops.read_x(instruction.rs1), ops.constant(0))
    ops.branch(condition, instruction.immediate)


def _jump(ops: Operations[V], instruction: Decoded) -> None:
    ops.write_x(instruction.rd, ops.pc_plus(4))
    ops.jump(ops.pc_plus(instruction.immediate))


def _go(ops: Operations[V], instruction: Decoded) -> None:
    ops.jump(_address(ops, instruction))


def _system(ops: Operations[V], instruction: Decoded) -> None:
    ops.system(instruction.word)


C = InstructionClass
LOADED, STORED = MemoryOperand(4, loads=True, extension="sign"), MemoryOperand(4, stores=True)


def _class_of_jump(instruction: Decoded) -> InstructionClass:
    return C.CALL if instruction.rd else C.JUMP


def _class_of_go(instruction: Decoded) -> InstructionClass:
    return C.RETURN if instruction.rs1 == LINK else C.JUMP


ROWS = tuple(
    Row(name, "toy", layout, "", opcode << 24, behaviour)
    for opcode, (name, layout, behaviour) in enumerate(
        (
            ("set", LOADS, Behaviour(_set)),
            ("shift", LOADS, Behaviour(_shift)),
            ("add", REGISTERS, Behaviour(_binary("add"))),
            ("sub", REGISTERS, Behaviour(_binary("sub"))),
            ("load", LOADS, Behaviour(_load, C.LOAD, Kind.LOAD, memory=LOADED)),
            ("store", STORES, Behaviour(_store, C.STORE, Kind.STORE, "", STORED)),
            ("bnz", DISTANCE, Behaviour(_branch, C.BRANCH, Kind.BRANCH, "")),
            ("jump", DISTANCE, Behaviour(_jump, _class_of_jump, Kind.JUMP)),
            ("go", LOADS, Behaviour(_go, _class_of_go, Kind.INDIRECT, "")),
            ("sys", LOADS, Behaviour(_system, C.SYSTEM, Kind.SYSTEM)),
        ),
        start=0xA0,
    )
)
BY_NAME = {row.name: row for row in ROWS}


def length(_low_half: int) -> int:
    """All instructions have 4 bytes."""
    return 4


SELECTORS = {4: 0xFF00_0000}
decode = make_decode(make_find(ROWS, length, SELECTORS))


def assemble(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, immediate: int = 0) -> bytes:
    """An instruction."""
    row = BY_NAME[name]
    word, fields = row.match, row.format
    operands = ((fields.rd, rd), (fields.rs1, rs1), (fields.rs2, rs2))
    for place, value in (*operands, (fields.immediate, immediate)):
        for low, width, to in place.pieces:
            word |= (value >> to & (1 << width) - 1) << low
    found = decode(word)
    assert found is not None
    assert (found.rd, found.rs1, found.rs2, found.immediate) == (rd, rs1, rs2, immediate)
    return word.to_bytes(4, "little")


def set_register(register: int, value: int, pieces: int = 2) -> list[bytes]:
    """Code that sets a register to a number of so many times 12 bits."""
    code = [assemble("set", register, immediate=value >> 12 * (pieces - 1))]
    for piece in reversed(range(pieces - 1)):
        code.append(assemble("shift", register, register, immediate=12))
        code.append(assemble("set", register, register, immediate=value >> 12 * piece & 0xFFF))
    return code


class ToyCode:
    """See `isa.code.Code`."""

    alignment = longest = 4
    length = staticmethod(length)
    decode = staticmethod(decode)

    def facts(self, word: int) -> Facts:
        """What its row says; all else is illegal, and ends its block."""
        found = decode(word)
        return Facts(4, Kind.ILLEGAL) if found is None else facts_of(found)

    def kind(self, word: int) -> Kind:
        """See Code."""
        return self.facts(word).kind

    def kinds(self, words: Numbers, lengths: Numbers) -> Numbers:
        """See Code."""
        return np.array([self.kind(word) for word in words.tolist()], np.uint8)

    def disassemble(self, code: bytes, address: int) -> list[tuple[int, int, str]]:
        """The names alone."""
        words = [int.from_bytes(code[at : at + 4], "little") for at in range(0, len(code) - 3, 4)]
        found = [(address + 4 * number, decode(word)) for number, word in enumerate(words)]
        return [(at, 4, "?" if one is None else one.name) for at, one in found]

    def returns_from_trap(self, word: int) -> bool:
        """See Code."""
        found = decode(word)
        return found is not None and found.name == "sys" and found.immediate == RETURN

    def missing(self, word: int, extensions: Iterable[str]) -> Missing | None:
        """Nobody has another."""
        return None


@dataclass
class ToyInterpreter(IntegerInterpreter):
    """The definition."""

    code = ToyCode()
    causes = dict.fromkeys(MemoryFault, 1)
    x: list[int] = field(default_factory=lambda: [0] * COUNT)

    def illegal(self, word: int, unless: object = None) -> None:
        """See Operations."""
        raise Stopped(Trap(0, self.pc, word))
