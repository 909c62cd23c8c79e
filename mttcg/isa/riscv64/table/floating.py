"""The F, D and Zfh extensions (Unprivileged ISA, chapters 20 and 21, "Zfh"), and Zfa.

A narrower number lies in the low bits of a register, all others of which are ones (NaN boxing,
21.2). What computes with a register that is not boxed sees the canonical NaN; what only moves bits
(fsw, fmv.x.w) does not look at the high ones.
"""

from dataclasses import dataclass

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Operations, V
from mttcg.isa.riscv64.table.compute import MASK
from mttcg.isa.riscv64.table.integer import effective_address
from mttcg.isa.table.row import Behaviour, Decoded, MemoryOperand

CANONICAL = {2: 0x7E00, 4: 0x7FC0_0000}
"""The NaN by a width's bytes."""
DYNAMIC = 7
"""Of the rm field: the mode of fcsr.frm."""


@dataclass(frozen=True)
class Width:
    """A format as instructions name it: suffix, extension, the field fmt, bytes."""

    suffix: str
    extension: str
    fmt: int
    size: int

    @property
    def sign(self) -> int:
        """The sign bit."""
        return 1 << 8 * self.size - 1

    @property
    def bits(self) -> int:
        """How many there are."""
        return 8 * self.size

    def read(self, ops: Operations[V], register: int) -> V:
        """The number in a register, unboxed."""
        bits = ops.read_f(register)
        if self.size == 8:
            return bits
        high = ops.shift("lshr", bits, ops.constant(self.bits))
        boxed = ops.compare("eq", high, ops.constant(MASK >> self.bits))
        low, canonical = ops.zero_extend(bits, self.bits), ops.constant(CANONICAL[self.size])
        return ops.select(boxed, low, canonical)

    def write(self, ops: Operations[V], register: int, value: V) -> None:
        """Put a number in a register, boxed; a narrower one's value is zero-extended."""
        if self.size < 8:
            value = ops.binary("or", value, ops.constant(MASK ^ (1 << self.bits) - 1))
        ops.write_f(register, value)

    def negate(self, ops: Operations[V], value: V) -> V:
        """Flip the sign."""
        return ops.binary("xor", value, ops.constant(self.sign))


SINGLE, DOUBLE, HALF = Width("s", "F", 0, 4), Width("d", "D", 1, 8), Width("h", "Zfh", 2, 2)


def _require(ops: Operations[V], instruction: Decoded) -> None:
    ops.require_float(instruction.word, rounds=instruction.rounding == DYNAMIC)


def load(width: Width) -> Behaviour:
    """Run flh, flw or fld."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.require_float(instruction.word)
        value = ops.load(effective_address(ops, instruction), width.size)
        width.write(ops, instruction.rd, value)

    access = MemoryOperand(width.size, loads=True, floating=True, extension="ones")
    return Behaviour(run, InstructionClass.FLOAT_LOAD, Kind.LOAD, "f", access)


def store(width: Width) -> Behaviour:
    """Run fsh, fsw or fsd: the bits as they are."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.require_float(instruction.word)
        address = effective_address(ops, instruction)
        ops.store(address, width.size, ops.read_f(instruction.rs2))

    access = MemoryOperand(width.size, stores=True, floating=True)
    return Behaviour(run, InstructionClass.FLOAT_STORE, Kind.STORE, "", access)


def _operands(ops: Operations[V], instruction: Decoded, width: Width, count: int) -> list[V]:
    registers = (instruction.rs1, instruction.rs2, instruction.rs3)[:count]
    return [width.read(ops, register) for register in registers]


def compute(operation: str, width: Width, count: int, origin: Width) -> Behaviour:
    """A number of one width from `count` numbers of another, or of the same."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        _require(ops, instruction)
        values = _operands(ops, instruction, origin, count)
        width.write(ops, instruction.rd, ops.float(operation, instruction.rounding, *values))

    return Behaviour(run, InstructionClass.FLOAT, writes="f")


def fused(width: Width, negate_product: bool, negate_addend: bool) -> Behaviour:
    """+-(rs1 * rs2) +- rs3 with one rounding."""
    name = f"fma.{width.suffix}"

    def run(ops: Operations[V], instruction: Decoded) -> None:
        _require(ops, instruction)
        a, b, c = _operands(ops, instruction, width, 3)
        factor = width.negate(ops, a) if negate_product else a
        addend = width.negate(ops, c) if negate_addend else c
        result = ops.float(name, instruction.rounding, factor, b, addend)
        width.write(ops, instruction.rd, result)

    return Behaviour(run, InstructionClass.FLOAT, writes="f")


def examine(operation: str, width: Width, count: int) -> Behaviour:
    """An integer from numbers: comparisons, fclass, conversions."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        _require(ops, instruction)
        values = _operands(ops, instruction, width, count)
        ops.write_x(instruction.rd, ops.float(operation, instruction.rounding, *values))

    return Behaviour(run, InstructionClass.FLOAT)


def from_integer(operation: str, width: Width) -> Behaviour:
    """A number from an integer register; conversions from words look at its low half."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        _require(ops, instruction)
        value = ops.read_x(instruction.rs1)
        width.write(ops, instruction.rd, ops.float(operation, instruction.rounding, value))

    return Behaviour(run, InstructionClass.FLOAT, writes="f")


def load_immediate(width: Width) -> Behaviour:
    """Run fli: the constant whose number stands in the place of rs1."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.require_float(instruction.word)
        number = ops.constant(instruction.rs1)
        width.write(ops, instruction.rd, ops.float(f"li.{width.suffix}", 0, number))

    return Behaviour(run, InstructionClass.FLOAT, writes="f")


def move_to_integer(width: Width) -> Behaviour:
    """Run fmv.x.h, fmv.x.w or fmv.x.d: the bits as they are."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.require_float(instruction.word)
        bits = ops.read_f(instruction.rs1)
        narrow = width.size < 8
        ops.write_x(instruction.rd, ops.sign_extend(bits, width.bits) if narrow else bits)

    return Behaviour(run, InstructionClass.FLOAT)


def move_from_integer(width: Width) -> Behaviour:
    """Run fmv.h.x, fmv.w.x or fmv.d.x."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.require_float(instruction.word)
        bits = ops.read_x(instruction.rs1)
        value = ops.zero_extend(bits, width.bits) if width.size < 8 else bits
        width.write(ops, instruction.rd, value)

    return Behaviour(run, InstructionClass.FLOAT, writes="f")


def inject_sign(width: Width, invert: bool, combine: bool) -> Behaviour:
    """rs1 with the sign of rs2, its opposite, or the two signs' exclusive or."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.require_float(instruction.word)
        a, b = width.read(ops, instruction.rs1), width.read(ops, instruction.rs2)
        sign = ops.binary("and", b, ops.constant(width.sign))
        if combine:
            result = ops.binary("xor", a, sign)
        else:
            taken = width.negate(ops, sign) if invert else sign
            magnitude = ops.binary("and", a, ops.constant(MASK ^ width.sign))
            result = ops.binary("or", magnitude, taken)
        width.write(ops, instruction.rd, result)

    return Behaviour(run, InstructionClass.FLOAT, writes="f")
