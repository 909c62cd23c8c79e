"""Guests that do the same each time execute as many instructions here as on QEMU."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from qemu import MOST_AFTER_FINISH, NotAvailable, Qemu

from mttcg import Machine

GUESTS = Path(__file__).resolve().parents[2] / "examples" / "guests"
SETTINGS: dict[str, dict[str, int]] = {
    "hello": {},
    "counter": {"rounds": 1000},
    "mix": {"rounds": 1},
    "calls": {"rounds": 1},
    "flops": {"rounds": 1},
    "paged": {"rounds": 1},
    "selfmod": {"rounds": 10},
}
MEMORY = 128 << 20
"""As QEMU is given."""


@pytest.mark.parametrize("guest", SETTINGS)
def test_instructions_are_those_of_qemu(qemu: Qemu, guest: str) -> None:
    symbols = {"harts_expected": 1, **SETTINGS[guest]}
    elf = GUESTS / f"{guest}.elf"
    try:
        there = qemu.run(elf, 1, symbols_set=symbols, count=True, limit_seconds=100)
    except NotAvailable as reason:
        pytest.skip(str(reason))
    machine = Machine(elf, memory=MEMORY, symbols_set=symbols, plugins=["icount"], check=True)
    here = machine.run(console=io.BytesIO())
    assert (here.exit_status, here.failures, there.exit_status) == (0, [], 0)
    assert here.plugins["icount"]["total"]["instructions"] == here.instructions
    assert there.instructions[0] - here.instructions in range(MOST_AFTER_FINISH + 1)
