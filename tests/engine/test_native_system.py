"""System instructions, traps and interrupts in native code, against their definition in Python."""

import ctypes
import itertools
import random
import time
from typing import Any

import pytest
from engine_harness import TIMEBASE, Bare, fill
from test_interpreter import A0, BASE, ECALL, SIZE, placed, word

from mttcg.engine.base import ExitKind
from mttcg.engine.llvm.frame import INSTRUCTIONS_PER_LOOK, Word
from mttcg.engine.llvm.runtime import MOST_PASSED_OVER
from mttcg.isa.riscv64 import interrupts, status
from mttcg.isa.riscv64.csr import CSRS
from mttcg.isa.riscv64.interrupts import DELEGABLE
from mttcg.isa.riscv64.privilege import MACHINE
from mttcg.isa.riscv64.protection import PROTECTION_REGISTERS, open_to_all
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.status import MSTATUS_MPP
from mttcg.isa.riscv64.traps import Cause
from mttcg.memory.host import address_of_function
from mttcg.state.vcpu_state import NEVER
from mttcg.state.words import fields_of

HANDLER, SUPERVISOR_HANDLER, LENGTH = BASE + 0x800, BASE + 0x900, 150
"""Where traps go, by level, and instructions of a program."""
CAUSES, VALUES, SCRATCH, LEVELS = 20, 21, 22, 24
"""Registers in which a handler gathers what it was told, and what it computes with; the bits of
mstatus.MPP."""
EBREAK, MRET, SRET, WFI = 0x0010_0073, 0x3020_0073, 0x1020_0073, 0x1050_0073
SATP = 0x180
MSTATUS, MIE, MTVEC, MEPC, MCAUSE, MTVAL, TIME = 0x300, 0x304, 0x305, 0x341, 0x342, 0x343, 0xC01
SIE, STVEC, SEPC, SCAUSE, STVAL, MEDELEG, MIDELEG = 0x104, 0x105, 0x141, 0x142, 0x143, 0x302, 0x303
CSRRW, CSRRS, CSRRC = 1, 2, 3
STATE = sorted({*fields_of(Hart)} - set(vars(Hart.__base__)) - {"x", "f"})
COUNTS = ("pc", "instructions", "blocks", "traps", "interrupts")
LEFT_ALONE = {MSTATUS, MTVEC, STVEC, MEDELEG, MIDELEG, TIME, SATP, *PROTECTION_REGISTERS}
"""With other values the program would not come to its end."""
SEEN = [number for number in CSRS if number not in LEFT_ALONE]
ABSENT = (0x7C0, 0x280)
DELEGATED = 0xB3FF & ~(1 << Cause.ILLEGAL_INSTRUCTION)
"""Exceptions that may be delegated: a handler's last instruction can be illegal."""


def access(operation: int, number: int, rd: int = 0, source: int = 0, immediate: int = 0) -> int:
    """A csrrw, csrrs or csrrc, or one with an immediate."""
    return number << 20 | source << 15 | (operation | immediate << 2) << 12 | rd << 7 | 0x73


def gather(register: int, number: int) -> list[int]:
    """Three times a register, and a system register on top."""
    twice = word("add", SCRATCH, register, register)
    read = access(CSRRS, number, SCRATCH + 1)
    return [
        read,
        twice,
        word("add", register, register, SCRATCH),
        word("add", register, register, SCRATCH + 1),
    ]


def handler(cause: int, value: int, pc: int, enabled: int, go_back: list[int]) -> list[int]:
    """Gathers cause and value; goes on behind an exception, and disables what interrupts."""
    told = [*gather(CAUSES, cause), *gather(VALUES, value)]
    interrupt = [access(CSRRW, enabled, 0, 0), *go_back]
    skip = word("bge", rs1=SCRATCH, rs2=0, immediate=4 * (len(interrupt) + 1))
    exception = [
        access(CSRRS, pc, SCRATCH),
        word("addi", SCRATCH, SCRATCH, immediate=4),
        access(CSRRW, pc, 0, SCRATCH),
        *go_back,
    ]
    return [*told, access(CSRRS, cause, SCRATCH), skip, *interrupt, *exception]


def handlers() -> dict[int, list[int]]:
    """Those of both levels; that of machine mode may go back to a higher one than it came from."""
    rise = [word("and", SCRATCH, 5, LEVELS), access(CSRRS, MSTATUS, 0, SCRATCH), MRET]
    return {
        HANDLER: handler(MCAUSE, MTVAL, MEPC, MIE, rise),
        SUPERVISOR_HANDLER: handler(SCAUSE, STVAL, SEPC, SIE, [SRET]),
    }


