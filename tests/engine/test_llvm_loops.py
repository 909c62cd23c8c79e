"""Loops of one block, whose rounds look together whether their accesses are to RAM."""

from collections.abc import Iterator

import pytest
from engine_harness import PAGE, Bare, fill

from mttcg.engine.llvm.page import ROUNDS
from mttcg.isa.riscv64.traps import Cause

BASE, SIZE = 0x8000_0000, 3 * PAGE
STORE, BACK, LEAVE = 0x00C5_3023, 0xFEB5_1CE3, 0x0000_0073
"""sd a2, 0(a0); bne a0, a1, -8; ecall."""
A0, A1, A2 = 10, 11, 12
VALUE = 0x1122_3344_5566_7788
ENDS = {8: (BASE, BASE + SIZE), -8: (BASE + 2 * PAGE, BASE - 8)}
"""By step: where the code is, and the first address that is not in RAM."""


@pytest.fixture
def bare() -> Iterator[Bare]:
    made = Bare("llvm", BASE, SIZE)
    yield made
    made.close()


@pytest.mark.parametrize("improved", [False, True], ids=["fast", "optimised"])
@pytest.mark.parametrize("step", ENDS)
def test_loops_at_an_end_of_ram_store_up_to_it_and_trap_there(
    bare: Bare, step: int, improved: bool
) -> None:
    code, end = ENDS[step]
    move = (step & 0xFFF) << 20 | A0 << 15 | A0 << 7 | 0x13  # addi a0, a0, step
    program = enumerate((STORE, move, BACK, LEAVE))
    fill([(code + 4 * place, word) for place, word in program], bare.write)
    bare.engine.fetch_again()
    for room in range(1, ROUNDS + 3):
        for rounds in range(1, room + ROUNDS + 2):
            check(bare, code, end, step, room, rounds)
            if improved:
                bare.improve(code)
                check(bare, code, end, step, room, rounds)


def check(bare: Bare, code: int, end: int, step: int, room: int, rounds: int) -> None:
    """A loop of some rounds, so many of which are to RAM."""
    first = end - step * room
    lowest = min(first, end - step)
    x = [0] * 32
    x[A0], x[A1], x[A2] = first, first + step * rounds, VALUE
    bare.set_registers(x, [0] * 32, 0)
    bare.write(lowest, bytes(8 * room))
    before = bare.hart.instructions
    for _ in bare.run_to_trap(code):
        pass
    done = min(rounds, room)
    stored = sorted(first + step * number for number in range(done))
    written = {at: VALUE if at in stored else 0 for at in range(lowest, lowest + 8 * room, 8)}
    assert {at: int.from_bytes(bare.read(at, 8), "little") for at in written} == written
    assert bare.hart.x[A0] == first + step * done
    assert bare.hart.instructions - before == 3 * done, "what traps is not retired"
    cause, value = (Cause.ECALL_MACHINE, 0) if rounds <= room else (Cause.STORE_ACCESS, end)
    assert (bare.hart.mcause, bare.hart.mtval) == (cause, value)
