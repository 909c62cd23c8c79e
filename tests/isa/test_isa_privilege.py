"""Supervisor and user mode: who may do what, and which traps go where (Privileged ISA 3.1, 10)."""

import mmap
from collections.abc import Iterator

import pytest

from mttcg.isa.riscv64 import environment
from mttcg.isa.riscv64.csr import COUNTERS, CSRS
from mttcg.isa.riscv64.hart_words import ARITHMETIC, HartWords
from mttcg.isa.riscv64.interrupts import MENVCFG_STCE, SUPERVISOR_SOFTWARE
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR, USER
from mttcg.isa.riscv64.protection import EXECUTE, READ, WRITE, allows
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.status import (
    MSTATUS_MIE,
    MSTATUS_MPIE,
    MSTATUS_MPP,
    MSTATUS_MPRV,
    MSTATUS_SIE,
    MSTATUS_SPIE,
    MSTATUS_SPP,
    MSTATUS_SUM,
    MSTATUS_TSR,
    MSTATUS_TVM,
    MSTATUS_TW,
)
from mttcg.isa.riscv64.system import Rv64System
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import Effect, Trap
from mttcg.state.vcpu_state import NEVER, STATE_BYTES

SYSTEM = Rv64System()
ECALL, SRET, MRET, WFI, SFENCE = 0x73, 0x1020_0073, 0x3020_0073, 0x1050_0073, 0x1200_0073
SSTATUS, SIE, SIP, STIMECMP, SATP, TIME = 0x100, 0x104, 0x144, 0x14D, 0x180, 0xC01
MSTATUS, MIDELEG, MIE, MIP, MENVCFG = 0x300, 0x303, 0x304, 0x344, 0x30A
CSRRW, CSRRS, CSRRC = 1, 2, 3
MACHINE_TRAPS, SUPERVISOR_TRAPS = 0x8000_0100, 0x8000_0200
HERE = 0x8000_0000


class Clock:
    """Stands at 1000."""

    def time(self) -> int:
        return 1000


@pytest.fixture
def hart() -> Iterator[Hart]:
    found = Hart(memoryview(mmap.mmap(-1, STATE_BYTES)), 0)
    SYSTEM.start(found, HERE, 0, SYSTEM.extensions["llvm"])
    found.mtvec, found.stvec = MACHINE_TRAPS, SUPERVISOR_TRAPS
    yield found


def run(hart: Hart, word: int) -> Effect | Trap:
    return SYSTEM.execute(hart, word, Clock())


def access(hart: Hart, operation: int, number: int, value: int = 0) -> int | None:
    """What a csrrw, csrrs or csrrc reads; None if it is illegal."""
    hart.x[6] = value
    source = 6 if value or operation == CSRRW else 0
    word = number << 20 | source << 15 | operation << 12 | 5 << 7 | 0x73
    answer = run(hart, word)
    if isinstance(answer, Trap):
        assert (answer.cause, answer.value) == (Cause.ILLEGAL_INSTRUCTION, word)
        return None
    return int(hart.x[5])


def test_a_supervisors_call_is_for_firmware_that_is_the_host(hart: Hart) -> None:
    SYSTEM.start_supervisor(hart, HERE, 7, SYSTEM.extensions["llvm"])
    assert (hart.privilege, list(hart.x[10:12])) == (SUPERVISOR, [0, 7])
    assert run(hart, ECALL) is Effect.CALL
    assert (hart.pc, hart.traps) == (HERE + 4, 0)
    hart.privilege = USER
    assert run(hart, ECALL) == Trap(Cause.ECALL_USER, HERE + 4)


def test_lower_levels_may_access_nothing_that_no_entry_gives_them(hart: Hart) -> None:
    everything = READ | WRITE | EXECUTE
    for level in (USER, SUPERVISOR):
        assert not allows(hart, HERE, 4, READ, level)
    assert allows(hart, HERE, 4, everything, MACHINE)
    SYSTEM.start_supervisor(hart, HERE, 0, SYSTEM.extensions["llvm"])
    for address in (0, HERE, (1 << 56) - 8):
        assert allows(hart, address, 8, everything, USER)


