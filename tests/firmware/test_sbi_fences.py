"""Which harts a remote fence is asked of."""

import io
import mmap
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from linux_guest import BIOS, IS_THERE, WHY_NOT

from mttcg import Machine
from mttcg.firmware.riscv64.sbi import Sbi
from mttcg.isa.riscv64.state import Hart
from mttcg.state.vcpu_state import STATE_BYTES

RFENCE, OF_CODE, OF_ALL_SPACES, OF_SPACE = 0x52464E43, 0, 1, 2
SV39, SPACE_AT = 8 << 60, 44
SPACES = (7, 8, 7, 0)
SUCCESS, INVALID = 0, (1 << 64) - 3


class Asked:
    """Keeps which harts were asked, and for what."""

    def __init__(self) -> None:
        self.found: list[tuple[list[int], bool, bool]] = []

    def ask(self, harts: Iterable[int], translations: bool, code: bool) -> None:
        self.found.append((sorted(harts), translations, code))


def call(function: int, mask: int, base: int, space: int) -> tuple[int, list[Any]]:
    """Call from hart 0, with harts in some address spaces: the error, and what was asked."""
    memory = memoryview(mmap.mmap(-1, len(SPACES) * STATE_BYTES))
    harts = [Hart(memory, number) for number in range(len(SPACES))]
    for hart, own in zip(harts, SPACES, strict=True):
        hart.satp = SV39 | own << SPACE_AT | 0x80000
    asked = Asked()
    ports: Any = SimpleNamespace(harts=harts, fences=asked)
    for register, value in {10: mask, 11: base, 14: space, 16: function, 17: RFENCE}.items():
        harts[0].x[register] = value
    return Sbi(0, ports).answer().registers[10], asked.found


ALL = (1 << 64) - 1


@pytest.mark.parametrize(
    ("function", "mask", "base", "space", "harts", "what"),
    [
        (OF_SPACE, 0, ALL, 7, [0, 2], (True, False)),
        (OF_SPACE, 0, ALL, 8, [1], (True, False)),
        (OF_SPACE, 0, ALL, 9, [], (True, False)),
        (OF_SPACE, 0b1100, 0, 7, [2], (True, False)),
        (OF_SPACE, 0b11, 2, 0, [3], (True, False)),
        (OF_SPACE, 0, ALL, 7 | 1 << 16, [0, 2], (True, False)),
        (OF_ALL_SPACES, 0, ALL, 7, [0, 1, 2, 3], (True, False)),
        (OF_CODE, 0, ALL, 7, [0, 1, 2, 3], (False, True)),
    ],
)
def test_harts_in_another_address_space_have_nothing_to_drop(
    function: int, mask: int, base: int, space: int, harts: list[int], what: tuple[bool, bool]
) -> None:
    assert call(function, mask, base, space) == (SUCCESS, [(harts, *what)])


def test_a_hart_that_is_not_there_is_no_parameter() -> None:
    assert call(OF_SPACE, 1 << 4, 0, 7) == (INVALID, [])


@pytest.mark.parametrize("bios", BIOS)
@pytest.mark.parametrize("harts", [2, 4])
def test_no_translation_outlives_the_fence_of_its_space(
    guests: dict[str, Path], harts: int, bios: str
) -> None:
    if bios != "own" and not IS_THERE:
        pytest.skip(WHY_NOT)
    console = io.BytesIO()
    symbols = {"harts": harts, "rounds": 400 if bios == "own" else 100}
    machine = Machine(kernel=guests["spaces"], bios=BIOS[bios], smp=harts, symbols_set=symbols)
    result = machine.run(console=console)
    lines = console.getvalue().decode().splitlines()
    assert (result.exit_status, lines[-1].rstrip("\r")) == (0, "stale 0"), lines
