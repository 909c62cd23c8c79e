"""What one vCPU predecoded runs on another, and so does what was translated."""

import os
from typing import Any

from engine_harness import Bare, fill

from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.isa.riscv64.state import OFFSET

BASE, SIZE = 0x8000_0000, 1 << 16
PROGRAM = [
    (BASE, 0x0020_0513),  # li a0, 2
    (BASE + 4, 0xFFF5_0513),  # addi a0, a0, -1
    (BASE + 8, 0xFE05_1EE3),  # bnez a0, back
    (BASE + 12, 0x0000_1097),  # auipc ra, 1
    (BASE + 16, 0xFF40_80E7),  # jalr ra, -12(ra): the next page
    (BASE + 20, 0x0000_0073),  # ecall
    (BASE + 0x1000, 0x0000_8067),  # ret
]


INSTRUCTIONS = 8
"""li, two rounds of two, auipc, jalr, ret."""


def run(bare: Bare) -> tuple[int, int]:
    """Run the program; blocks that this vCPU has decoded, and come to pages by, until now."""
    for _ in bare.run_to_trap(BASE):
        pass
    return bare.hart.cache_misses, bare.hart.cache_hits


def is_translated(bare: Bare) -> bool:
    """Whether a vCPU finds a translation where the program begins."""
    code: Any = bare.engine.llvm.code
    return code.find_best(code.version(*code.enter(BASE)), 0) is not None


def machine(vcpus: int) -> list[Bare]:
    first = Bare("llvm", BASE, SIZE)
    fill(PROGRAM, first.write)
    return [first, *(Bare("llvm", BASE, SIZE, beside=first) for _ in range(vcpus - 1))]


def close(vcpus: list[Bare]) -> None:
    for bare in vcpus:
        bare.close()


def test_a_second_vcpu_on_the_same_code_decodes_nothing_and_runs_what_was_translated() -> None:
    vcpus = machine(2)
    assert run(vcpus[0]) == (4, 0)
    vcpus[0].improve(BASE)
    assert all(map(is_translated, vcpus))
    assert run(vcpus[1])[0] == 0
    assert vcpus[1].hart.instructions == INSTRUCTIONS
    close(vcpus)


def test_a_vcpu_with_a_plan_of_its_own_has_code_of_its_own() -> None:
    vcpus = machine(2)
    counted = OFFSET["unsupported"]  # any word of the hart that nothing else uses here
    words = vcpus[1].hart.words
    before = words[counted // 8]
    address = vcpus[1].engine.llvm.arguments[0] + counted
    vcpus[1].engine.apply(Plan(every_block=(Operation(0, address, "count"),)))
    for better in (0, 1):
        run(vcpus[0])
        run(vcpus[1])
        vcpus[better].improve(BASE)
        assert [is_translated(bare) for bare in vcpus] == [True, better == 1]
    run(vcpus[0])
    run(vcpus[1])
    assert words[counted // 8] - before == vcpus[1].hart.blocks == vcpus[0].hart.blocks
    close(vcpus)


def test_vcpus_that_reach_the_same_code_at_once_run_it_right() -> None:
    vcpus = machine(3)
    waiting, go = os.pipe()
    children = []
    for bare in vcpus:
        child = os.fork()
        if child == 0:
            os.close(go)
            os.read(waiting, 1)  # until the parent has closed its end
            run(bare)
            os._exit(0)
        children.append(child)
    os.close(waiting)
    os.close(go)
    assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0] * 3
    assert {bare.hart.instructions for bare in vcpus} == {INSTRUCTIONS}
    close(vcpus)
