"""What the rest of the project may ask of an ISA beside its instructions.

That is a hart's registers and interrupts, how it starts, how it runs system instructions, and how
it enters traps. The parts are written over the hart's state in shared memory, so that all engines
share them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Protocol, TypeVar

from mttcg.errors import UserError
from mttcg.memory.address import Physical, Virtual
from mttcg.state.vcpu_state import VcpuState


class Clock(Protocol):
    """The guest's clock."""

    def time(self) -> int:
        """Ticks since the start."""


class Effect(Enum):
    """What the vCPU has to do after a system instruction, besides going on at the state's pc."""

    NOTHING = "nothing"
    WAIT = "sleep until an interrupt is pending"
    FETCH = "look again at every code page"
    CALL = "have the firmware, which is the host, answer the hart's call"
    STATUS = "interrupts or the floating-point unit may be on or off now"
    TRANSLATIONS = "as STATUS, and what is kept of address translation may be old"


class MemoryFault(Enum):
    """What can be wrong with an access to memory."""

    FETCH = "an instruction is fetched where there is none"
    LOAD = "a load where nothing is"
    STORE = "a store where nothing is"
    LOAD_MISALIGNED = "a load at an address that is no multiple of its size, and has to be"
    STORE_MISALIGNED = "a store at such an address"
    FETCH_PAGE = "an instruction is fetched where the page tables do not let it be"
    LOAD_PAGE = "a load where they do not"
    STORE_PAGE = "a store where they do not"


@dataclass(frozen=True)
class Trap:
    """A synchronous exception.

    Attributes:
        cause: its code in the ISA, see `System.cause_name`.
        pc: the instruction that it belongs to.
        value: what the ISA says further: an address, or the instruction's word.
    """

    cause: int
    pc: Virtual
    value: int = 0


@dataclass(frozen=True)
class HostCall:
    """How a guest calls its host: by an instruction that else traps, between two that do nothing.

    Attributes:
        before, after: the bytes around it, in one page with it.
        word: the instruction.
        operation, parameter: the integer registers that say what is wanted; the first has the
            result behind it.
    """

    before: bytes
    word: int
    after: bytes
    operation: int
    parameter: int


class RegisterError(UserError):
    """A register that there is not, or a value that it can't have."""

    def __init__(self, name: str, wrong: str, expected: str) -> None:
        super().__init__(f"{wrong}; expected {expected}")
        self.name, self.wrong, self.expected = name, wrong, expected


class AheadOfHart(Protocol):
    """Runs instructions ahead of a hart."""

    @property
    def pc(self) -> Virtual:
        """Of the next instruction."""

    def step(self, word: int) -> object:
        """Run the instruction at pc; None if it completed, and did nothing that others can see."""

    def registers(self) -> tuple[int, ...]:
        """All registers but pc."""


S = TypeVar("S", bound=VcpuState)


