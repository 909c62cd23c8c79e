"""An ISA of ten instructions with a system side, for tests of what is to know no ISA.

That of `tests/engine/toy_isa.py` has 2-byte instructions, and no traps.

Instructions have 4 bytes, and lie at multiples of that. The opcode is the top byte; rd, rs1 and rs2
have five bits each from bit 0 on. Immediates are signed: 9 bits, or 14 where rs2 is not needed.
There are 16 registers, of which r0 is 0. A trap or interrupt goes to the address in r15.
"""

from collections.abc import Iterable, Mapping

from mttcg.isa.base import Isa, Registers
from mttcg.isa.code import Code, Missing
from mttcg.isa.facts import Facts
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Binary, Operations, V
from mttcg.isa.system import Clock, Effect, MemoryFault, RegisterError, Trap
from mttcg.isa.table.facts import facts_of
from mttcg.isa.table.layout import Field, Layout, signed
from mttcg.isa.table.lookup import make_decode
from mttcg.isa.table.row import Behaviour, Decoded, Memory, Row, Semantics
from mttcg.state.vcpu_state import NEVER, VcpuState
from mttcg.state.words import Word, Words

RD, RS1, RS2 = (Field(((at, 5, 0),)) for at in (0, 5, 10))
SHORT, LONG = signed(9, (15, 9, 0)), signed(14, (10, 14, 0))
REGISTERS = Layout("registers", RD, RS1, RS2)
LOADS = Layout("loads", RD, RS1, immediate=LONG)
STORES = Layout("stores", rs1=RS1, rs2=RS2, immediate=SHORT)
DISTANCE = Layout("distance", RD, RS1, immediate=signed(16, (10, 14, 2)))

VECTOR = 15
"""The register with the address of the handler."""
CALL, RETURN, WAIT, FETCH_AGAIN, MASK, HART = range(6)
"""What `sys` does, by its immediate: trap; return from that; wait; look at the code again; let
interrupts through if rs1 is not 0; write the hart's number to rd."""
SOFTWARE = 1
"""The line of the one interrupt beside the timer's."""
NAMES = tuple(f"r{number}" for number in range(16))
EXTENSIONS = {"interpreter": ("toy",)}


class ToyState(VcpuState):
    """The registers of a Toy hart."""

    r = Words(0, 16)
    saved = Word(128)
    """Where the last trap or interrupt came from."""
    why = Word(136)
    """Its code, or that of a MemoryFault by its place there, plus 16."""
    where = Word(144)
    enabled = Word(152)


def _binary(operation: Binary) -> Semantics:
    def run(ops: Operations[V], instruction: Decoded, pc: int) -> None:
        ops.write_x(
            instruction.rd,
            ops.binary(operation, ops.read_x(instruction.rs1), ops.read_x(instruction.rs2)),
        )

    return run