def instruction(source: random.Random) -> list[int]:
    """One, or those that lead to an mret to the next."""
    kind = source.choice(["csr"] * 8 + ["ecall", "ebreak", "mret", "amo", "add", "absent"])
    target, operand = source.randrange(5, 16), source.randrange(16)
    if kind in ("csr", "absent"):
        number = source.choice(SEEN if kind == "csr" else ABSENT)
        return [access(source.randrange(1, 4), number, target, operand, source.randrange(2))]
    if kind == "mret":
        levels = [access(operation, MSTATUS, 0, LEVELS) for operation in (CSRRS, CSRRC)]
        after = [*source.sample(levels, source.randrange(2)), source.choice([MRET, SRET])]
        distance = word("addi", 6, 6, immediate=16 + 4 * len(after))
        places = [access(CSRRW, MEPC, 0, 6), access(CSRRW, SEPC, 0, 6)]
        return [word("auipc", 6), distance, *places, *after]
    if kind == "amo":
        return [word(source.choice(["amoadd.w", "lr.d"]), target, A0)]
    return {"ecall": [ECALL], "ebreak": [EBREAK], "add": [word("add", target, target, operand)]}[
        kind
    ]


class Machine:
    """A vCPU, its program, and what the host did for it."""

    def __init__(self, engine: str, program: list[int], seed: int) -> None:
        self.bare = bare = Bare(engine, BASE, SIZE, native_traps=True)
        self.end = BASE + 4 * len(program)
        code = [pair for at, words in handlers().items() for pair in placed(words, at)]
        fill([*placed([*program, 0]), *code], bare.write)
        source = random.Random(seed)
        self.registers = [0, *(source.getrandbits(64) for _ in range(31))]
        self.registers[A0] = BASE + 0x1001  # no atomic can be there
        self.registers[LEVELS] = MSTATUS_MPP
        self.delegated = source.getrandbits(16) & DELEGATED, source.getrandbits(12) & DELEGABLE
        self.exits = 0

    def run(self, level: int) -> None:
        """Run the program, with a level of the interrupt from another hart."""
        bare, hart = self.bare, self.bare.hart
        bare.set_registers(self.registers, [0] * 32, 0)
        hart.pc, hart.mtvec, hart.timer_deadline = BASE, HANDLER, NEVER
        hart.stvec, hart.stimecmp, hart.privilege = SUPERVISOR_HANDLER, NEVER, MACHINE
        hart.medeleg, hart.mideleg = self.delegated
        open_to_all(hart)
        hart.lines[interrupts.SOFTWARE_NUMBER] = level
        hart.lines[interrupts.SUPERVISOR_SOFTWARE] = level
        while True:
            bare.vcpu.system.take_interrupt(hart, bare.machine)
            left = bare.engine.run(hart.pc)
            if left.pc == self.end:
                hart.pc = left.pc  # as the run loop does
                return
            self.exits += 1
            bare.handle(left)

    def found(self) -> dict[str, Any]:
        """All that is to be the same."""
        hart = self.bare.hart
        self.bare.engine.spill_integer()
        state = {name: getattr(hart, name) for name in (*STATE, *COUNTS)}
        return state | {"x": list(hart.x), "lines": list(hart.lines)}


@pytest.mark.parametrize("seed", range(12))
def test_native_code_does_what_python_does(seed: int) -> None:
    source = random.Random(f"system {seed}")
    program: list[int] = []
    while len(program) < LENGTH:
        program += instruction(source)
    machines = [Machine(engine, program, seed) for engine in ("llvm", "unicorn")]
    native, definition = machines
    for level in (0, 1, source.randrange(2)):
        for machine in machines:
            machine.run(level)
        assert native.found() == definition.found()
        native.bare.improve(BASE)  # translated code comes back for each
    assert native.bare.hart.traps > 20
    assert 2 * native.exits < definition.exits
    for machine in machines:
        machine.bare.close()


def test_time_is_that_of_the_machine() -> None:
    bare = Bare("llvm", BASE, SIZE, native_traps=True)
    fill(placed([access(CSRRS, TIME, 5), 0]), bare.write)
    bare.set_registers([0] * 32, [0] * 32, 0)
    for shift in (0, -3_600_000_000_123, 7_200_000_000_456):
        bare.machine.shift_clock(-shift)
        before = bare.machine.time()
        bare.engine.run(BASE)
        assert before <= bare.hart.x[5] <= bare.machine.time()
    bare.close()


