"""The system side of the toy ISA, and the ISA as a value.

A trap or interrupt goes to the address in r15. mttcg finds the value as it finds that of any other
package, by the entry points in toy_isa-1.0.dist-info.
"""

from collections.abc import Callable, Mapping

from toy_isa import (
    CALL,
    COUNT,
    ENABLE,
    FETCH_AGAIN,
    HART,
    RETURN,
    WAIT,
    ToyCode,
    ToyInterpreter,
    decode,
)

from mttcg.isa.base import Isa, Registers
from mttcg.isa.code import Code
from mttcg.isa.run_ahead import AheadMemory
from mttcg.isa.system import Clock, Effect, MemoryFault, RegisterError, Trap
from mttcg.memory.address import Physical, Virtual, physical_of
from mttcg.state.vcpu_state import NEVER, VcpuState
from mttcg.state.words import WordField, WordsField

VECTOR = 15
"""The register with the address of the handler."""
SOFTWARE = 1
"""The line of the one interrupt beside the timer's."""
NAMES = tuple(f"r{number}" for number in range(COUNT))
EXTENSIONS = {"definition": ("toy",), "llvm": ("toy",)}


class ToyAhead(AheadMemory, ToyInterpreter):
    """Runs instructions ahead."""

    def registers(self) -> tuple[int, ...]:
        """See AheadOfHart."""
        return tuple(self.x)


class ToyState(VcpuState):
    """The registers of a Toy hart."""

    r = WordsField(0, COUNT)
    saved = WordField(128)
    """Where the last trap or interrupt came from."""
    why = WordField(136)
    """Its code, or that of a MemoryFault by its place there, plus 16."""
    where = WordField(144)
    enabled = WordField(152)


class ToySystem:
    """See `isa.system.System`."""

    extensions: Mapping[str, tuple[str, ...]] = EXTENSIONS
    register_names = ("pc", *NAMES)
    handler_name, value_name = "r15", "where"
    levels: Mapping[str, int] = {}
    interrupt_sources: Mapping[int, str] = {SOFTWARE: "software"}
    interprocessor_cause = None
    host_call = None

    def state_at(self, segment: memoryview, index: int) -> ToyState:
        """See System."""
        return ToyState(segment, index)

    def isa_text(self, extensions: tuple[str, ...]) -> str:
        """See System."""
        return "+".join(extensions)

    def start(
        self,
        state: ToyState,
        pc: int,
        device_tree: int,
        extensions: tuple[str, ...],
        information: int = 0,
    ) -> None:
        """See System."""
        state.pc, state.r[1] = pc, device_tree
        state.timer_deadline = state.timer_deadline or NEVER

    def start_supervisor(
        self, state: ToyState, pc: int, argument: int, extensions: tuple[str, ...]
    ) -> None:
        """See System."""
        raise AssertionError("there is no firmware for it")

    def begin_counts(self, state: ToyState) -> None:
        """See System. The guest sees no count."""
        state.instructions = 0

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
        if it.immediate == ENABLE:
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

    def timers(self, state: ToyState) -> tuple[int, ...]:
        """See System."""
        return () if state.timer_deadline == NEVER else (state.timer_deadline,)

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

    def trap_places(self, state: ToyState) -> tuple[Virtual, ...]:
        """See System."""
        return Virtual(state.r[VECTOR]), Virtual(state.saved)

    def illegal_word(self, trap: Trap) -> int | None:
        """See System."""
        return trap.value if trap.cause == 0 else None

    def look_up(
        self, state: ToyState, address: Virtual, read: Callable[[Physical], int | None]
    ) -> Physical | None:
        """See System."""
        return physical_of(address)

    def translates(self, state: ToyState) -> bool:
        """See System."""
        return False

    def context(self, state: ToyState) -> int:
        """See System."""
        return 0

    def level_name(self, state: ToyState) -> str:
        """See System."""
        return ""

    def may_be_interrupted(self, state: ToyState) -> bool:
        """See System."""
        return bool(state.enabled)

    def run_ahead(self, state: ToyState, read: Callable[[int, int], int]) -> ToyAhead:
        """See System."""
        ahead = ToyAhead(pc=state.pc, x=list(state.r))
        ahead.read = read
        return ahead

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
