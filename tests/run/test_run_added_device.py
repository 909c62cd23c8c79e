"""A device and an interrupt controller that this file adds: two classes and two rows, in a run.

This file is also the plugin that adds them in the process from which the vCPUs are forked.
"""

from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from mttcg import Machine
from mttcg.hardware.board import Board, DeviceNode, DevicePorts, DeviceRow, InterruptTo, Region
from mttcg.hardware.boards import riscv_virt
from mttcg.hardware.interrupts.ports import Line

BELL, GATE = 0x1001_0000, 0x1002_0000
BELL_NUMBER, EXTERNAL = 5, 11


class Bell:
    """What is written to it is kept, and raises its line; 0 lowers it."""

    name, size, in_ram = "bell", 8, False

    def __init__(self, line: Line, state: memoryview) -> None:
        self.line, self.state = line, state

    def read(self, offset: int, size: int) -> int:
        return self.state[0]

    def write(self, offset: int, size: int, value: int) -> None:
        self.state[0] = value
        (self.line.raise_ if value else self.line.lower)()


class Gate:
    """Lets one line through to the external interrupt of hart 0, and says which."""

    name, size, in_ram = "gate", 8, False

    def __init__(self, hart: Line, state: memoryview) -> None:
        self.hart, self.state = hart, state

    def line(self, number: int) -> Line:
        self.state[0] = number
        return self.hart

    def read(self, offset: int, size: int) -> int:
        return self.state[0] if self.hart.high else 0

    def write(self, offset: int, size: int, value: int) -> None:
        """Nothing."""


ROWS = (
    DeviceRow(
        "gate",
        (Region(GATE, Gate.size),),
        lambda ports: (Gate(ports.wiring.harts[0].line(EXTERNAL), ports.state),),
        state_bytes=1,
        hart_inputs=(EXTERNAL,),
        node=DeviceNode("interrupt-controller", ("mttcg,gate",)),
    ),
    DeviceRow(
        "bell",
        (Region(BELL, Bell.size),),
        lambda ports: (Bell(line_of(ports), ports.state),),
        state_bytes=1,
        interrupt=InterruptTo("gate", BELL_NUMBER),
        node=DeviceNode("bell", ("mttcg,bell",)),
    ),
)


def line_of(ports: DevicePorts) -> Line:
    assert ports.line is not None
    return ports.line


def larger_board() -> Board:
    return replace(riscv_virt.BOARD, rows=(*riscv_virt.BOARD.rows, *ROWS))


def plugin_init(options: Any) -> None:
    """Add the rows, in the vCPU host."""
    riscv_virt.BOARD = larger_board()


def bell_guest() -> bytes:
    """Hart 1 rings with 6; hart 0 sleeps, and ends with what its handler reads.

    That is the bell's value in bits 7:4, and the bits of the gate's and the cause's, or-ed.
    """
    from flood_guest import A0, T0, T1, T2, X0, add_immediate, branch_not_zero
    from trap_guests import (
        HANDLER,
        MTVEC,
        S0,
        S1,
        TinyElf,
        TinySegment,
        address_of,
        load_word,
        read_csr,
        store_word,
        struct,
        upper,
        write_csr,
    )  # fmt: skip

    mie, mstatus, mcause, wait = 0x304, 0x300, 0x342, 0x1050_0073
    back = 0xFFDF_F06F  # j -4
    shift = 4 << 20 | T1 << 15 | 1 << 12 | T1 << 7 | 0x13  # slli t1, t1, 4
    low = 0xF << 20 | T2 << 15 | 7 << 12 | T2 << 7 | 0x13  # andi t2, t2, 15
    both = T2 << 20 | T1 << 15 | 6 << 12 | T1 << 7 | 0x33  # or t1, t1, t2
    code = 16 << 20 | T1 << 15 | 1 << 12 | T1 << 7 | 0x13  # slli t1, t1, 16
    start = (
        *address_of(T0, HANDLER, 0),
        write_csr(MTVEC, T0),
        upper(S0, BELL >> 12),
        upper(S1, GATE >> 12),
        branch_not_zero(A0, 4 * 8),
        *(upper(T1, 1), add_immediate(T1, T1, -2048), write_csr(mie, T1)),
        *(add_immediate(T1, X0, 8), write_csr(mstatus, T1), wait, back),
        *(add_immediate(T1, X0, 6), store_word(T1, S0), wait, back),
    )
    handler = (
        *(load_word(T1, S0), shift),
        *(read_csr(T2, mcause), low, both),
        *(load_word(T2, S1), both, code),
        *(upper(T2, 3), add_immediate(T2, T2, 0x333), both),
        *(upper(T0, 0x100), store_word(T1, T0), 0x6F),
    )
    text = struct.pack(f"<{len(start)}I", *start).ljust(HANDLER, b"\0")
    text += struct.pack(f"<{len(handler)}I", *handler)
    return TinyElf((TinySegment(data=text),)).content()


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
def test_a_guest_uses_a_device_and_gets_its_interrupt(
    engine: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "bell.elf"
    path.write_bytes(bell_guest())
    monkeypatch.setattr(riscv_virt, "BOARD", larger_board())
    machine = Machine(path, smp=2, engine=engine, plugins=[__file__])
    result = machine.run(console=BytesIO())
    assert result.failures == []
    assert result.exit_status == 6 << 4 | EXTERNAL | BELL_NUMBER
    assert [vcpu.interrupts for vcpu in result.vcpus] == [1, 0]
