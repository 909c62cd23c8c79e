"""System instructions and traps, against the privileged specification's words."""

import mmap
import random
from collections.abc import Iterator

import pytest

from mttcg.isa.riscv64 import interrupts, status
from mttcg.isa.riscv64.hart_words import ARITHMETIC, HartWords
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.system import Rv64System
from mttcg.isa.riscv64.traps import Cause, due_interrupts
from mttcg.isa.system import Effect, Trap
from mttcg.state.vcpu_state import NEVER, STATE_BYTES

MSTATUS, MIE, MTVEC, MSCRATCH, MIP, MHARTID, MINSTRET = (
    0x300,
    0x304,
    0x305,
    0x340,
    0x344,
    0xF14,
    0xB02,
)
CSRRW, CSRRS, CSRRC = 1, 2, 3


SYSTEM = Rv64System()
MRET = 0x3020_0073
execute, take_trap, take_interrupt = SYSTEM.execute, SYSTEM.take_trap, SYSTEM.take_interrupt


class StoppedClock:
    """A clock that stands at 1000."""

    def time(self) -> int:
        return 1000


CLOCK = StoppedClock()


@pytest.fixture
def hart() -> Iterator[Hart]:
    memory = mmap.mmap(-1, 4 * STATE_BYTES)
    found = Hart(memoryview(memory), 3)
    SYSTEM.start(found, 0x8000_0000, 0, SYSTEM.extensions["llvm"])
    yield found


def csr_word(operation: int, number: int, target: int, source: int, immediate: bool = False) -> int:
    return number << 20 | source << 15 | immediate << 14 | operation << 12 | target << 7 | 0x73


def test_csr_reads_write_the_target_and_leave_read_only_ones_alone(hart: Hart) -> None:
    assert execute(hart, csr_word(CSRRS, MHARTID, 5, 0), CLOCK) is Effect.NOTHING
    assert hart.x[5] == 3
    assert hart.pc == 0x8000_0004
    hart.x[6] = 1
    answer = execute(hart, csr_word(CSRRS, MHARTID, 5, 6), CLOCK)
    assert answer == Trap(Cause.ILLEGAL_INSTRUCTION, 0x8000_0004, csr_word(CSRRS, MHARTID, 5, 6))


def test_write_set_clear_and_immediates(hart: Hart) -> None:
    hart.x[6] = 0b1100
    execute(hart, csr_word(CSRRW, MSCRATCH, 5, 6), CLOCK)
    assert (hart.x[5], hart.mscratch) == (0, 0b1100)
    execute(hart, csr_word(CSRRS, MSCRATCH, 5, 0b00011, immediate=True), CLOCK)
    assert (hart.x[5], hart.mscratch) == (0b1100, 0b1111)
    execute(hart, csr_word(CSRRC, MSCRATCH, 0, 0b00101, immediate=True), CLOCK)
    assert hart.mscratch == 0b1010
    assert hart.x[0] == 0


@pytest.mark.parametrize("word", [csr_word(CSRRS, 0x7C0, 5, 0), 0x2600_0073, 0x1820_0073, 0, 0x4])
def test_what_does_not_exist_is_illegal(hart: Hart, word: int) -> None:
    answer = execute(hart, word, CLOCK)
    assert isinstance(answer, Trap)
    assert (answer.cause, answer.value) == (Cause.ILLEGAL_INSTRUCTION, word)


def test_minstret_counts_what_retired_before_it_and_can_be_set(hart: Hart) -> None:
    hart.instructions = 100  # the csr instruction, which asks, is counted already
    execute(hart, csr_word(CSRRS, MINSTRET, 5, 0), CLOCK)
    assert hart.x[5] == 99
    hart.x[6] = 7
    execute(hart, csr_word(CSRRW, MINSTRET, 0, 6), CLOCK)
    hart.instructions += 1
    execute(hart, csr_word(CSRRS, MINSTRET, 5, 0), CLOCK)
    assert hart.x[5] == 7


def test_mstatus_keeps_what_exists_and_shows_a_dirty_unit(hart: Hart) -> None:
    hart.x[6] = (1 << 64) - 1
    assert execute(hart, csr_word(CSRRW, MSTATUS, 0, 6), CLOCK) is Effect.STATUS
    execute(hart, csr_word(CSRRS, MSTATUS, 5, 0), CLOCK)
    every_bit = 1 << 63 | 2 << 34 | 2 << 32 | 0x7E << 16 | 3 << 13 | 3 << 11 | 0x1AA
    assert hart.x[5] == every_bit


