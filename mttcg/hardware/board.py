"""The virt board: what is where, as on QEMU's RISC-V virt board (qemu: hw/riscv/virt.c).

| address | size | device |
|---|---|---|
| 0x00100000 | 0x1000 | test finisher |
| 0x02000000 | 0x10000 | CLINT |
| 0x10000000 | 0x100 | 16550 UART |
| 0x80000000 | --memory | RAM; the device tree at its end; HTIF over `tohost` and `fromhost` |

Every hart starts at the ELF's entry with a0 = hart id and a1 = address of the device tree.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from mttcg.config import Config
from mttcg.hardware import devicetree
from mttcg.hardware.devices.clint import Clint, ClintHarts
from mttcg.hardware.devices.finisher import Finisher
from mttcg.hardware.devices.htif import Htif
from mttcg.hardware.devices.uart16550 import Uart16550
from mttcg.hardware.devicetree import ISA, DeviceNode, board_tree, cells
from mttcg.hardware.mmio import Device, MmioMap
from mttcg.hardware.ram import GuestRam

RAM_BASE = 0x8000_0000
FINISHER = 0x10_0000
CLINT = 0x200_0000
UART = 0x1000_0000
UART_CLOCK = 3_686_400
"""Input clock in Hz that the device tree states; there is no line, so it sets no speed."""
TIMEBASE = devicetree.TIMEBASE
"""Ticks of mtime a second."""

DEVICE_NODES = (
    DeviceNode(
        "serial",
        UART,
        Uart16550.size,
        ("ns16550a",),
        {"clock-frequency": cells(UART_CLOCK)},
    ),
    DeviceNode("test", FINISHER, Finisher.size, ("sifive,test1", "sifive,test0", "syscon")),
    DeviceNode(
        "clint",
        CLINT,
        Clint.size,
        ("sifive,clint0", "riscv,clint0"),
        interrupts=(devicetree.SOFTWARE_INTERRUPT, devicetree.TIMER_INTERRUPT),
    ),
)
"""The devices as the device tree shows them."""


class HtifSymbols(Protocol):
    """Where an image has its HTIF words, as guest physical addresses; None: it has none."""

    @property
    def tohost(self) -> int | None:
        """Address of `tohost`."""

    @property
    def fromhost(self) -> int | None:
        """Address of `fromhost`."""


@dataclass(frozen=True)
class Wiring:
    """What the devices of a board are connected to; shared by all vCPU processes."""

    ram: memoryview
    """Guest RAM, writable."""
    clint_harts: ClintHarts
    finish: Callable[[int], None]
    """Ends the run with a code."""
    console_output: Callable[[bytes], None]
    """Sends bytes to the console."""
    console_input: Callable[[], int | None]
    """Takes one character from the console, None if none waits."""
    console_waiting: Callable[[], bool]
    """Whether a character waits."""
    uart_state: memoryview
    """`uart16550.STATE_SIZE` bytes, zeroed."""
    htif_state: memoryview
    """`htif.STATE_SIZE` bytes, zeroed."""


@dataclass(frozen=True)
class Board:
    """A board with its devices in place."""

    ram_base: int
    ram_size: int
    """Bytes."""
    smp: int
    """Number of harts."""
    mmio: MmioMap
    uart: Uart16550
    """For its interrupt line."""
    htif: Htif | None
    """For its count of refused calls."""


def build_board(config: Config, image: HtifSymbols, wiring: Wiring) -> Board:
    """Make the devices, wire them and place them; `image` decides on HTIF.

    Raises `MmioRangeError` for a device that can't be where it was to be.
    """
    uart = Uart16550(
        wiring.uart_state, wiring.console_output, wiring.console_input, wiring.console_waiting
    )
    htif = _build_htif(image, wiring)
    devices: list[tuple[int, Device]] = [
        (FINISHER, Finisher(wiring.finish)),
        (CLINT, Clint(wiring.clint_harts)),
        (UART, uart),
        *(htif.registers() if htif else ()),
    ]
    return Board(
        ram_base=RAM_BASE,
        ram_size=config.memory,
        smp=config.smp,
        mmio=build_mmio(config.memory, devices),
        uart=uart,
        htif=htif,
    )


def build_mmio(ram_size: int, devices: list[tuple[int, Device]]) -> MmioMap:
    """Place devices, each after its base address, beside RAM of `ram_size` bytes."""
    mmio = MmioMap(RAM_BASE, ram_size)
    for base, device in devices:
        mmio.add(base, device)
    return mmio


def _build_htif(image: HtifSymbols, wiring: Wiring) -> Htif | None:
    if image.tohost is None:
        return None
    return Htif(
        GuestRam(RAM_BASE, wiring.ram),
        image.tohost,
        image.fromhost,
        wiring.htif_state,
        wiring.finish,
        wiring.console_output,
        wiring.console_input,
    )


def virt_tree(
    smp: int, ram_size: int, *, htif: bool = False, bootargs: str = "", isa: str = ISA
) -> bytes:
    """Return the flattened device tree of this board."""
    return board_tree(smp, RAM_BASE, ram_size, DEVICE_NODES, bootargs, htif=htif, isa=isa)