def _set(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    base = ops.read_x(instruction.rs1)
    ops.write_x(instruction.rd, ops.binary("add", base, ops.constant(instruction.immediate)))


def _shift(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    ops.write_x(
        instruction.rd,
        ops.shift("shl", ops.read_x(instruction.rs1), ops.constant(instruction.immediate)),
    )


def _address(ops: Operations[V], instruction: Decoded) -> V:
    return ops.binary("add", ops.read_x(instruction.rs1), ops.constant(instruction.immediate))


def _load(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    ops.write_x(instruction.rd, ops.load(_address(ops, instruction), 8))


def _store(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    ops.store(_address(ops, instruction), 8, ops.read_x(instruction.rs2))


def _branch(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    condition = ops.compare("ne", ops.read_x(instruction.rs1), ops.constant(0))
    ops.branch(condition, instruction.immediate)


def _jump(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    ops.write_x(instruction.rd, ops.pc_plus(4))
    ops.jump(ops.pc_plus(instruction.immediate))


def _indirect(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    ops.jump(_address(ops, instruction))


def _system(ops: Operations[V], instruction: Decoded, pc: int) -> None:
    ops.leave(instruction.word)


def _memory(loads: bool) -> Memory:
    return Memory(8, loads=loads, stores=not loads)


C = InstructionClass
ROWS = tuple(
    Row(name, "toy", layout, "", opcode << 24, behaviour)
    for opcode, (name, layout, behaviour) in enumerate(
        (
            ("set", LOADS, Behaviour(_set)),
            ("shift", LOADS, Behaviour(_shift)),
            ("add", REGISTERS, Behaviour(_binary("add"))),
            ("sub", REGISTERS, Behaviour(_binary("sub"))),
            ("load", LOADS, Behaviour(_load, C.LOAD, Kind.LOAD, memory=_memory(True))),
            ("store", STORES, Behaviour(_store, C.STORE, Kind.STORE, "", _memory(False))),
            ("bnz", DISTANCE, Behaviour(_branch, C.BRANCH, Kind.BRANCH, "")),
            ("jump", DISTANCE, Behaviour(_jump, C.JUMP, Kind.JUMP)),
            ("go", LOADS, Behaviour(_indirect, C.JUMP, Kind.INDIRECT, "")),
            ("sys", LOADS, Behaviour(_system, C.SYSTEM, Kind.SYSTEM)),
        ),
        start=0xA0,
    )
)
BY_NAME = {row.name: row for row in ROWS}


def length(_low_half: int) -> int:
    """All instructions have 4 bytes."""
    return 4


decode = make_decode(ROWS, length, {4: 0xFF00_0000})


def assemble(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, immediate: int = 0) -> bytes:
    """An instruction."""
    row = BY_NAME[name]
    word, fields = row.match, row.format
    operands = ((fields.rd, rd), (fields.rs1, rs1), (fields.rs2, rs2))
    for field, value in (*operands, (fields.immediate, immediate)):
        for low, width, to in field.pieces:
            word |= (value >> to & (1 << width) - 1) << low
    found = decode(word)
    assert found is not None
    assert (found.rd, found.rs1, found.rs2, found.immediate) == (rd, rs1, rs2, immediate)
    return word.to_bytes(4, "little")


class ToyCode:
    """See `isa.code.Code`."""

    alignment = longest = 4
    length = staticmethod(length)
    decode = staticmethod(decode)

    def facts(self, word: int) -> Facts:
        """See Code."""
        found = decode(word)
        return Facts(4, Kind.ILLEGAL) if found is None else facts_of(found)

    def disassemble(self, code: bytes, address: int) -> list[tuple[int, int, str]]:
        """See Code."""
        words = [int.from_bytes(code[at : at + 4], "little") for at in range(0, len(code) - 3, 4)]
        found = [(address + 4 * number, decode(word)) for number, word in enumerate(words)]
        return [(at, 4, "?" if one is None else one.name) for at, one in found]

    def returns_from_trap(self, word: int) -> bool:
        """See Code."""
        found = decode(word)
        return found is not None and found.name == "sys" and found.immediate == RETURN

    def missing(self, word: int, extensions: Iterable[str]) -> Missing | None:
        """See Code."""
        return None


class ToySystem:
    """See `isa.system.System`."""

    extensions: Mapping[str, tuple[str, ...]] = EXTENSIONS
    register_names = ("pc", *NAMES)
    handler_name, value_name = "r15", "where"

    def state_at(self, segment: memoryview, index: int) -> ToyState:
        """See System."""
        return ToyState(segment, index)

    def isa_text(self, extensions: tuple[str, ...]) -> str:
        """See System."""
        return "+".join(extensions)

    def start(
        self, state: ToyState, pc: int, device_tree: int, extensions: tuple[str, ...]
    ) -> None:
        """See System."""
        state.pc, state.r[1] = pc, device_tree
        state.timer_deadline = state.timer_deadline or NEVER

    def execute(self, state: ToyState, word: int, clock: Clock) -> Effect | Trap:
        """See System."""
        it = decode(word)
        if it is None or it.name != "sys":
            return Trap(0, state.pc, word)
        if it.immediate == CALL:
            return Trap(1, state.pc)
        if it.immediate == RETURN:
            state.pc = state.saved
            return Effect.STATUS
        state.pc += 4
        if it.immediate == MASK:
            state.enabled = int(state.r[it.rs1] != 0)
            return Effect.STATUS
        if it.immediate == HART:
            state.r[it.rd] = state.index
        return {WAIT: Effect.WAIT, FETCH_AGAIN: Effect.FETCH}.get(it.immediate, Effect.NOTHING)

    def float_enabled(self, state: ToyState) -> bool:
        """See System."""
        return False

    def fault(self, fault: MemoryFault, pc: int, address: int) -> Trap:
        """See System."""
        return Trap(16 + list(MemoryFault).index(fault), pc, address)

    def _enter(self, state: ToyState, why: int, saved: int, where: int) -> None:
        state.why, state.saved, state.where, state.enabled = why, saved, where, 0
        state.pc = state.r[VECTOR]

    def take_trap(self, state: ToyState, trap: Trap) -> None:
        """Go to the handler; `sys RETURN` goes on behind the instruction."""
        state.traps += 1
        self._enter(state, trap.cause, trap.pc + 4, trap.value)

    def take_interrupt(self, state: ToyState, clock: Clock) -> int | None:
        """See System."""
        if not state.enabled or not self.wakes(state, clock):
            return None
        state.interrupts += 1
        self._enter(state, 2, state.pc, 0)
        return 2

    def wakes(self, state: ToyState, clock: Clock) -> bool:
        """See System."""
        return bool(state.lines[SOFTWARE]) or clock.time() >= state.timer_deadline

    def deadline(self, state: ToyState) -> int:
        """See System."""
        return state.timer_deadline

    def cause_name(self, cause: int) -> str:
        """See System."""
        names = {0: "no such instruction", 1: "call", 2: "interrupt"}
        return names.get(cause) or list(MemoryFault)[cause - 16].value

    def handler(self, state: ToyState) -> int:
        """See System."""
        value: int = state.r[VECTOR]
        return value

    def trapped_pc(self, state: ToyState) -> int:
        """See System."""
        return state.saved - 4

    def illegal_word(self, trap: Trap) -> int | None:
        """See System."""
        return trap.value if trap.cause == 0 else None

    def integer_registers(self, state: ToyState) -> memoryview:
        """See System."""
        return state.r

    def read_register(self, state: ToyState, name: str, clock: Clock) -> int:
        """See System."""
        if name == "pc":
            return state.pc
        value: int = state.r[self._number(name)]
        return value

    def write_register(self, state: ToyState, name: str, value: int) -> None:
        """See System."""
        if name == "pc":
            state.pc = value
        else:
            state.r[self._number(name)] = value

    def check_writable(self, name: str, value: object) -> None:
        """See System."""
        if name != "pc":
            self._number(name)

    @staticmethod
    def _number(name: str) -> int:
        if name not in NAMES:
            raise RegisterError(name, f"there is no register {name!r}", "r0 to r15, or pc")
        return NAMES.index(name)


def _code() -> Code:
    return ToyCode()


TOY = Isa(
    name="toy",
    title="Toy",
    elf_machine=0xFEED,
    registers=Registers(
        NAMES, (), {"pc": ("pc", 0)} | {name: ("x", n) for n, name in enumerate(NAMES)}
    ),
    load_code=_code,
    system=ToySystem(),
)
