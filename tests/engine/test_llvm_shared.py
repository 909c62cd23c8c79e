"""What one vCPU translated runs on another: nothing is translated twice."""

import os

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


def run(bare: Bare) -> tuple[int, int, int]:
    """Run the program; blocks decoded and found, and pieces of code translated, by this vCPU."""
    for _ in bare.run_to_trap(BASE):
        pass
    return bare.hart.cache_misses, bare.hart.cache_hits, bare.hart.cache_translated


def machine(vcpus: int) -> list[Bare]:
    first = Bare("llvm", BASE, SIZE)
    fill(PROGRAM, first.write)
    return [first, *(Bare("llvm", BASE, SIZE, beside=first) for _ in range(vcpus - 1))]


def close(vcpus: list[Bare]) -> None:
    for bare in vcpus:
        bare.close()


def test_a_second_vcpu_on_the_same_code_translates_and_decodes_nothing() -> None:
    vcpus = machine(2)
    misses, hits, translated = run(vcpus[0])
    assert misses > 0 and hits == 0 and translated == 2  # a piece in each page
    written = int(vcpus[0].engine.llvm.arena.header["written"][0])
    assert run(vcpus[1]) == (0, misses, 0)
    assert int(vcpus[0].engine.llvm.arena.header["written"][0]) == written
    close(vcpus)


def test_a_vcpu_with_a_plan_of_its_own_has_code_of_its_own() -> None:
    vcpus = machine(2)
    counted = OFFSET["unsupported"]  # any word of the hart that nothing else uses here
    words = vcpus[1].hart.words
    before = words[counted // 8]
    address = vcpus[1].engine.llvm.arguments[0] + counted
    vcpus[1].engine.apply(Plan(every_block=(Operation(0, address, "count"),)))
    assert run(vcpus[0])[2] == 2
    assert run(vcpus[1])[2] == 2
    assert words[counted // 8] - before == vcpus[1].hart.blocks == vcpus[0].hart.blocks
    close(vcpus)


def test_vcpus_that_reach_the_same_code_at_once_translate_it_once() -> None:
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
    assert sum(bare.hart.cache_translated for bare in vcpus) == 2
    assert {bare.hart.instructions for bare in vcpus} == {
        8
    }  # li, two rounds of two, auipc, jalr, ret
    close(vcpus)
