"""RV32I and RV64I (Unprivileged ISA, base instruction sets), but for ecall and ebreak."""

from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import PAUSE, Compare, Operations, V
from mttcg.isa.riscv64.table.compute import (
    MASK,
    Compute,
    binary,
    compare,
    register_immediate,
    register_register,
    shift,
)
from mttcg.isa.riscv64.table.row import encoding, instruction_row
from mttcg.isa.table.row import Behaviour, Decoded, MemoryOperand, Row

OP, OP_32, OP_IMM, OP_IMM_32 = 0x33, 0x3B, 0x13, 0x1B
LOAD, STORE, BRANCH = 0x03, 0x23, 0x63
TOTAL_STORE_ORDER = 0b1000_0011_0011
"""fm, pred and succ of fence.tso; every other fm means a normal fence (2.7)."""
PAUSE_SETS = 0b0000_0001_0000
"""fm, pred and succ of a fence that is a pause, if it names no register (Zihintpause)."""
STORES, LOADS = 0b0101, 0b1010
"""Of a fence's sets: O and W, I and R."""
LINK_REGISTERS = (1, 5)


def effective_address(ops: Operations[V], instruction: Decoded) -> V:
    """rs1 + immediate."""
    base = ops.read_x(instruction.rs1)
    return ops.binary("add", base, ops.constant(instruction.immediate & MASK))


def load(size: int, signed: bool) -> Behaviour:
    """Load into an integer register; the access happens even if that is x0."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        value = ops.load(effective_address(ops, instruction), size)
        signed_value = ops.sign_extend(value, 8 * size) if signed and size < 8 else value
        ops.write_x(instruction.rd, signed_value)

    access = MemoryOperand(size, loads=True, extension="sign" if signed else "zero")
    return Behaviour(run, InstructionClass.LOAD, Kind.LOAD, memory=access)


def store(size: int) -> Behaviour:
    """Store the low bytes of rs2."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        ops.store(effective_address(ops, instruction), size, ops.read_x(instruction.rs2))

    access = MemoryOperand(size, stores=True)
    return Behaviour(run, InstructionClass.STORE, Kind.STORE, writes="", memory=access)


def branch(operation: Compare, swapped: bool = False) -> Behaviour:
    """Branch on a comparison of rs1 and rs2, or of rs2 and rs1."""

    def run(ops: Operations[V], instruction: Decoded) -> None:
        a, b = ops.read_x(instruction.rs1), ops.read_x(instruction.rs2)
        condition = ops.compare(operation, b, a) if swapped else ops.compare(operation, a, b)
        ops.branch(condition, instruction.immediate)

    return Behaviour(run, InstructionClass.BRANCH, Kind.BRANCH, writes="")


def load_upper(ops: Operations[V], instruction: Decoded) -> None:
    """Run lui."""
    ops.write_x(instruction.rd, ops.constant(instruction.immediate & MASK))


def add_upper_to_pc(ops: Operations[V], instruction: Decoded) -> None:
    """Run auipc."""
    ops.write_x(instruction.rd, ops.pc_plus(instruction.immediate))


def jump_and_link(ops: Operations[V], instruction: Decoded) -> None:
    """Run jal."""
    ops.write_x(instruction.rd, ops.pc_plus(instruction.length))
    ops.jump(ops.pc_plus(instruction.immediate))


def jump_to_register(ops: Operations[V], instruction: Decoded) -> None:
    """Run jalr: the target is read before the link is written, and its bit 0 cleared."""
    target = ops.binary("and", effective_address(ops, instruction), ops.constant(MASK - 1))
    ops.write_x(instruction.rd, ops.pc_plus(instruction.length))
    ops.jump(target)


def _class_of_jump(instruction: Decoded) -> InstructionClass:
    """By the hints for a return-address stack (2.5.1): x1 and x5 are the link registers."""
    pushes, pops = instruction.rd in LINK_REGISTERS, instruction.rs1 in LINK_REGISTERS
    if pushes and pops and instruction.rd != instruction.rs1:
        return InstructionClass.SWITCH
    if pushes:
        return InstructionClass.CALL
    return InstructionClass.RETURN if pops else InstructionClass.JUMP


def _kind_of_fence(instruction: Decoded) -> Kind:
    """FENCE if it asks for more than a host with total store order gives by itself.

    Predecessor W (or O) and successor R (or I); fence.tso leaves just that pair out, and every
    other mode is that of a normal fence (2.7).
    """
    sets = instruction.immediate
    ordered = sets >> 4 & STORES and sets & LOADS and sets != TOTAL_STORE_ORDER
    return Kind.FENCE if ordered else Kind.PLAIN


def is_pause(instruction: Decoded) -> bool:
    """Whether a fence is a pause."""
    return (instruction.immediate, instruction.rd, instruction.rs1) == (PAUSE_SETS, 0, 0)


