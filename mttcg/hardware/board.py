"""What a board is: a table of devices, one row each, and how they are built from it.

A board of its own is a module in `boards`. A device is a class in its own file, which knows offsets
and the ports it is given, and a row, which says where the device is and what it is connected to.

Every device runs in the vCPU that accesses it. So each vCPU process builds all of them, and what a
device keeps between two accesses is in the row's `state_bytes`, which they share. A row with
`backend_apart` has the registers of a device whose other half runs in the device process, built
from the same ports.
"""

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple, Protocol

from mttcg.errors import MttcgError
from mttcg.hardware.interrupts.ports import BoardClock, HartPorts, InterruptController, Line
from mttcg.hardware.mmio import Device, MmioMap
from mttcg.memory.address import HostAddress, Physical
from mttcg.memory.host import address_of_buffer
from mttcg.memory.native_registers import OF_EACH_HART, NativeRegisters, PlacedRegisters
from mttcg.memory.ram import GuestRam

NOTHING_CHOSEN: Mapping[str, bytes] = MappingProxyType({})
STATE_ALIGNMENT = 128
"""Bytes; two devices' states are in no cache line together, nor in two that are fetched as one."""


@dataclass(frozen=True)
class AtSymbol:
    """Where the guest's file has a symbol; a device there is present if the symbol is."""

    symbol: str


@dataclass(frozen=True)
class Region:
    """Addresses at which a device answers."""

    base: Physical | AtSymbol
    size: int
    """Bytes."""


@dataclass(frozen=True)
class InterruptTo:
    """Where a device's interrupt line goes: to a controller, by its row's name, and a number."""

    controller: str
    number: int


@dataclass(frozen=True)
class DeviceNode:
    """What the device tree says of a device, besides its addresses and interrupts."""

    name: str
    """Generic name, without unit address, such as "serial"."""
    compatible: tuple[str, ...]
    properties: Mapping[str, bytes] = field(default_factory=dict)


class Console(Protocol):
    """The other end of the guest's console."""

    def send(self, data: bytes) -> None:
        """Show bytes; takes as long as who shows them takes."""

    def take(self) -> int | None:
        """Take one character (0 to 255) that was typed, None if none waits."""

    def waiting(self) -> bool:
        """Return whether a character waits."""


class BackEndPort(Protocol):
    """The half of a device that is in the device process, as the half in a vCPU reaches it."""

    def ring(self) -> None:
        """Have it look at the device's state; what was stored before is seen."""

    def is_gone(self) -> bool:
        """Return whether it may look no more, as the machine stops."""


@dataclass(frozen=True)
class Wiring:
    """What the devices of a board are connected to in one process of a machine."""

    ram: GuestRam
    harts: Sequence[HartPorts]
    clock: BoardClock
    console: Console
    finish: Callable[[int], None]
    """Ends the run with a code."""
    state: memoryview
    """`Board.state_bytes` bytes of memory that all processes share, zeroed and then prepared
    (`Board.prepare`) before the start."""
    notify: Callable[[], None] = lambda: None
    """Has the supervisor look at the devices that it serves."""
    say: Callable[[str], None] = lambda _text: None
    """Tells the user something, once."""
    backends: Mapping[str, BackEndPort] = field(default_factory=dict)
    """By their rows' names, those that there are in this run."""
    real_time: Callable[[], int] = time.time_ns
    """Nanoseconds since 1970, as a real-time clock has them before a guest sets it."""
    claimed: Callable[[str, int], None] = lambda _controller, _number: None
    """Told by a controller, by its row's name, which request a hart has claimed."""


@dataclass(frozen=True)
class DevicePorts:
    """What one device is connected to."""

    wiring: Wiring
    bases: tuple[Physical | None, ...]
    """Where its regions are; None for a symbol that is not there."""
    state: memoryview
    """Its row's `state_bytes` bytes of shared memory, zeroed before the start."""
    line: Line | None
    """Its interrupt line, None for a row without `interrupt`."""
    backend: BackEndPort | None
    """Its half in the device process, None if there is none."""


@dataclass(frozen=True)
class DeviceRow:
    """One device of a board."""

    name: str
    regions: tuple[Region, ...]
    """Where it answers; it is present if its first region is."""
    build: Callable[[DevicePorts], Sequence[Device]]
    """Makes the device: what answers at each region that is present, in order."""
    state_bytes: int = 0
    interrupt: InterruptTo | None = None
    hart_inputs: tuple[int, ...] = ()
    """Interrupt inputs that it drives at every hart, by the architecture's numbers."""
    node: DeviceNode | None = None
    """None: the device tree does not show it."""
    prepare: Callable[[memoryview], None] | None = None
    """Makes its state ready, once, before any process uses it; None if zeros are."""
    restore: Callable[[memoryview, int], None] | None = None
    """Makes a state ready that another machine had, before any process uses it, given for how many
    nanoseconds, by the host's clock, it has stood; None if it is. A lock is then made anew."""
    served: bool = False
    """Whether the supervisor has the device as well, and tells it of what comes from outside
    (`mttcg.hardware.outside`)."""
    native: tuple[NativeRegisters, ...] = ()
    """Registers of its first region that native code may answer in its place."""
    backend_apart: bool = False
    """Whether a half of it is in the device process, where the run has something to attach."""


