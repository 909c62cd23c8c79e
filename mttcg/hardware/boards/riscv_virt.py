"""The virt board: what is where, as on QEMU's RISC-V virt board (qemu: hw/riscv/virt.c).

| address | size | device |
|---|---|---|
| 0x00100000 | 0x1000 | test finisher |
| 0x00101000 | 0x1000 | goldfish RTC |
| 0x02000000 | 0x10000 | CLINT |
| 0x0c000000 | 0x600000 | PLIC |
| 0x10000000 | 0x100 | 16550 UART |
| 0x10001000 | 8 times 0x1000 | virtio-mmio; interrupts 1 to 8 |
| 0x80000000 | --memory | RAM; the device tree at its end; HTIF over `tohost` and `fromhost` |

Every hart starts at the ELF's entry with a0 = hart id and a1 = address of the device tree.
"""

from collections.abc import Sequence
from functools import partial

from mttcg.hardware.board import (
    AbsentDevice,
    AtSymbol,
    Board,
    DeviceNode,
    DevicePorts,
    DeviceRow,
    HartRegisters,
    InterruptTo,
    Region,
)
from mttcg.hardware.boards.riscv_virt_tree import virt_tree
from mttcg.hardware.devices import goldfish_rtc, htif, uart16550
from mttcg.hardware.devices.finisher import Finisher
from mttcg.hardware.devices.goldfish_rtc import GoldfishRtc
from mttcg.hardware.devices.htif import Htif
from mttcg.hardware.devices.uart16550 import Uart16550
from mttcg.hardware.devices.virtio import transport
from mttcg.hardware.devices.virtio.layout import STATE_BYTES as VIRTIO_STATE_BYTES
from mttcg.hardware.devices.virtio.transport import VirtioMmio
from mttcg.hardware.devicetree import cells
from mttcg.hardware.interrupts import plic
from mttcg.hardware.interrupts.clint import MSIP, MSIP_SIZE, MTIME, MTIMECMP, WORD_SIZE, Clint
from mttcg.hardware.interrupts.plic import Plic
from mttcg.hardware.mmio import Device
from mttcg.isa.riscv64.interrupts import (
    EXTERNAL_NUMBER,
    SOFTWARE_NUMBER,
    SUPERVISOR_EXTERNAL,
    TIMER_NUMBER,
)
from mttcg.memory.address import Physical
from mttcg.memory.native_registers import NativeRegisters, RegisterKind

RAM_BASE = Physical(0x8000_0000)
FINISHER = Physical(0x10_0000)
CLINT = Physical(0x200_0000)
PLIC = Physical(0xC00_0000)
UART = Physical(0x1000_0000)
UART_INTERRUPT = 10
RTC = Physical(0x10_1000)
RTC_INTERRUPT = 11
VIRTIO = Physical(0x1000_1000)
"""Of the first slot; the others follow, one behind the other."""
VIRTIO_SLOTS = 8
UART_CLOCK = 3_686_400
"""Input clock in Hz that the device tree states; there is no line, so it sets no speed."""
TIMEBASE = 10_000_000
"""Ticks of mtime a second."""


def _uart(ports: DevicePorts) -> Sequence[Device]:
    console = ports.wiring.console
    return (Uart16550(ports.state, console.send, console.take, console.waiting, ports.line),)


def _finisher(ports: DevicePorts) -> Sequence[Device]:
    return (Finisher(ports.wiring.finish, ports.wiring.say),)


def _rtc(ports: DevicePorts) -> Sequence[Device]:
    wiring = ports.wiring
    return (GoldfishRtc(ports.state, ports.line, wiring.notify, wiring.real_time),)


def _clint(ports: DevicePorts) -> Sequence[Device]:
    harts = ports.wiring.harts
    software = [hart.line(SOFTWARE_NUMBER) for hart in harts]
    return (Clint(software, [hart.timer for hart in harts], ports.wiring.clock),)


EXTERNAL_INPUTS = (EXTERNAL_NUMBER, SUPERVISOR_EXTERNAL)


def _plic(ports: DevicePorts) -> Sequence[Device]:
    harts = ports.wiring.harts
    machine, supervisor = ([hart.line(number) for hart in harts] for number in EXTERNAL_INPUTS)
    claimed = partial(ports.wiring.claimed, Plic.name)
    return (Plic(ports.state, machine, supervisor, claimed),)


def _htif(ports: DevicePorts) -> Sequence[Device]:
    tohost, fromhost = ports.bases
    assert tohost is not None
    wiring = ports.wiring
    console = wiring.console
    interface = Htif(
        wiring.ram, tohost, fromhost, ports.state, wiring.finish, console.send, console.take
    )
    return tuple(register for _, register in interface.registers())