def fence(ops: Operations[V], instruction: Decoded) -> None:
    """Run fence; rd and rs1 are reserved and ignored, but in a pause."""
    sets = instruction.immediate
    mode = sets >> 8 if sets == TOTAL_STORE_ORDER else 0
    ops.fence(sets >> 4 & 15, sets & 15, mode)
    if is_pause(instruction):
        ops.fence(0, 0, PAUSE)


_COMPUTE: tuple[tuple[str, str, int, int, Compute], ...] = (
    # name, name with an immediate, funct3, funct7, function
    ("add", "addi", 0, 0x00, binary("add")),
    ("sub", "", 0, 0x20, binary("sub")),
    ("sll", "slli", 1, 0x00, shift("shl")),
    ("slt", "slti", 2, 0x00, compare("slt")),
    ("sltu", "sltiu", 3, 0x00, compare("ult")),
    ("xor", "xori", 4, 0x00, binary("xor")),
    ("srl", "srli", 5, 0x00, shift("lshr")),
    ("sra", "srai", 5, 0x20, shift("ashr")),
    ("or", "ori", 6, 0x00, binary("or")),
    ("and", "andi", 7, 0x00, binary("and")),
)
_COMPUTE_WORD: tuple[tuple[str, str, int, int, Compute], ...] = (
    ("addw", "addiw", 0, 0x00, binary("add", 32)),
    ("subw", "", 0, 0x20, binary("sub", 32)),
    ("sllw", "slliw", 1, 0x00, shift("shl", 32)),
    ("srlw", "srliw", 5, 0x00, shift("lshr", 32)),
    ("sraw", "sraiw", 5, 0x20, shift("ashr", 32)),
)
_LOADS = (
    ("lb", 0, 1, True),
    ("lh", 1, 2, True),
    ("lw", 2, 4, True),
    ("ld", 3, 8, True),
    ("lbu", 4, 1, False),
    ("lhu", 5, 2, False),
    ("lwu", 6, 4, False),
)
_STORES = (("sb", 0, 1), ("sh", 1, 2), ("sw", 2, 4), ("sd", 3, 8))
_BRANCHES: tuple[tuple[str, int, Compare, bool], ...] = (
    ("beq", 0, "eq", False),
    ("bne", 1, "ne", False),
    ("blt", 4, "slt", False),
    ("bge", 5, "sle", True),
    ("bltu", 6, "ult", False),
    ("bgeu", 7, "ule", True),
)
_SHIFTS = (1, 5)


def _immediates(
    table: tuple[tuple[str, str, int, int, Compute], ...], opcode: int, shift_layout: str
) -> tuple[Row, ...]:
    return tuple(
        instruction_row(
            name,
            "I",
            shift_layout if funct3 in _SHIFTS else "I",
            "rd, rs1, immediate",
            encoding(opcode, funct3, funct7),
            register_immediate(compute),
        )
        for _, name, funct3, funct7, compute in table
        if name
    )


def _registers(
    table: tuple[tuple[str, str, int, int, Compute], ...], opcode: int
) -> tuple[Row, ...]:
    return tuple(
        instruction_row(
            name,
            "I",
            "R",
            "rd, rs1, rs2",
            encoding(opcode, funct3, funct7),
            register_register(compute),
        )
        for name, _, funct3, funct7, compute in table
    )


ROWS: tuple[Row, ...] = (
    instruction_row("lui", "I", "U", "rd, upper", 0x37, Behaviour(load_upper)),
    instruction_row(
        "auipc", "I", "U", "rd, upper", 0x17, Behaviour(add_upper_to_pc, computes_address=True)
    ),
    instruction_row(
        "jal",
        "I",
        "J",
        "rd, immediate",
        0x6F,
        Behaviour(jump_and_link, _class_of_jump, Kind.JUMP),
    ),
    instruction_row(
        "jalr",
        "I",
        "I",
        "rd, immediate(rs1)",
        0x67,
        Behaviour(jump_to_register, _class_of_jump, Kind.INDIRECT),
    ),
    *(
        instruction_row(
            name,
            "I",
            "B",
            "rs1, rs2, immediate",
            encoding(BRANCH, funct3),
            branch(operation, swapped),
        )
        for name, funct3, operation, swapped in _BRANCHES
    ),
    *(
        instruction_row(
            name, "I", "I", "rd, immediate(rs1)", encoding(LOAD, funct3), load(size, signed)
        )
        for name, funct3, size, signed in _LOADS
    ),
    *(
        instruction_row(name, "I", "S", "rs2, immediate(rs1)", encoding(STORE, funct3), store(size))
        for name, funct3, size in _STORES
    ),
    *_immediates(_COMPUTE, OP_IMM, "I-shift"),
    *_registers(_COMPUTE, OP),
    *_immediates(_COMPUTE_WORD, OP_IMM_32, "I-shift-word"),
    *_registers(_COMPUTE_WORD, OP_32),
    instruction_row(
        "fence",
        "I",
        "I-system",
        "sets",
        0x0F,
        Behaviour(fence, InstructionClass.FENCE, _kind_of_fence, writes=""),
    ),
)
"""The base integer instructions."""