class System(Protocol[S]):
    """The system side of an ISA; `S` is its state, a class over `VcpuState`.

    Attributes:
        extensions: by engine, the names of the extensions that a hart has there.
        register_names: those that are worth it, to be shown together.
        handler_name: what the register is called that says where the handler of traps is.
        value_name: the same, for what a trap says beside its cause.
        levels: numbers of the levels of privilege, by name.
        interrupt_sources: what interrupts by their codes come from, "timer" or "software"; those of
            devices come from a controller, which knows.
        interprocessor_cause: code of the interrupt that one hart makes at another, None if
            there is none.
        host_call: how semihosting is called, None if the ISA has no way.
    """

    extensions: Mapping[str, tuple[str, ...]]
    register_names: tuple[str, ...]
    handler_name: str
    value_name: str
    levels: Mapping[str, int]
    interrupt_sources: Mapping[int, str]
    interprocessor_cause: int | None
    host_call: HostCall | None

    def state_at(self, segment: memoryview, index: int) -> S:
        """The state of hart `index` in the segment that holds all of them."""

    def isa_text(self, extensions: tuple[str, ...]) -> str:
        """A hart with these extensions, in the ISA's own notation, as device trees have it."""

    def start(
        self,
        state: S,
        pc: Virtual,
        device_tree: Physical,
        extensions: tuple[str, ...],
        information: int = 0,
    ) -> None:
        """Set the registers that a hart starts with, at an address.

        information: where firmware that is the guest's finds what it is to start, or 0.
        """

    def start_supervisor(
        self, state: S, pc: Virtual, argument: int, extensions: tuple[str, ...]
    ) -> None:
        """Set the registers that a hart starts with below firmware, which is the host.

        argument: for the guest, beside the hart's number; at the first start, where the device
        tree is.
        """

    def begin_counts(self, state: S) -> None:
        """Let `instructions` begin at 0, and what the guest sees of that count go on."""

    def execute(self, state: S, word: int, clock: Clock) -> Effect | Trap:
        """Run one instruction at the state's pc that the engine left to the host.

        It counts as retired; whoever calls takes that back if the answer is a Trap.
        """

    def float_enabled(self, state: S) -> bool:
        """Whether floating-point instructions run; they trap otherwise."""

    def fault(self, fault: MemoryFault, pc: Virtual, address: Virtual) -> Trap:
        """The trap for an access at `address` by the instruction at `pc`."""

    def take_trap(self, state: S, trap: Trap) -> None:
        """Enter the handler of a trap, and count it."""

    def take_interrupt(self, state: S, clock: Clock) -> int | None:
        """Enter the handler of the interrupt that is due; its code, None if none is."""

    def wakes(self, state: S, clock: Clock) -> bool:
        """Whether an interrupt is pending that ends a wait."""

    def deadline(self, state: S) -> int:
        """The time at which the hart's timer interrupts it; NEVER if it can't."""

    def timers(self, state: S) -> tuple[int, ...]:
        """The times at which the hart's timers come, whether they interrupt it or not."""

    def cause_name(self, cause: int) -> str:
        """What a trap's cause is called."""

    def handler(self, state: S) -> int:
        """Where the handler of traps is, as the register has it."""

    def trapped_pc(self, state: S) -> Virtual:
        """The pc to which the handler of the last trap returns."""

    def trap_places(self, state: S) -> tuple[Virtual, ...]:
        """Where the hart may be after an instruction that traps, or returns from a trap."""

    def illegal_word(self, trap: Trap) -> int | None:
        """The instruction that a trap says is illegal; None for other traps."""

    def look_up(
        self, state: S, address: Virtual, read: Callable[[Physical], int | None]
    ) -> Physical | None:
        """Where what a hart sees at an address is in physical memory; None if it is nowhere.

        Nothing is changed, and what the guest may do there is not looked at.

        read: gives 64 bits of RAM, None where there is none.
        """

    def translates(self, state: S) -> bool:
        """Whether any level of the hart has its addresses translated now."""

    def context(self, state: S) -> int:
        """The level and address space in which the hart runs, see `mttcg.isa.context`."""

    def level_name(self, state: S) -> str:
        """The level of privilege at which the hart runs, as people write it; "" if it has none."""

    def may_be_interrupted(self, state: S) -> bool:
        """Whether the hart takes interrupts, as it is now, should one become pending."""

    def run_ahead(self, state: S, read: Callable[[int, int], int]) -> "AheadOfHart":
        """What runs instructions from the hart's pc on, on a copy of its registers.

        read: gives bytes of memory, by address and size, as a number.
        """

    def integer_registers(self, state: S) -> memoryview:
        """The integer registers, by number."""

    def read_register(self, state: S, name: str, clock: Clock) -> int:
        """A register by name, system registers included; raises RegisterError."""

    def write_register(self, state: S, name: str, value: int) -> None:
        """Write a register by name, as far as it is writable."""

    def check_writable(self, name: str, value: object) -> None:
        """Raise RegisterError if a register can't be given a value from outside."""