def test_below_that_firmware_a_supervisor_may_do_what_its_hart_has(hart: Hart) -> None:
    """The device tree says that it has these, and a kernel uses what that says."""
    SYSTEM.start_supervisor(hart, HERE, 0, SYSTEM.extensions["llvm"])
    for number in (TIME, 0xC00, 0xC02, STIMECMP):
        assert access(hart, CSRRS, number) is not None
    for blocks in (
        environment.INVALIDATE_BLOCKS,
        environment.CLEAN_BLOCKS,
        environment.ZERO_BLOCKS,
    ):
        assert environment.enabled(ARITHMETIC, HartWords(hart, Clock()), blocks)


def test_below_that_firmware_programs_read_the_counters(hart: Hart) -> None:
    SYSTEM.start_supervisor(hart, HERE, 0, SYSTEM.extensions["llvm"])
    hart.privilege = USER
    for number in (TIME, 0xC00, 0xC02):
        assert access(hart, CSRRS, number) is not None


@pytest.mark.parametrize(
    "cause", sorted(set(Cause) - {Cause.ECALL_SUPERVISOR, Cause.ECALL_MACHINE})
)
def test_below_that_firmware_each_trap_goes_to_the_supervisor(hart: Hart, cause: Cause) -> None:
    SYSTEM.start_supervisor(hart, HERE, 0, SYSTEM.extensions["llvm"])
    hart.stvec = SUPERVISOR_TRAPS
    SYSTEM.take_trap(hart, Trap(cause, HERE, 5))
    assert (hart.pc, hart.scause, hart.stval) == (SUPERVISOR_TRAPS, cause, 5)
    assert hart.privilege == SUPERVISOR


@pytest.mark.parametrize("number", [SIP, MIP])
def test_what_another_raised_is_cleared_by_who_has_seen_it(hart: Hart, number: int) -> None:
    """Between what an instruction reads and what it writes, another hart may raise the input."""
    software = 1 << SUPERVISOR_SOFTWARE
    hart.mideleg = software
    hart.lines[SUPERVISOR_SOFTWARE] = 1
    assert access(hart, CSRRS, number, 1 << 7) == software
    assert hart.lines[SUPERVISOR_SOFTWARE] == 1
    assert access(hart, CSRRC, number, software) == software
    assert (hart.lines[SUPERVISOR_SOFTWARE], access(hart, CSRRS, number)) == (0, 0)

    class Late(HartWords):
        """Another hart raises the input when this one has read it."""

        def input_level(self, number: int) -> int:
            level = super().input_level(number)
            if number == SUPERVISOR_SOFTWARE:
                self.hart.lines[number] = 1
            return level

    words = Late(hart, Clock())
    row = CSRS[number]
    old = row.read(ARITHMETIC, words)
    assert row.acknowledge is not None
    row.acknowledge(ARITHMETIC, words, old, 0)
    assert (old, hart.lines[SUPERVISOR_SOFTWARE]) == (0, 1)


def interrupt(hart: Hart) -> int | None:
    return SYSTEM.take_interrupt(hart, Clock())


@pytest.mark.parametrize("number", sorted(CSRS))
def test_a_register_may_be_read_from_the_level_that_its_number_says(
    hart: Hart, number: int
) -> None:
    hart.mcounteren = hart.scounteren = COUNTERS
    hart.menvcfg = MENVCFG_STCE
    for level in (USER, SUPERVISOR, MACHINE):
        hart.privilege = level
        assert (access(hart, CSRRS, number) is not None) == (level >= number >> 8 & 3)


@pytest.mark.parametrize(
    ("level", "cause"),
    [
        (USER, Cause.ECALL_USER),
        (SUPERVISOR, Cause.ECALL_SUPERVISOR),
        (MACHINE, Cause.ECALL_MACHINE),
    ],
)
def test_an_environment_call_says_from_where(hart: Hart, level: int, cause: Cause) -> None:
    hart.privilege = level
    assert run(hart, ECALL) == Trap(cause, HERE, 0)


@pytest.mark.parametrize("level", [USER, SUPERVISOR])
def test_a_delegated_trap_goes_to_the_supervisor(hart: Hart, level: int) -> None:
    hart.privilege, hart.medeleg = level, 1 << Cause.BREAKPOINT
    hart.mstatus = MSTATUS_SIE | MSTATUS_MIE
    SYSTEM.take_trap(hart, Trap(Cause.BREAKPOINT, HERE, 7))
    assert (hart.pc, hart.privilege) == (SUPERVISOR_TRAPS, SUPERVISOR)
    assert (hart.sepc, hart.scause, hart.stval) == (HERE, Cause.BREAKPOINT, 7)
    assert (hart.mepc, hart.mcause, hart.traps) == (0, 0, 1)
    assert hart.mstatus == MSTATUS_MIE | MSTATUS_SPIE | MSTATUS_SPP * level
    assert run(hart, SRET) is Effect.STATUS
    assert (hart.pc, hart.privilege) == (HERE, level)
    assert hart.mstatus == MSTATUS_MIE | MSTATUS_SIE | MSTATUS_SPIE


