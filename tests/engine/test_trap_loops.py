"""What is a trap loop, trap by trap."""

import pytest

from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import Trap
from mttcg.state.vcpu_state import STATE_BYTES
from mttcg.vcpu.nowhere.trap_loops import MOST_TOLD, SURE, TrapLoop, TrapLoops

ILLEGAL = Trap(Cause.ILLEGAL_INSTRUCTION, 0x8000_0010, 0)


class Trapping:
    """A hart that takes traps; what is told of its loops."""

    def __init__(self) -> None:
        self.hart = Hart(memoryview(bytearray(STATE_BYTES)), 0)
        self.hart.mtvec = 0x8000_0100
        self.told: list[TrapLoop] = []
        self.loops = TrapLoops(self.hart, RISCV64.system, lambda: None, self.told.append)

    def take(self, trap: Trap, between: int = 2) -> None:
        """Take a trap after so many instructions."""
        self.hart.instructions += between
        self.loops.look(trap)
        RISCV64.system.take_trap(self.hart, trap)


@pytest.fixture
def trapping() -> Trapping:
    return Trapping()


def test_a_trap_that_nothing_follows_is_a_loop_and_told_once(trapping: Trapping) -> None:
    first = Trap(Cause.ECALL_MACHINE, 0x8000_0000)
    trapping.take(first)
    for _ in range(SURE + 1):
        trapping.take(ILLEGAL)
    assert trapping.told == []
    for _ in range(3 * SURE):
        trapping.take(ILLEGAL)
    assert trapping.told == [TrapLoop(ILLEGAL, 0x8000_0100, first)]


@pytest.mark.parametrize("progress", ["registers", "instructions", "mepc", "elsewhere", "another"])
def test_progress_is_no_loop(trapping: Trapping, progress: str) -> None:
    for number in range(3 * SURE):
        trapping.take(ILLEGAL, between=number % 2 if progress == "instructions" else 2)
        if progress == "registers":
            trapping.hart.x[31] = number
        if progress == "mepc":
            trapping.hart.mepc = ILLEGAL.pc + 4
        if progress == "elsewhere" and number % 100 == 0:
            trapping.loops.forget()
        if progress == "another" and number % 100 == 0:
            trapping.take(Trap(ILLEGAL.cause, ILLEGAL.pc, 1))
    assert trapping.told == []


def test_interrupts_in_between_neither_count_nor_hide_a_loop(trapping: Trapping) -> None:
    for number in range(SURE + 1):
        trapping.take(ILLEGAL)
        if number % 10 == 0:
            trapping.hart.interrupts += 1
            trapping.hart.instructions += 50
            trapping.take(ILLEGAL)
    assert trapping.told == []
    trapping.take(ILLEGAL)
    trapping.take(ILLEGAL)
    assert len(trapping.told) == 1


def test_a_hart_tells_of_so_many_loops_alone(trapping: Trapping) -> None:
    for place in range(MOST_TOLD + 4):
        for _ in range(SURE + 2):
            trapping.take(Trap(Cause.BREAKPOINT, 0x8000_0000 + 2 * place))
    assert len(trapping.told) == MOST_TOLD
