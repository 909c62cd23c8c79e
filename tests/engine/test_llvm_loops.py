"""Loops of one block, whose rounds look together whether their accesses are to RAM."""

from collections.abc import Iterator

import pytest
from engine_harness import PAGE, Bare, fill
from recorded import Recorded

from mttcg.engine.base import ExitKind
from mttcg.engine.llvm.page import ROUNDS
from mttcg.isa.riscv64.traps import Cause

BASE, SIZE = 0x8000_0000, 3 * PAGE
A0, A1, A2, A3, A5 = 10, 11, 12, 13, 15
STORE, LOAD, SUM, ELSEWHERE = 0x00C5_3023, 0x0005_3703, 0x00E6_86B3, 0x0007_B803
"""sd a2, 0(a0); ld a4, 0(a0); add a3, a3, a4; ld a6, 0(a5)."""
LEAVE = 0x0000_0073
VALUE = 0x1122_3344_5566_7788
ENDS = {8: (BASE, BASE + SIZE), -8: (BASE + 2 * PAGE, BASE - 8)}
"""By step: where the code is, and the first address that is not in RAM."""
BODIES = {
    "store": [STORE],
    "load": [LOAD, SUM],
    "load, store": [LOAD, SUM, STORE],
    "store, load": [STORE, LOAD, SUM],
    "elsewhere, load": [ELSEWHERE, LOAD, SUM],
    "add, load": [SUM, LOAD],
}
"""What a round does; in the last it changes what it needs before the access."""
ROOM_AND_ROUNDS = [
    (room, rounds) for room in range(1, ROUNDS + 3) for rounds in range(1, room + ROUNDS + 2)
]
"""How many rounds are to RAM, and how many there are."""


@pytest.fixture
def bare() -> Iterator[Bare]:
    made = Bare("llvm", BASE, SIZE)
    yield made
    made.close()


def put_loop(bare: Bare, code: int, body: list[int], step: int) -> None:
    """The loop, and behind it what leaves."""
    move = (step & 0xFFF) << 20 | A0 << 15 | A0 << 7 | 0x13  # addi a0, a0, step
    program = [*body, move, back(-4 * len(body) - 4), LEAVE]
    fill([(code + 4 * place, word) for place, word in enumerate(program)], bare.write)
    bare.engine.fetch_again()


def back(distance: int) -> int:
    """bne a0, a1, by a negative distance."""
    upper = (distance >> 12 & 1) << 31 | (distance >> 5 & 0x3F) << 25
    return upper | A1 << 20 | A0 << 15 | 1 << 12 | (distance >> 1 & 0xF) << 8 | 1 << 7 | 0x63


@pytest.mark.parametrize("improved", [False, True], ids=["interpreted", "optimised"])
@pytest.mark.parametrize("step", ENDS)
@pytest.mark.parametrize("body", BODIES)
def test_loops_at_an_end_of_ram_go_up_to_it_and_trap_there(
    bare: Bare, body: str, step: int, improved: bool
) -> None:
    code, end = ENDS[step]
    body_words = BODIES[body]
    put_loop(bare, code, body_words, step)
    for room, rounds in ROOM_AND_ROUNDS:
        check(bare, body_words, end, step, room, rounds)
        if improved:
            bare.improve(code)
            check(bare, body_words, end, step, room, rounds)


@pytest.mark.parametrize("step", ENDS)
@pytest.mark.parametrize("body", BODIES)
def test_accesses_are_recorded_once_whichever_way_they_are_made(body: str, step: int) -> None:
    recorded = Recorded(("accesses",))
    bare = Bare("llvm", BASE, SIZE, recorded.plan)
    code, end = ENDS[step]
    put_loop(bare, code, BODIES[body], step)
    check(bare, BODIES[body], end, step, 1, 1)
    bare.improve(code)
    recorded.take("accesses")
    for room, rounds in ROOM_AND_ROUNDS:
        check(bare, BODIES[body], end, step, room, rounds)
        places = [end - step * room + step * number for number in range(min(room, rounds))]
        records = recorded.take("accesses")
        accesses = [word for word in BODIES[body] if word != SUM]
        trapped = ELSEWHERE in BODIES[body] and rounds > room  # which is after the load there
        assert records["address"].tolist() == [
            *(code if word == ELSEWHERE else place for place in places for word in accesses),
            *[code] * trapped,
        ]
        there = records[records["address"] != code]
        kinds = [word == STORE for word in accesses if word != ELSEWHERE]
        assert there["write"].tolist() == kinds * len(places)
        values = [VALUE if kinds[0] or write else place for place in places for write in kinds]
        assert there["value"].tolist() == values
    bare.close()
    recorded.close()


def check(bare: Bare, body: list[int], end: int, step: int, room: int, rounds: int) -> None:
    """A loop of some rounds, so many of which are to RAM."""
    code, _ = ENDS[step]
    first = end - step * room
    places = [first + step * number for number in range(room)]
    for place in places:
        bare.write(place, place.to_bytes(8, "little"))
    x = [0] * 32
    x[A0], x[A1], x[A2], x[A5] = first, first + step * rounds, VALUE, code
    bare.set_registers(x, [0] * 32, 0)
    before = bare.hart.instructions
    kinds = [left.kind for left in bare.run_to_trap(code)]
    done = places[:rounds]
    found = {place: int.from_bytes(bare.read(place, 8), "little") for place in places}
    assert found == {p: VALUE if STORE in body and p in done else p for p in places}
    assert bare.hart.x[A3] == total(body, done, rounds > room)
    assert bare.hart.x[A0] == first + step * len(done)
    ended = rounds <= room
    run = len(done) * (len(body) + 2) + (0 if ended else body_before_access(body))
    assert bare.hart.instructions - before == run, "what traps is not retired"
    if ended:
        assert (bare.hart.mcause, bare.hart.mtval) == (Cause.ECALL_MACHINE, 0)
        assert ExitKind.ACCESS not in kinds, "what is in RAM needs no host"
    else:
        cause = Cause.STORE_ACCESS if body[0] == STORE else Cause.LOAD_ACCESS
        assert (bare.hart.mcause, bare.hart.mtval) == (cause, end)


def body_before_access(body: list[int]) -> int:
    """How many instructions of a round come before its first access at a0."""
    return next(number for number, word in enumerate(body) if word in (LOAD, STORE))


def total(body: list[int], done: list[int], trapped: bool) -> int:
    """What a3 has in the end: the sum of what was loaded, but for the last where it comes late."""
    if LOAD not in body:
        return 0
    loaded = [VALUE if body[0] == STORE else place for place in done]
    late = body[0] == SUM and not trapped
    return sum(loaded[:-1] if late else loaded) % (1 << 64)