@pytest.mark.parametrize("level", [USER, SUPERVISOR, MACHINE])
def test_what_is_not_delegated_or_of_machine_mode_stays_there(hart: Hart, level: int) -> None:
    hart.privilege = level
    hart.medeleg = 0 if level < MACHINE else 0xB3FF
    SYSTEM.take_trap(hart, Trap(Cause.BREAKPOINT, HERE, 7))
    assert (hart.pc, hart.privilege) == (MACHINE_TRAPS, MACHINE)
    assert hart.mstatus == level << 11
    assert run(hart, MRET) is Effect.STATUS
    assert (hart.pc, hart.privilege, hart.mstatus) == (HERE, level, MSTATUS_MPIE)


def test_a_return_to_a_lower_level_ends_modified_privilege(hart: Hart) -> None:
    for level, kept in ((MACHINE, MSTATUS_MPRV), (SUPERVISOR, 0), (USER, 0)):
        hart.privilege, hart.mstatus = MACHINE, MSTATUS_MPRV | level << 11
        run(hart, MRET)
        assert hart.mstatus & MSTATUS_MPRV == kept
    hart.privilege, hart.mstatus = MACHINE, MSTATUS_MPRV | MSTATUS_SPP
    assert run(hart, SRET) is Effect.STATUS
    assert (hart.privilege, hart.mstatus & MSTATUS_MPRV) == (SUPERVISOR, 0)


@pytest.mark.parametrize(
    ("word", "trapped_by", "lowest"),
    [
        (MRET, 0, MACHINE),
        (SRET, MSTATUS_TSR, SUPERVISOR),
        (WFI, MSTATUS_TW, SUPERVISOR),
        (SFENCE, MSTATUS_TVM, SUPERVISOR),
        (SATP << 20 | CSRRS << 12 | 0x73, MSTATUS_TVM, SUPERVISOR),
    ],
)
def test_what_machine_mode_may_keep_to_itself(
    hart: Hart, word: int, trapped_by: int, lowest: int
) -> None:
    for level in (USER, SUPERVISOR, MACHINE):
        for bit in {0, trapped_by}:
            hart.privilege, hart.mstatus, hart.pc = level, bit, HERE
            legal = level >= (MACHINE if bit else lowest)
            answer = run(hart, word)
            assert (answer == Trap(Cause.ILLEGAL_INSTRUCTION, HERE, word)) == (not legal)


def test_counters_are_let_down_level_by_level(hart: Hart) -> None:
    hart.privilege = SUPERVISOR
    assert access(hart, CSRRS, TIME) is None
    hart.mcounteren = 2
    assert access(hart, CSRRS, TIME) == 1000
    hart.privilege = USER
    assert access(hart, CSRRS, TIME) is None
    hart.scounteren = 2
    assert access(hart, CSRRS, TIME) == 1000
    hart.mcounteren = 0
    assert access(hart, CSRRS, TIME) is None


def test_sstatus_is_a_part_of_mstatus(hart: Hart) -> None:
    access(hart, CSRRW, MSTATUS, MSTATUS_TW | MSTATUS_MPP)
    assert access(hart, CSRRW, SSTATUS, (1 << 64) - 1) == 2 << 32
    assert access(hart, CSRRS, SSTATUS) == 1 << 63 | 2 << 32 | 3 << 18 | 3 << 13 | 0x122
    assert hart.mstatus & (MSTATUS_TW | MSTATUS_MPP) == MSTATUS_TW | MSTATUS_MPP
    access(hart, CSRRC, SSTATUS, (1 << 64) - 1)
    assert hart.mstatus == MSTATUS_TW | MSTATUS_MPP
    access(hart, CSRRS, SSTATUS, MSTATUS_SUM | MSTATUS_MPRV)
    assert hart.mstatus == MSTATUS_TW | MSTATUS_MPP | MSTATUS_SUM


def test_a_level_that_there_is_not_is_not_kept_in_mpp(hart: Hart) -> None:
    for level, kept in ((1, 1), (2, 1), (0, 0), (2, 0), (3, 3)):
        access(hart, CSRRW, MSTATUS, level << 11)
        assert hart.mstatus >> 11 & 3 == kept


