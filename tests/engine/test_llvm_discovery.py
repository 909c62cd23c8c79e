"""What the llvm engine takes of a page: functions, calls, ways in."""

from collections.abc import Callable

import pytest

from mttcg.engine.llvm.discovery import Discovery
from mttcg.isa.riscv64.isa import RISCV64

MAIN, FIRST, SECOND = 0, 0x40, 0x80
RETURN = 0x0000_8067
NOP = 0x0000_0013


def jump(link: int, distance: int) -> int:
    """A jal."""
    field = (distance >> 20 & 1) << 31 | (distance >> 1 & 0x3FF) << 21
    return field | (distance >> 11 & 1) << 20 | (distance >> 12 & 0xFF) << 12 | link << 7 | 0x6F


def far_call(at: int, target: int) -> list[tuple[int, int]]:
    """An auipc and a jalr, as compilers write a call whose distance they do not know."""
    distance = target - at
    upper = distance + 0x800 >> 12
    low = distance - (upper << 12) & 0xFFF
    return [(at, upper << 12 | 1 << 7 | 0x17), (at + 4, low << 20 | 1 << 15 | 1 << 7 | 0x67)]


PROGRAM = dict(
    [
        (MAIN, NOP),
        (MAIN + 4, jump(1, FIRST - MAIN - 4)),
        *far_call(MAIN + 8, SECOND),
        (MAIN + 16, 0xFE05_18E3),  # bnez a0, MAIN
        (MAIN + 20, RETURN),
        (FIRST, NOP),
        (FIRST + 4, RETURN),
        (SECOND, NOP),
        (SECOND + 4, jump(0, FIRST - SECOND - 4)),  # a tail call
    ]
)


@pytest.fixture
def discovered() -> Callable[..., Discovery]:
    def half_at(offset: int) -> int:
        return PROGRAM.get(offset & -4, 0) >> 8 * (offset & 2) & 0xFFFF

    def discovery(*entries: int, calls: bool = True) -> Discovery:
        return Discovery(RISCV64.code, half_at, entries, calls=calls)

    return discovery


def test_calls_are_followed_near_and_far(discovered: Callable[..., Discovery]) -> None:
    assert discovered(MAIN).called() == {FIRST, SECOND}
    assert set(discovered(MAIN).instructions) == set(PROGRAM)


def test_functions_that_only_others_call_are_told_from_what_the_page_leads_to(
    discovered: Callable[..., Discovery],
) -> None:
    assert discovered(MAIN, MAIN + 4, MAIN + 8, FIRST, SECOND).from_elsewhere() == frozenset()
    assert discovered(SECOND, FIRST, FIRST + 4).from_elsewhere() == {SECOND}
    assert discovered(SECOND, MAIN + 16).from_elsewhere() == frozenset()


def test_without_calls_a_function_is_taken_alone(discovered: Callable[..., Discovery]) -> None:
    assert set(discovered(MAIN, calls=False).instructions) == set(range(MAIN, MAIN + 24, 4))
    tail = discovered(SECOND, calls=False)  # that is a jump, which stays in the function
    assert set(tail.instructions) == {SECOND, SECOND + 4, FIRST, FIRST + 4}


def test_ways_in_are_heads_of_loops_calls_and_what_is_wanted(
    discovered: Callable[..., Discovery],
) -> None:
    discovery = discovered(MAIN)
    after_calls = {MAIN + 8, MAIN + 16}
    assert discovery.entries() == {MAIN, FIRST, SECOND, *after_calls}
    assert MAIN + 20 in discovery.leaders
    discovery.wanted = frozenset({MAIN + 20})
    assert MAIN + 20 in discovery.entries()
