"""A board's table: a device is a class and a row, and no other place knows of it."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from tree_reader import read_tree
from unconnected import ListConsole, NoInputs, StandingClock

from mttcg.hardware.board import (
    Board,
    DeviceNode,
    DevicePorts,
    DeviceRow,
    InterruptTo,
    NoControllerError,
    Region,
    Wiring,
)
from mttcg.hardware.boards import BOARDS, board_named
from mttcg.hardware.boards.riscv_virt import BOARD
from mttcg.hardware.devicetree import cells
from mttcg.hardware.mmio import Device, MmioMap
from mttcg.memory.ram import GuestRam

SUM_AT, GATE_AT = 0x1001_0000, 0x1002_0000


class Sum:
    """Reads as the sum of what was written, modulo 256; a sum of 100 or more raises its line."""

    name, size, in_ram = "sum", 0x10, False

    def __init__(self, ports: DevicePorts) -> None:
        self.ports, self.state = ports, ports.state

    def read(self, offset: int, size: int) -> int:
        return self.state[0]

    def write(self, offset: int, size: int, value: int) -> None:
        self.state[0] = self.state[0] + value & 0xFF
        if self.ports.line is not None:
            (self.ports.line.raise_ if self.state[0] >= 100 else self.ports.line.lower)()


ROW = DeviceRow(
    "sum",
    (Region(SUM_AT, Sum.size),),
    lambda ports: (Sum(ports),),
    state_bytes=1,
    node=DeviceNode("adder", ("mttcg,sum",), {"limit": cells(100)}),
)


class Gate:
    """An interrupt controller; each byte of its state is the level of a line."""

    name, size, in_ram = "gate", 0x10, False

    def __init__(self, ports: DevicePorts) -> None:
        self.levels = ports.state

    def line(self, number: int) -> "GateLine":
        return GateLine(self.levels, number)

    def read(self, offset: int, size: int) -> int:
        return self.levels[offset]

    def write(self, offset: int, size: int, value: int) -> None:
        """Nothing."""


class GateLine:
    def __init__(self, levels: memoryview, number: int) -> None:
        self.levels, self.number = levels, number

    @property
    def high(self) -> bool:
        return self.levels[self.number] != 0

    def raise_(self) -> None:
        self.levels[self.number] = 1

    def lower(self) -> None:
        self.levels[self.number] = 0


GATE_ROW = DeviceRow(
    "gate",
    (Region(GATE_AT, Gate.size),),
    lambda ports: (Gate(ports),),
    state_bytes=16,
    hart_inputs=(11,),
    node=DeviceNode("interrupt-controller", ("mttcg,gate",), {"#interrupt-cells": cells(1)}),
)
LINED_ROW = replace(ROW, interrupt=InterruptTo("gate", 3))


def board_with(*rows: DeviceRow) -> Board:
    return replace(BOARD, rows=(*BOARD.rows, *rows))


class Process:
    """A process of a machine, as far as a board goes; `state` is shared with others."""

    def __init__(self, board: Board, state: memoryview) -> None:
        wiring = Wiring(
            ram=GuestRam(board.ram_base, memoryview(bytearray(1 << 20))),
            harts=[NoInputs()],
            clock=StandingClock(),
            console=ListConsole([]),
            finish=lambda code: None,
            state=state,
        )
        self.devices: MmioMap = board.place(wiring, {})

    def at(self, address: int) -> tuple[Device, int]:
        found = self.devices.find(address, 4)
        assert found is not None
        return found

    def read(self, address: int) -> int:
        device, offset = self.at(address)
        return device.read(offset, 4)

    def write(self, address: int, value: int) -> None:
        device, offset = self.at(address)
        device.write(offset, 4, value)


def processes_of(board: Board) -> tuple[Process, Process, memoryview]:
    state = memoryview(bytearray(board.state_bytes))
    return Process(board, state), Process(board, state), state


def test_a_device_is_added_by_a_class_and_a_row() -> None:
    board = board_with(ROW)
    one, other, state = processes_of(board)
    one.write(SUM_AT, 5)
    other.write(SUM_AT + 8, 2)
    assert (one.read(SUM_AT), other.read(SUM_AT)) == (7, 7)
    assert [at for at, byte in enumerate(state) if byte] == [BOARD.state_bytes]
    tree = read_tree(board.device_tree(2, 1 << 20, {}, isa="rv64i"))
    node = tree.at("soc/adder@10010000")
    assert node.cells("reg") == [0, SUM_AT, 0, Sum.size]
    assert (node.strings("compatible"), node.cells("limit")) == (["mttcg,sum"], [100])
    assert "interrupts-extended" not in node.properties


def test_a_devices_line_leads_to_the_controller_of_its_row() -> None:
    board = board_with(GATE_ROW, LINED_ROW)
    one, other, _ = processes_of(board)
    levels = []
    for value in (99, 1, 200):
        one.write(SUM_AT, value)
        levels.append(other.read(GATE_AT + 3))
    assert levels == [0, 1, 0]
    assert [other.read(GATE_AT + number) for number in range(13)] == [0] * 13
    tree = read_tree(board.device_tree(2, 1 << 20, {}, isa="rv64i"))
    gate, device = tree.at("soc/interrupt-controller@10020000"), tree.at("soc/adder@10010000")
    assert device.cells("interrupts-extended") == [*gate.cells("phandle"), 3]
    harts = [tree.at(f"cpus/cpu@{hart}/interrupt-controller").cells("phandle") for hart in (0, 1)]
    assert gate.cells("interrupts-extended") == [*harts[0], 11, *harts[1], 11]


@pytest.mark.parametrize(
    "rows",
    [
        (LINED_ROW,),
        (LINED_ROW, GATE_ROW),
        (replace(LINED_ROW, interrupt=InterruptTo("finisher", 1)),),
    ],
    ids=["none", "later", "no controller"],
)
def test_a_line_to_no_controller_before_it_is_refused(rows: Sequence[DeviceRow]) -> None:
    board = board_with(*rows)
    with pytest.raises(NoControllerError, match="device sum: no interrupt controller"):
        processes_of(board)


def test_states_of_devices_are_in_no_cache_line_together() -> None:
    given = {}

    def keep(row: DeviceRow) -> DeviceRow:
        def build(ports: DevicePorts) -> Sequence[Device]:
            given[row.name] = ports.state
            return row.build(ports)

        return replace(row, build=build)

    board = replace(BOARD, rows=tuple(map(keep, (*BOARD.rows, GATE_ROW, ROW))))
    _, _, state = processes_of(board)
    for name, part in given.items():
        part[:] = bytes([1 + list(given).index(name)]) * len(part)
    lines = [set(state[at : at + 128]) - {0} for at in range(0, len(state), 128)]
    assert all(len(line) <= 1 for line in lines)
    assert sum(map(len, given.values())) == sum(byte != 0 for byte in state)


@pytest.mark.parametrize("name", BOARDS)
def test_rows_say_how_large_their_devices_are(name: str) -> None:
    board = board_named(name)
    symbols = {symbol: board.ram_base + 8 * at for at, symbol in enumerate(board.symbols)}
    sizes = [region.size for row in board.rows for region in row.regions]
    wiring = Wiring(
        GuestRam(board.ram_base, memoryview(bytearray(1 << 20))),
        [NoInputs()],
        StandingClock(),
        ListConsole([]),
        lambda code: None,
        memoryview(bytearray(board.state_bytes)),
    )
    placed = board.place(wiring, symbols).ranges()
    assert sorted(place.size for place in placed) == sorted(sizes)
    assert board.name == name
    assert len({row.name for row in board.rows}) == len(board.rows)
