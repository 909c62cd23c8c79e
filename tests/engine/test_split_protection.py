"""Protection that differs within a page: code faults at the very instruction, in both tiers."""

from collections.abc import Sequence

import pytest
from engine_harness import Bare, fill
from test_address_translation import write_csr
from test_interpreter import word

from mttcg.engine.base import ExitKind
from mttcg.isa.riscv64.privilege import MACHINE, USER
from mttcg.isa.riscv64.protection import (
    ADDRESS_BITS,
    EXECUTE,
    KIND_SHIFT,
    LOCKED,
    POWER_OF_TWO,
    READ,
    TOP_OF_RANGE,
    WRITE,
    open_to_all,
)
from mttcg.isa.system import MemoryFault

BASE, PAGE = 0x8000_0000, 4096
CODE = BASE + PAGE
X = 5
STEP, NOTHING = word("addi", X, X, immediate=1), 0x0001
RANGE = TOP_OF_RANGE << KIND_SHIFT
OPEN = POWER_OF_TWO << KIND_SHIFT | READ | WRITE | EXECUTE


def split(bare: Bare, low: int, high: int, configuration: int = READ) -> None:
    """Have code that can't be fetched from one address to another."""
    hart = bare.hart
    hart.pmpcfg0 = 0
    for entry, address in enumerate((low, high, ADDRESS_BITS << 2)):
        write_csr(hart, f"pmpaddr{entry}", address >> 2)
    kinds = bytes([0, RANGE | configuration, OPEN])
    write_csr(hart, "pmpcfg0", int.from_bytes(kinds, "little"))
    bare.engine.fence_translations()


def place(bare: Bare, words: Sequence[int], at: int = CODE) -> None:
    placed = []
    for each in words:
        placed.append((at, each))
        at += 4 if each & 3 == 3 else 2
    fill(placed, bare.write)


def run(bare: Bare, pc: int = CODE, privilege: int = USER) -> tuple[object, ...]:
    """Run to a trap: what it is, where, of what address, and what was done before."""
    hart = bare.hart
    bare.set_registers([0] * 32, [0] * 32, 0)
    hart.privilege, before = privilege, hart.instructions
    left = list(bare.run_to_trap(pc))[-1]
    hart.privilege = MACHINE
    told = left.fault if left.kind is ExitKind.TRAP else left.word
    return told, hart.mepc, hart.mtval, hart.x[X], hart.instructions - before


@pytest.fixture
def bare() -> Bare:
    bare = Bare("llvm", BASE, 8 * PAGE)
    open_to_all(bare.hart)
    return bare


@pytest.mark.parametrize("improved", [False, True], ids=["interpreter", "optimised"])
def test_code_runs_to_where_it_can_not_be_fetched(bare: Bare, improved: bool) -> None:
    place(bare, [STEP] * 8 + [0x73])
    everything = (0x73, CODE + 32, 0, 8, 9)
    assert run(bare)[1:4] == everything[1:4]
    if improved:
        bare.improve(CODE)
        assert run(bare)[1:4] == everything[1:4]
    split(bare, CODE + 12, CODE + 20)
    assert run(bare) == (MemoryFault.FETCH, CODE + 12, CODE + 12, 3, 3)
    assert run(bare, CODE + 16) == (MemoryFault.FETCH, CODE + 16, CODE + 16, 0, 0)
    assert run(bare, CODE + 20)[1:4] == (CODE + 32, 0, 3)
    assert run(bare, privilege=MACHINE)[1:4] == everything[1:4]
    bare.improve(CODE)  # of which there is no better code now
    assert run(bare) == (MemoryFault.FETCH, CODE + 12, CODE + 12, 3, 3)
    open_to_all(bare.hart)
    write_csr(bare.hart, "pmpcfg0", OPEN)
    bare.engine.fence_translations()
    assert run(bare)[1:4] == everything[1:4]
    bare.close()


def test_what_is_locked_is_so_for_machine_mode(bare: Bare) -> None:
    place(bare, [STEP] * 8 + [0x73])
    split(bare, CODE + 8, CODE + 12, READ | LOCKED)
    for _ in range(2):
        assert run(bare, privilege=MACHINE) == (MemoryFault.FETCH, CODE + 8, CODE + 8, 2, 2)
    bare.close()


def test_an_instruction_whose_second_half_can_not_be_fetched(bare: Bare) -> None:
    place(bare, [NOTHING, STEP, STEP, STEP, 0x73])
    split(bare, CODE + 8, CODE + 12)
    assert run(bare) == (MemoryFault.FETCH, CODE + 6, CODE + 8, 1, 2)
    bare.close()


@pytest.mark.parametrize("refused", [CODE + PAGE - 4, CODE + PAGE])
def test_an_instruction_over_the_end_of_a_page(bare: Bare, refused: int) -> None:
    start = CODE + PAGE - 6
    place(bare, [STEP, STEP, 0x73], start)
    split(bare, refused, refused + 4)
    at = start + 4 if refused > start + 4 else start
    address = max(refused, start + 2) if refused == start + 2 else refused
    assert run(bare, start)[:3] == (MemoryFault.FETCH, at, address)
    bare.close()


def test_a_branch_to_where_no_code_can_be_fetched(bare: Bare) -> None:
    place(bare, [STEP, word("jal", immediate=12), STEP, STEP, STEP, 0x73])
    split(bare, CODE + 16, CODE + 24)
    for _ in range(2):
        assert run(bare) == (MemoryFault.FETCH, CODE + 16, CODE + 16, 1, 2)
    bare.close()


def test_changed_code_is_still_looked_at(bare: Bare) -> None:
    place(bare, [STEP] * 4 + [0x73])
    split(bare, CODE + 8, CODE + 12)
    assert run(bare)[:4] == (MemoryFault.FETCH, CODE + 8, CODE + 8, 2)
    place(bare, [word("addi", X, X, immediate=3)])
    bare.engine.fetch_again()
    assert run(bare)[:4] == (MemoryFault.FETCH, CODE + 8, CODE + 8, 4)
    bare.close()