class AbsentDevice(NamedTuple):
    """A device that boards of this kind have elsewhere, and this one lacks."""

    name: str
    base: Physical
    size: int


class HartRegisters(NamedTuple):
    """Registers of which each hart has one, one after the other.

    Attributes:
        base: guest physical address of hart 0's.
        size: bytes that all have room in.
        stride: bytes from one hart's to the next.
    """

    base: Physical
    size: int
    stride: int


class MakeTree(Protocol):
    """Makes the text of a board's device tree."""

    def __call__(
        self,
        board: "Board",
        rows: Sequence[DeviceRow],
        smp: int,
        ram_size: int,
        *,
        isa: str,
        chosen: Mapping[str, bytes],
    ) -> bytes:
        """Return the flattened device tree.

        `rows` are those of the devices that are present, `chosen`: properties of /chosen beside
        what the board knows itself.
        """


class NoControllerError(MttcgError):
    """A row's interrupt goes to what is no interrupt controller, or to a later row."""

    def __init__(self, device: str, controller: str) -> None:
        super().__init__(f"device {device}: no interrupt controller {controller} comes before it")
        self.device, self.controller = device, controller


@dataclass(frozen=True)
class Board:
    """A board, as a value.

    Attributes:
        name: as in `boards.BOARDS`.
        ram_base: where RAM begins.
        timebase: ticks of the clock a second.
        rows: the devices; a controller comes before what raises its lines.
        make_tree: makes the device tree.
        interprocessor: registers by which harts interrupt each other, None without such.
        absent: what guests may look for in vain; accesses there fault, and the user is told once.
    """

    name: str
    ram_base: Physical
    timebase: int
    rows: tuple[DeviceRow, ...]
    make_tree: MakeTree
    interprocessor: HartRegisters | None = None
    absent: tuple[AbsentDevice, ...] = ()

    @property
    def symbols(self) -> Mapping[str, int]:
        """The guest's symbols at which there may be a device, and how many bytes of it."""
        regions = (region for row in self.rows for region in row.regions)
        return {
            region.base.symbol: region.size
            for region in regions
            if isinstance(region.base, AtSymbol)
        }

    @property
    def state_bytes(self) -> int:
        """Bytes of shared memory that the devices need."""
        return sum(_aligned(row.state_bytes) for row in self.rows)

    def place(self, wiring: Wiring, symbols: Mapping[str, Physical]) -> MmioMap:
        """Build the devices, each connected and in its place.

        `symbols`: where those of `Board.symbols` are that the guest has. Raises `MmioRangeError`
        for a device that can't be where it was to be, `NoControllerError`.
        """
        placed = MmioMap(self.ram_base, wiring.ram.size, self._absences(wiring.say))
        for _, ports, devices in self._built(wiring, symbols, {row.name for row in self.rows}):
            for base, device in zip(_present(ports.bases), devices, strict=True):
                placed.add(base, device)
        return placed

    def served(self, wiring: Wiring, symbols: Mapping[str, Physical]) -> tuple[Device, ...]:
        """Build the devices that the supervisor serves, and what their lines lead to.

        Arguments and errors: as of `place`.
        """
        built = self._built_for([row for row in self.rows if row.served], wiring, symbols)
        return tuple(device for _, devices in built.values() for device in devices)

    def apart(self, wiring: Wiring, symbols: Mapping[str, Physical]) -> dict[str, DevicePorts]:
        """What those devices are connected to that have a half in the device process.

        By the rows' names. Arguments and errors: as of `place`.
        """
        built = self._built_for([row for row in self.rows if row.backend_apart], wiring, symbols)
        return {name: ports for name, (ports, _) in built.items()}

    @property
    def slots(self) -> tuple[str, ...]:
        """Names of the rows with a half in the device process, in the order of use."""
        return tuple(row.name for row in self.rows if row.backend_apart)

    def sources(self) -> dict[tuple[str, int], str]:
        """The devices whose interrupts go to a controller, by that and the number there."""
        return {
            (row.interrupt.controller, row.interrupt.number): row.name
            for row in self.rows
            if row.interrupt is not None
        }

    def state_of(self, name: str, memory: memoryview) -> memoryview:
        """The state of a row in `memory`, that of all devices."""
        return next(state for row, state in self._states(memory) if row.name == name)

    def _absences(self, say: Callable[[str], None]) -> Callable[[Physical], None]:
        """What is told of accesses where nothing is; it says which device is absent, once each."""
        told = set()

        def look(address: Physical) -> None:
            for absent in self.absent:
                if absent.base <= address < absent.base + absent.size and absent not in told:
                    told.add(absent)
                    say(f"the guest looks for {absent.name} at {address:#x}, which is not there")

        return look

    def prepare(self, memory: memoryview) -> None:
        """Make the devices' states ready; `memory` is zeroed, and no process uses it yet."""
        for row, state in self._states(memory):
            if row.prepare is not None:
                row.prepare(state)

    def states(self, memory: memoryview) -> dict[str, bytes]:
        """The states of all devices of a machine that stands still, by their rows' names."""
        return {row.name: bytes(state) for row, state in self._states(memory) if row.state_bytes}

    def restore(self, memory: memoryview, states: Mapping[str, bytes], stood_ns: int) -> None:
        """Make the devices' states those that another machine had; no process uses them yet.

        stood_ns: for how long, by the host's clock. Raises ValueError for what no such board has.
        """
        sizes = {row.name: row.state_bytes for row in self.rows if row.state_bytes}
        if {name: len(state) for name, state in states.items()} != sizes:
            raise ValueError(f"states of {', '.join(states)}")
        for row, state in self._states(memory):
            if row.state_bytes:
                state[:] = states[row.name]
            if row.restore is not None:
                row.restore(state, stood_ns)

    def _built_for(
        self, rows: Sequence[DeviceRow], wiring: Wiring, symbols: Mapping[str, Physical]
    ) -> dict[str, tuple[DevicePorts, Sequence[Device]]]:
        """Build the devices of some rows, and what their lines lead to; by the rows' names."""
        names = {row.name for row in rows}
        led_to = {row.interrupt.controller for row in rows if row.interrupt is not None}
        built = self._built(wiring, symbols, names | led_to)
        return {row.name: (ports, devices) for row, ports, devices in built if row.name in names}

    def _built(
        self, wiring: Wiring, symbols: Mapping[str, Physical], names: Collection[str]
    ) -> Iterator[tuple[DeviceRow, DevicePorts, Sequence[Device]]]:
        """Build the devices of the rows with these names, in order; raises NoControllerError."""
        controllers: dict[str, InterruptController] = {}
        for row, state in self._states(wiring.state):
            bases = _bases(row, symbols)
            if bases[0] is None or row.name not in names:
                continue
            line, backend = _line(row, controllers), wiring.backends.get(row.name)
            ports = DevicePorts(wiring, bases, state, line, backend)
            devices = row.build(ports)
            for device in devices:
                if isinstance(device, InterruptController):
                    controllers[row.name] = device
            yield row, ports, devices

    def native_registers(
        self, memory: memoryview, harts: int, symbols: Mapping[str, Physical]
    ) -> tuple[PlacedRegisters, ...]:
        """Where what native code may answer is on a machine with so many harts.

        `memory`: the devices' states. `symbols`: as for `place`.
        """
        states = {
            row.name: HostAddress(address_of_buffer(state) if row.state_bytes else 0)
            for row, state in self._states(memory)
        }
        return tuple(
            PlacedRegisters(
                registers,
                Physical(base + registers.offset),
                harts if registers.kind in OF_EACH_HART else registers.places,
                states[row.name],
                row.name,
                *(
                    (states[row.interrupt.controller], row.interrupt.number)
                    if row.interrupt
                    else ()
                ),
            )
            for row in self.rows
            if (base := _bases(row, symbols)[0]) is not None
            for registers in row.native
        )

    def _states(self, memory: memoryview) -> Iterator[tuple[DeviceRow, memoryview]]:
        at = 0
        for row in self.rows:
            yield row, memory[at : at + row.state_bytes]
            at += _aligned(row.state_bytes)

    def device_tree(
        self,
        smp: int,
        ram_size: int,
        symbols: Mapping[str, Physical],
        *,
        isa: str,
        chosen: Mapping[str, bytes] = NOTHING_CHOSEN,
    ) -> bytes:
        """Return the flattened device tree of this board with so many harts and bytes of RAM.

        `symbols`: as for `place`. `isa`: what the harts have, as the tree is to say it. `chosen`:
        as of `MakeTree`.
        """
        present = [row for row in self.rows if _bases(row, symbols)[0] is not None]
        return self.make_tree(self, present, smp, ram_size, isa=isa, chosen=chosen)


def _bases(row: DeviceRow, symbols: Mapping[str, Physical]) -> tuple[Physical | None, ...]:
    places = (region.base for region in row.regions)
    return tuple(
        symbols.get(place.symbol) if isinstance(place, AtSymbol) else place for place in places
    )


def _present(bases: Sequence[Physical | None]) -> list[Physical]:
    return [base for base in bases if base is not None]


def _line(row: DeviceRow, controllers: Mapping[str, InterruptController]) -> Line | None:
    if row.interrupt is None:
        return None
    controller = controllers.get(row.interrupt.controller)
    if controller is None:
        raise NoControllerError(row.name, row.interrupt.controller)
    return controller.line(row.interrupt.number)


def _aligned(size: int) -> int:
    return -(-size // STATE_ALIGNMENT) * STATE_ALIGNMENT