def test_sie_and_sip_show_what_is_delegated(hart: Hart) -> None:
    hart.mideleg = 1 << 1 | 1 << 9
    access(hart, CSRRW, MIE, (1 << 64) - 1)
    assert hart.mie == 0xAAA
    assert access(hart, CSRRW, SIE) == 0x202
    assert hart.mie == 0xAAA & ~0x202
    access(hart, CSRRW, SIE, (1 << 64) - 1)
    assert hart.mie == 0xAAA
    access(hart, CSRRW, MIP, (1 << 64) - 1)
    assert access(hart, CSRRS, MIP) == 0x222
    assert access(hart, CSRRW, SIP) == 0x202
    assert access(hart, CSRRS, MIP) == 0x220, "a supervisor may write its software interrupt alone"
    hart.mideleg = 0
    access(hart, CSRRW, SIP, 2)
    assert access(hart, CSRRS, MIP) == 0x220, "and only if it is delegated"


def test_a_line_is_seen_with_the_written_bit_and_not_kept_by_it(hart: Hart) -> None:
    hart.lines[9] = 1
    assert access(hart, CSRRS, MIP, 2) == 1 << 9
    hart.lines[9] = 0
    assert access(hart, CSRRS, MIP) == 2


def test_a_supervisor_s_timer_is_its_own_with_stimecmp(hart: Hart) -> None:
    hart.mcounteren, hart.mideleg = 2, 1 << 5
    access(hart, CSRRW, MIP, 1 << 5)
    hart.privilege = SUPERVISOR
    assert access(hart, CSRRW, STIMECMP, 1000) is None
    hart.privilege = MACHINE
    access(hart, CSRRW, MENVCFG, MENVCFG_STCE)
    assert access(hart, CSRRS, MIP) == 0, "software's bit is gone"
    hart.privilege = SUPERVISOR
    assert access(hart, CSRRW, STIMECMP, 1000) == NEVER
    assert access(hart, CSRRS, SIP) == 1 << 5
    hart.mie = 1 << 5
    assert SYSTEM.deadline(hart) == 1000
    assert access(hart, CSRRW, STIMECMP, 1001) == 1000
    assert access(hart, CSRRS, SIP) == 0


@pytest.mark.parametrize(
    ("level", "status", "delegated", "taken"),
    [
        (MACHINE, 0, 0, None),
        (MACHINE, MSTATUS_MIE, 0, MACHINE),
        (MACHINE, MSTATUS_MIE | MSTATUS_SIE, 0x222, None),
        (SUPERVISOR, 0, 0, MACHINE),
        (SUPERVISOR, 0, 0x222, None),
        (SUPERVISOR, MSTATUS_SIE, 0x222, SUPERVISOR),
        (USER, 0, 0x222, SUPERVISOR),
        (USER, 0, 0, MACHINE),
    ],
)
def test_a_supervisor_s_interrupt_is_taken_where_it_belongs(
    hart: Hart, level: int, status: int, delegated: int, taken: int | None
) -> None:
    hart.privilege, hart.mstatus, hart.mideleg = level, status, delegated
    hart.mie = hart.mip_written = 1 << 1
    assert interrupt(hart) == (None if taken is None else 1)
    if taken is None:
        assert (hart.pc, hart.privilege, hart.interrupts) == (HERE, level, 0)
        return
    assert (hart.privilege, hart.interrupts) == (taken, 1)
    cause = hart.mcause if taken == MACHINE else hart.scause
    assert (cause, hart.pc) == (
        1 << 63 | 1,
        MACHINE_TRAPS if taken == MACHINE else SUPERVISOR_TRAPS,
    )


def test_machine_mode_s_interrupts_come_first(hart: Hart) -> None:
    hart.privilege, hart.mie, hart.mip_written = USER, 0x222, 0x222
    hart.mideleg = 1 << 9  # the external one, of the highest priority, is the supervisor's
    hart.stvec |= 1
    assert interrupt(hart) == 1
    assert (hart.privilege, hart.mcause) == (MACHINE, 1 << 63 | 1)
    run(hart, MRET)
    hart.mip_written = 0x200
    assert interrupt(hart) == 9
    assert (hart.privilege, hart.scause) == (SUPERVISOR, 1 << 63 | 9)
    assert hart.pc == SUPERVISOR_TRAPS + 4 * 9
