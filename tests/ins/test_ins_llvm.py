"""The instruction tests on the llvm engine, in both of its tiers.

Cases that do not mention pc are translated many to a page, at places of their own; each other is a
page's only code, at the address that it asks for.
"""

from collections.abc import Iterator
from functools import cache

import pytest
from case_outcome import Outcome, differences, expect, snapshot, start
from engine_harness import Bare, fill
from instruction_cases import FILES, MEMORY, MEMORY_SIZE, PC, Case, read_cases

from mttcg.engine.base import Exit, ExitKind
from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.state import NO_RESERVATION, OFFSET
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import Trap
from mttcg.memory.host import address_of_buffer

Both = tuple[Case, Outcome, Outcome]
CASES = [case for path in FILES for case in read_cases(path) if not case.leaves]
"""What the definition leaves, the interpreter may do: `test_native_system.py` has that."""
ECALL = 0x73
STRIDE = 8
"""Bytes from a case to the next: the instruction, and an ecall where it goes on."""
PAGE = 4096
RAM_END = 0x20000


def mentions_pc(case: Case) -> bool:
    return "pc" in case.before | case.after or case.text.startswith("auipc")


def ends_outside(case: Case) -> bool:
    """Whether the address that faults lies behind MEMORY, which has to be the end of RAM then."""
    return int(case.after.get("tval", "0"), 0) > MEMORY + MEMORY_SIZE - 8 and case.text[0] != "j"


def prepare(bare: Bare, case: Case) -> Interpreter:
    """Put the state before into a hart."""
    before = start(case)
    if bare.has(MEMORY):
        bare.write(MEMORY, bytes(before.memory))
    bare.set_registers(before.x, before.f, before.fcsr, before.float_on)
    held = before.reservation or (NO_RESERVATION, 0)
    bare.hart.reservation, bare.hart.reservation_value = held
    return before


def run(bare: Bare, case: Case, at: int) -> Outcome:
    """Run one case, whose code is at an address; the outcome as if it were where it says."""
    before = prepare(bare, case)
    shift = before.pc - at
    traps, hart = bare.hart.traps, bare.hart
    exits = bare.run_to_trap(at)
    left = next(exits)
    outcome = trapped(bare, exits, case, at) if stays(left, at) else None
    assert hart.traps - traps == isinstance(outcome, Trap)
    memory = bare.read(MEMORY, MEMORY_SIZE) if bare.has(MEMORY) else bytes(MEMORY_SIZE)
    after = Interpreter(bytearray(memory), MEMORY, left.pc + shift)
    after.x, after.f, after.fcsr = bare.registers()
    if hart.reservation != NO_RESERVATION:
        after.reservation = (hart.reservation, hart.reservation_value)
    return snapshot(after), outcome


def stays(left: Exit, at: int) -> bool:
    return left.pc == at and left.kind is not ExitKind.REQUEST


def trapped(bare: Bare, exits: Iterator[Exit], case: Case, at: int) -> Trap:
    for _ in exits:
        raise AssertionError("it went on")
    shift = start(case).pc - at
    cause, value = Cause(bare.hart.mcause), bare.hart.mtval
    assert bare.hart.mepc == at
    return Trap(cause, at + shift, value)


def in_pages(cases: list[Case], base: int, size: int, first: int) -> Iterator[Both]:
    """Run cases side by side, a page at a time, from an address on."""
    bare = Bare("llvm", base, size)
    for begin in range(0, len(cases), (PAGE - 16) // STRIDE):
        some = dict(zip(range(first, first + PAGE - 16, STRIDE), cases[begin:], strict=False))
        for at, case in some.items():
            fill([(at, case.word), (at + case.length, ECALL)], bare.write)
        bare.engine.fetch_again()
        interpreted = [run(bare, case, at) for at, case in some.items()]
        bare.improve(first)
        optimised = [run(bare, case, at) for at, case in some.items()]
        yield from zip(some.values(), interpreted, optimised, strict=True)
    bare.close()


def alone(cases: list[Case]) -> Iterator[Both]:
    """Run cases each at its own address; those far away are without MEMORY."""
    here = [case for case in cases if start(case).pc < RAM_END]
    yield from one_by_one(Bare("llvm", MEMORY, RAM_END - MEMORY), here)
    for case in cases:
        if case not in here:
            yield from one_by_one(Bare("llvm", start(case).pc & -PAGE, PAGE), [case])


def one_by_one(bare: Bare, cases: list[Case]) -> Iterator[Both]:
    """Run cases which may jump to themselves: each block makes a request, seen by the next."""
    address = address_of_buffer(bare.maps["harts"]) + OFFSET["request"]
    bare.engine.apply(Plan(every_block=(Operation(0, address, "count"),)))
    for case in cases:
        bare.hart.request = 0
        bare.ram[:] = bytes(len(bare.ram))
        at = start(case).pc
        fill([(at, case.word)], bare.write)
        bare.engine.fetch_again()
        interpreted = run(bare, case, at)
        bare.improve(at)
        bare.hart.request = 0
        yield case, interpreted, run(bare, case, at)
    bare.close()


@cache
def outcomes() -> dict[str, list[Outcome]]:
    """What every case does, by its place, in each tier."""
    own, behind = [c for c in CASES if mentions_pc(c)], [c for c in CASES if ends_outside(c)]
    others = [c for c in CASES if c not in own + behind]
    parts = (
        in_pages(others, MEMORY, RAM_END - MEMORY, PC),
        in_pages(behind, 0, MEMORY + MEMORY_SIZE, 0x100),
        alone(own),
    )
    return {case.place: both for part in parts for case, *both in part}


@pytest.mark.parametrize("tier", [0, 1], ids=["interpreter", "optimised"])
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place} {case.text}")
def test_each_tier_does_what_the_specification_says(case: Case, tier: int) -> None:
    assert differences(outcomes()[case.place][tier], expect(case)) == {}