def test_a_trap_and_mret_keep_the_interrupt_enable(hart: Hart) -> None:
    hart.mtvec, hart.mstatus = 0x8000_0100 | 1, status.MSTATUS_MIE
    take_trap(hart, Trap(Cause.ECALL_MACHINE, 0x8000_0010))
    assert (hart.pc, hart.mepc, hart.mcause) == (0x8000_0100, 0x8000_0010, 11)
    assert hart.mstatus == status.MSTATUS_MPIE | status.MSTATUS_MPP
    assert execute(hart, MRET, CLOCK) is Effect.STATUS
    assert hart.pc == 0x8000_0010
    assert hart.mstatus & status.MSTATUS_MIE
    assert not hart.mstatus & status.MSTATUS_MPP, "the lowest level is previous now"


def test_interrupts_are_taken_by_priority_only_when_enabled(hart: Hart) -> None:
    hart.mtvec = 0x8000_0100 | 1
    hart.lines[interrupts.SOFTWARE_NUMBER], hart.timer_deadline = 1, 1000
    hart.mie = interrupts.SOFTWARE_INTERRUPT | interrupts.TIMER_INTERRUPT
    assert take_interrupt(hart, CLOCK) is None
    hart.mstatus = status.MSTATUS_MIE
    assert take_interrupt(hart, CLOCK) == 3
    assert (hart.pc, hart.mcause) == (0x8000_0100 + 4 * 3, 1 << 63 | 3)
    hart.mstatus, hart.lines[interrupts.SOFTWARE_NUMBER] = status.MSTATUS_MIE, 0
    assert take_interrupt(hart, CLOCK) == 7
    hart.mstatus, hart.timer_deadline = status.MSTATUS_MIE, 1001
    assert take_interrupt(hart, CLOCK) is None


@pytest.mark.parametrize("seed", range(300))
def test_the_quick_look_at_interrupts_misses_none(hart: Hart, seed: int) -> None:
    """It may be that one is pending which is not enabled; then the definition says so."""
    source = random.Random(seed)
    hart.mie = source.getrandbits(12) & interrupts.ENABLEABLE
    hart.mideleg = source.getrandbits(12) & interrupts.DELEGABLE
    hart.mstatus, hart.privilege = source.getrandbits(13), source.choice((0, 1, 3))
    hart.menvcfg = source.getrandbits(1) << 63
    hart.timer_deadline, hart.stimecmp = (
        source.choice((0, 999, 1000, 1001, NEVER)) for _ in range(2)
    )
    hart.mip_written = source.choice((0, 0, source.getrandbits(12) & interrupts.DELEGABLE))
    for number in interrupts.LINES:
        hart.lines[number] = source.random() < 0.1
    words = HartWords(hart, CLOCK)
    is_pending = interrupts.may_be_pending(hart, CLOCK)
    assert is_pending or interrupts.pending(ARITHMETIC, words) == 0
    enabled = interrupts.enabled_interrupts(ARITHMETIC, words)
    assert SYSTEM.wakes(hart, CLOCK) == (enabled != 0)
    due = due_interrupts(ARITHMETIC, words)
    taken = take_interrupt(hart, CLOCK)
    assert (taken is not None) == (due != 0)
    assert taken is None or due >> taken & 1


def test_mip_shows_the_lines_and_ignores_writes(hart: Hart) -> None:
    hart.lines[interrupts.SOFTWARE_NUMBER], hart.x[6] = 1, 0
    execute(hart, csr_word(CSRRW, MIP, 5, 6), CLOCK)
    assert hart.x[5] == interrupts.SOFTWARE_INTERRUPT
    execute(hart, csr_word(CSRRS, MIP, 5, 0), CLOCK)
    assert hart.x[5] == interrupts.SOFTWARE_INTERRUPT


@pytest.mark.parametrize(
    ("word", "effect"), [(0x1050_0073, Effect.WAIT), (0x0000_100F, Effect.FETCH)]
)
def test_wfi_and_fence_i_are_for_the_vcpu(hart: Hart, word: int, effect: Effect) -> None:
    assert execute(hart, word, CLOCK) is effect
    assert hart.pc == 0x8000_0004


@pytest.mark.parametrize("word", [0x0010_0073, 0x9002])
def test_breakpoints_trap_with_their_own_address(hart: Hart, word: int) -> None:
    assert execute(hart, word, CLOCK) == Trap(Cause.BREAKPOINT, 0x8000_0000, 0x8000_0000)