@pytest.mark.parametrize("enabled", [True, False])
def test_the_timer_is_seen_in_a_loop_when_its_time_has_come(enabled: bool) -> None:
    bare = Bare("llvm", BASE, SIZE, native_traps=True)
    loop = [word("addi", 5, 5, immediate=1), word("jal", immediate=-4)]
    fill([*placed(loop), *placed([0], HANDLER)], bare.write)
    bare.set_registers([0] * 32, [0] * 32, 0)
    hart = bare.hart
    hart.mtvec, hart.mie, hart.mstatus = HANDLER, interrupts.TIMER_INTERRUPT, status.MSTATUS_MIE
    hart.timer_deadline = bare.machine.time() + 20_000
    if not enabled:
        hart.mie, hart.request = 0, 1  # which nobody clears
    left = bare.engine.run(BASE)
    if enabled:
        assert (left.kind, left.pc, hart.interrupts) == (ExitKind.SYSTEM, HANDLER, 1)
        assert hart.mcause == 1 << 63 | interrupts.TIMER_NUMBER
        assert bare.machine.time() >= hart.timer_deadline
    else:
        assert (left.kind, left.pc, hart.interrupts) == (ExitKind.REQUEST, BASE, 0)
    bare.close()


@pytest.mark.parametrize(
    ("step_ns", "looks"), [(1_000, MOST_PASSED_OVER + 1), (10_000, 1), (30_000, 1)]
)
def test_fast_code_reads_the_clock_at_few_of_its_looks(step_ns: int, looks: int) -> None:
    """The clock goes on by a step each time that it is read."""
    bare = Bare("llvm", BASE, SIZE, native_traps=True)
    loop = [word("addi", 5, 5, immediate=1), word("jal", immediate=-4)]
    fill([*placed(loop), *placed([0], HANDLER)], bare.write)
    bare.set_registers([0] * 32, [0] * 32, 0)
    hart = bare.hart
    hart.mtvec, hart.mie, hart.mstatus = HANDLER, interrupts.TIMER_INTERRUPT, status.MSTATUS_MIE
    hart.timer_deadline = 0
    assert bare.engine.run(BASE).pc == HANDLER  # it has been there, and can be improved
    bare.improve(BASE)
    hart.instructions, hart.mstatus = 0, status.MSTATUS_MIE
    started, reads = time.monotonic_ns(), 40
    times = itertools.count(started + step_ns, step_ns)

    def read(_clock: int, at: Any) -> int:
        at[0], at[1] = divmod(next(times), 1_000_000_000)
        return 0

    clock = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.POINTER(ctypes.c_int64))(read)
    bare.engine.llvm.frame[Word.CLOCK] = address_of_function(clock)
    hart.timer_deadline = bare.machine.time() + reads * step_ns * TIMEBASE // 1_000_000_000
    assert (bare.engine.run(BASE).pc, hart.interrupts) == (HANDLER, 2)
    until_due = (next(times) - started) // step_ns - 1
    assert until_due >= reads
    expected = looks * until_due * INSTRUCTIONS_PER_LOOK
    until_paced = 2 * looks * INSTRUCTIONS_PER_LOOK
    assert expected - 2 * until_paced <= hart.instructions <= expected + until_paced
    bare.close()


def test_a_wait_that_need_not_sleep_is_native() -> None:
    bare = Bare("llvm", BASE, SIZE, native_traps=True)
    fill(placed([WFI, word("addi", 5, immediate=7), 0]), bare.write)
    bare.set_registers([0] * 32, [0] * 32, 0)
    bare.hart.mie = interrupts.SOFTWARE_INTERRUPT
    assert bare.engine.run(BASE).pc == BASE
    bare.hart.lines[interrupts.SOFTWARE_NUMBER] = 1
    assert bare.engine.run(BASE).pc == BASE + 8
    assert bare.hart.x[5] == 7
    bare.close()


def test_somebody_who_wants_to_sees_each_trap() -> None:
    bare = Bare("llvm", BASE, SIZE)
    fill([*placed([ECALL]), *placed([0], HANDLER)], bare.write)
    bare.set_registers([0] * 32, [0] * 32, 0)
    bare.hart.mtvec = HANDLER
    left = bare.engine.run(BASE)
    assert (left.kind, left.pc, left.word, bare.hart.traps) == (ExitKind.SYSTEM, BASE, ECALL, 0)
    bare.close()


def test_a_trap_loop_is_found_though_most_traps_are_not_seen() -> None:
    told: list[Any] = []
    bare = Bare("llvm", BASE, SIZE, native_traps=True)
    bare.vcpu.trap_loops.found = told.append
    fill([*placed([EBREAK]), *placed([ECALL], HANDLER)], bare.write)
    bare.set_registers([0] * 32, [0] * 32, 0)
    hart = bare.hart
    hart.pc, hart.mtvec = BASE, HANDLER
    exits = 0
    while not told:
        left = bare.engine.run(hart.pc)
        exits += 1
        bare.handle(left)
    (loop,) = told
    assert (loop.trap.cause, loop.trap.pc, loop.handler) == (
        Cause.ECALL_MACHINE,
        HANDLER,
        HANDLER,
    )
    assert (loop.before.cause, loop.before.pc) == (Cause.BREAKPOINT, BASE)
    assert exits < hart.traps
    bare.close()