def _virtio(slot: int) -> DeviceRow:
    """A slot of virtio-mmio; what is in it, if anything, is the run's to say."""
    name = f"virtio{slot}"
    return DeviceRow(
        name,
        (Region(Physical(VIRTIO + slot * VirtioMmio.size), VirtioMmio.size),),
        lambda ports: (VirtioMmio(name, ports),),
        state_bytes=VIRTIO_STATE_BYTES,
        interrupt=InterruptTo("plic", 1 + slot),
        node=DeviceNode("virtio_mmio", ("virtio,mmio",)),
        native=(transport.NATIVE,),
        backend_apart=True,
    )


ROWS = (
    DeviceRow(
        "plic",
        (Region(PLIC, Plic.size),),
        _plic,
        state_bytes=plic.STATE_SIZE,
        hart_inputs=EXTERNAL_INPUTS,
        node=DeviceNode(
            "plic",
            ("sifive,plic-1.0.0", "riscv,plic0"),
            {
                "#address-cells": cells(0),
                "#interrupt-cells": cells(1),
                "interrupt-controller": b"",
                "riscv,ndev": cells(plic.SOURCES),
            },
        ),
        prepare=partial(plic.prepare, edges=(UART_INTERRUPT,), inputs=EXTERNAL_INPUTS),
        restore=plic.restore,
        native=(plic.NATIVE,),
    ),
    DeviceRow(
        "uart",
        (Region(UART, Uart16550.size),),
        _uart,
        state_bytes=uart16550.STATE_SIZE,
        interrupt=InterruptTo("plic", UART_INTERRUPT),
        node=DeviceNode("serial", ("ns16550a",), {"clock-frequency": cells(UART_CLOCK)}),
        prepare=uart16550.prepare,
        restore=uart16550.restore,
        served=True,
        native=uart16550.NATIVE,
    ),
    DeviceRow(
        "rtc",
        (Region(RTC, GoldfishRtc.size),),
        _rtc,
        state_bytes=goldfish_rtc.STATE_SIZE,
        interrupt=InterruptTo("plic", RTC_INTERRUPT),
        node=DeviceNode("rtc", ("google,goldfish-rtc",)),
        prepare=goldfish_rtc.prepare,
        restore=goldfish_rtc.restore,
        served=True,
    ),
    DeviceRow(
        "finisher",
        (Region(FINISHER, Finisher.size),),
        _finisher,
        node=DeviceNode("test", ("sifive,test1", "sifive,test0", "syscon")),
    ),
    DeviceRow(
        "clint",
        (Region(CLINT, Clint.size),),
        _clint,
        hart_inputs=(SOFTWARE_NUMBER, TIMER_NUMBER),
        node=DeviceNode("clint", ("sifive,clint0", "riscv,clint0")),
        native=(
            NativeRegisters(RegisterKind.LEVEL, MSIP, MSIP_SIZE, data=SOFTWARE_NUMBER),
            NativeRegisters(RegisterKind.DEADLINE, MTIMECMP, WORD_SIZE),
            NativeRegisters(RegisterKind.TIME, MTIME, WORD_SIZE),
        ),
    ),
    DeviceRow(
        "htif",
        (
            Region(AtSymbol("tohost"), htif.WORD_SIZE),
            Region(AtSymbol("fromhost"), htif.WORD_SIZE),
        ),
        _htif,
        state_bytes=htif.STATE_SIZE,
        node=DeviceNode("htif", ("ucb,htif0",)),
    ),
    *map(_virtio, range(VIRTIO_SLOTS)),
)
"""In the order in which the device tree has them."""

ABSENT = (
    AbsentDevice("a boot ROM", Physical(0x1000), 0xF000),
    AbsentDevice("an ACLINT's SSWI", Physical(0x2F0_0000), 0x4000),
    AbsentDevice("PCI ports", Physical(0x300_0000), 0x1_0000),
    AbsentDevice("a platform bus", Physical(0x400_0000), 0x200_0000),
    AbsentDevice("fw_cfg", Physical(0x1010_0000), 0x18),
    AbsentDevice("flash", Physical(0x2000_0000), 0x400_0000),
    AbsentDevice("PCI configuration space", Physical(0x3000_0000), 0x1000_0000),
    AbsentDevice("PCI memory", Physical(0x4000_0000), 0x4000_0000),
)
"""What QEMU's board has beside this."""

BOARD = Board(
    "riscv-virt",
    RAM_BASE,
    TIMEBASE,
    ROWS,
    virt_tree,
    interprocessor=HartRegisters(Physical(CLINT + MSIP), MTIMECMP - MSIP, MSIP_SIZE),
    absent=ABSENT,
)
