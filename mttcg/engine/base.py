"""What every engine offers the vCPU, and the ways in which it comes back."""

import ctypes
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, NamedTuple, Protocol, runtime_checkable

from mttcg.instrument.native.frames import BRANCHES, JUMPS, TAKEN
from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.isa.facts import FLOATS
from mttcg.isa.kind import Kind
from mttcg.isa.system import MemoryFault, Trap
from mttcg.memory.address import (
    HostAddress,
    Physical,
    PhysicalPage,
    Virtual,
    offset_in_page,
    physical_of,
)
from mttcg.memory.native_registers import PlacedRegisters
from mttcg.memory.ram import RamRange
from mttcg.state.vcpu_state import VcpuState
from mttcg.tbcache.cache import Block, BlockCache

OPERATION = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)


class ExitKind(Enum):
    """Why an engine came back."""

    REQUEST = "somebody set this vCPU's request word; no instruction was left half done"
    SYSTEM = "an instruction that the host runs is next; it counts as retired"
    ACCESS = "a load or store that is not plain RAM is next: a device, or a fault"
    FETCH = "the next pc lies outside of RAM"
    TRAP = "the next instruction makes the memory fault in `fault`"
    CALLBACK = "a Python callback failed, or moved pc"
    OTHER_VERSION = "the current block is to go on at the pc in another version of its page"


@dataclass(frozen=True)
class Exit:
    """An exit: its kind, the pc of the next instruction, and what the kind says further.

    `left_at`: of a CALLBACK before an instruction, the pc of that, which the block was left at.
    """

    kind: ExitKind
    pc: Virtual
    word: int = 0
    fault: MemoryFault | None = None
    address: Virtual = Virtual(0)
    left_at: Virtual | None = None


class AccessRefused(NamedTuple):
    """What keeps an access from being made, and the address at which it does."""

    fault: MemoryFault
    address: Virtual


@dataclass(frozen=True)
class NativeDevices:
    """What native code has to know to answer accesses to devices.

    Attributes:
        registers: those that it may answer.
        harts: where the states of all harts are.
        wake_fds: of the harts, by which they are woken.
        console: the descriptor to which the guest's output goes.
        input: the descriptor from which its input is taken.
        input_began: where the word is that is not 0 once the console had input.
        bells: the eventfds of the devices that have a half in the device process, by their names.
        firmware: the module and the name of a C function that answers calls of the guest.
    """

    registers: tuple[PlacedRegisters, ...]
    harts: HostAddress
    wake_fds: tuple[int, ...]
    console: int
    input: int
    input_began: HostAddress
    bells: Mapping[str, int] = field(default_factory=dict)
    firmware: tuple[str, str] | None = None


@dataclass(frozen=True)
class Memory:
    """What a vCPU process has mapped, and where; the size of RAM is in bytes.

    `device_pages` are those of RAM in which a device lies. `clock_origin` is where the time is, in
    nanoseconds of the monotonic clock, at which the guest's clock was 0; it has `timebase` ticks a
    second. `devices` is None if the host makes all accesses to them.
    """

    ram: HostAddress
    ram_base: Physical
    ram_size: int
    cache: HostAddress
    clock_origin: HostAddress
    timebase: int
    device_pages: tuple[PhysicalPage, ...] = ()
    devices: NativeDevices | None = None

    @property
    def ram_range(self) -> RamRange:
        """Where the guest has its RAM."""
        return RamRange(self.ram_base, self.ram_size)


class NativeSystem(Protocol):
    """Native code of an engine that knows a hart's system state.

    It looks at the clock by itself, and takes traps and interrupts as they come.
    """

    def let_traps(self, number: int, last: Trap | None, before: Trap | None) -> None:
        """Let so many traps be taken before the host sees one; 0: it sees all, and interrupts.

        `last`: the last one so far, and `before`, the last one before it that was another.
        """

    def passed_traps(self) -> tuple[Trap, Trap | None] | None:
        """If traps were taken since then, the last, and the last one before it that was another."""

    def let_accesses(self, allowed: bool) -> None:
        """Let native code make accesses to devices, or not, as somebody is told of each."""


class Engine(Protocol):
    """One vCPU's translator. Used from one thread; registers are exact between two runs."""

    name: str
    cache: BlockCache

    @property
    def native_system(self) -> NativeSystem | None:
        """What it does of the system natively; None if the host does all of that."""

    @property
    def hart(self) -> VcpuState:
        """The hart's state."""

    @property
    def unfinished(self) -> Virtual | None:
        """Where the current block, which was counted, is to go on; None if it is over."""

    def run(self, pc: Virtual) -> Exit:
        """Run from pc until something needs the vCPU."""

    def read_x(self, register: int) -> int:
        """An integer register."""

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; register 0 is left alone."""

    def read_f(self, register: int) -> int:
        """A floating-point register, its 64 bits."""

    def write_f(self, register: int, value: int) -> None:
        """Write the 64 bits of a floating-point register."""

    def spill(self) -> None:
        """Copy all registers to the hart state."""

    def spill_integer(self) -> None:
        """Copy the integer registers to the hart state."""

    def fill(self) -> None:
        """Take all registers from the hart state."""

    def enable_float(self, enabled: bool) -> None:
        """Let floating-point instructions run, or make them illegal."""

    def fetch_again(self) -> int:
        """Look at every code page anew; the number of blocks that were dropped."""

    def watch_blocks(self, watched: bool) -> None:
        """Say whether plugins are shown each block before this vCPU runs it for the first time."""

    def known_blocks(self) -> list[Block]:
        """The blocks that were discovered, of the code as it is now; in order of pc."""

    def retract(self, pc: Virtual) -> None:
        """Take back the count of the instructions of the current block from pc on."""

    def resume(self, pc: Virtual, passed: bool = False) -> None:
        """Say that what runs next at pc goes on with the current block, if that is not over.

        passed: what is attached before the instruction there has run, which itself has not.
        """

    def stop_for_callback(self, pc: Virtual, half_done: bool) -> None:
        """Leave at the next chance, from within a Python callback."""

    def move(self, pc: Virtual) -> None:
        """Go on at another pc, from within a Python callback before an instruction or block."""

    def apply(self, plan: Plan) -> None:
        """Put a plan in force; blocks translated under another are dropped."""

    def translate(self, address: Virtual, size: int, stores: bool) -> Physical | AccessRefused:
        """The physical address for an access within a page, as the hart is now."""

    def fetch_other_version(self) -> None:
        """Fetch the page at the pc in the version that the engine came back for."""

    def fence_translations(self) -> None:
        """Drop all that is kept of address translation."""

    def block_page(self) -> PhysicalPage:
        """The page of the block that was entered last."""

    def observe(self, pc: Virtual, address: Virtual, size: int, value: int, write: bool) -> None:
        """Tell the plan of an access that the host made in the guest's place."""

    def retired(self, pc: Virtual, word: int, target: Virtual) -> None:
        """Tell the plan of an instruction that the host ran, with its registers as they are now."""


@runtime_checkable
class TakesTurns(Protocol):
    """An engine whose hart can stop after a number of instructions, exactly."""

    def take_turns(self, clock: HostAddress, end: Callable[[], int]) -> Callable[[], None]:
        """Run no further than to the end of the hart's turn from now on.

        clock: where what the hart's instructions are from the clock is. end: gives how many
        instructions the hart is to have retired by then. Returns what has the engine forget its
        block: the hart goes on wherever its state says.
        """


def after_instruction(engine: Engine, pc: Virtual, word: int, target: Virtual) -> tuple[int, ...]:
    """What operations after an instruction are given, see `plan.Operation`."""
    facts = engine.cache.code.facts(word)
    word &= (1 << 8 * facts.length) - 1
    register = facts.destination
    value = 0
    if register:
        value = engine.read_f(register - FLOATS) if register >= FLOATS else engine.read_x(register)
    way = JUMPS if facts.jumps else 0
    if facts.kind is Kind.BRANCH:
        way = BRANCHES | (0 if target == pc + facts.length else TAKEN)
    what = word | register << 32 | way
    return pc, what, value, target, engine.hart.instructions


def tell_retired(
    engine: Engine, operations: Iterable[Operation], pc: Virtual, word: int, target: Virtual
) -> None:
    """Run what a plan has after each instruction, for one that the host ran."""
    arguments = after_instruction(engine, pc, word, target)
    slot = engine.cache.used[engine.block_page()]
    place = pc, 1, slot, offset_in_page(pc) // 2, engine.cache.code.length(word)
    for operation in operations:
        given = place if operation.kind == "table" else arguments
        function, data = operation.called
        OPERATION(function)(data, *given)


class InBlock(Protocol):
    """What knows the block that was entered last."""

    cache: BlockCache

    @property
    def hart(self) -> VcpuState:
        """The hart's state."""

    def block_page(self) -> PhysicalPage:
        """The page of that block."""


def current_block(engine: InBlock) -> Block:
    """The block that was entered last."""
    return engine.cache.block(engine.block_page(), engine.hart.block_pc)[0]


class Untranslated:
    """The part of an engine that has to do with addresses, of one that translates none."""

    cache: BlockCache
    hart: Any

    def translate(self, address: Virtual, size: int, stores: bool) -> Physical | AccessRefused:
        """See Engine."""
        return physical_of(address)

    def fetch_other_version(self) -> None:
        """Never asked for: what follows a page is what follows it in RAM."""

    def fence_translations(self) -> None:
        """Nothing is kept; see `mttcg.vcpu.vcpu.Vcpu` for a guest that wants it."""

    def block_page(self) -> PhysicalPage:
        """See Engine."""
        return self.cache.page_of(physical_of(self.hart.block_pc))


def meet_each_block(engine: Engine, watched: bool) -> None:
    """`watch_blocks` of an engine that each vCPU's blocks are new to."""


def blocks_of(cache: BlockCache, known: Iterable[tuple[int, Virtual]]) -> list[Block]:
    """Of the blocks known as (slot, pc) those that are as the code is now; in order of pc."""
    return cache.current_blocks((slot, cache.page_in(slot), pc) for slot, pc in known)


Discover = Callable[[Block], Plan | None]
"""Called with each block before its first execution here; a new plan if that changed it."""
