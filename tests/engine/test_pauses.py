"""A hart that pauses lets the host run others: there may be fewer processors than vCPUs."""

import ctypes

import pytest
from engine_harness import Bare, fill

from mttcg.engine.base import ExitKind
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.pauses import PAUSES_PER_YIELD
from mttcg.isa.riscv64.interrupts import SOFTWARE_INTERRUPT, SOFTWARE_NUMBER
from mttcg.isa.riscv64.table.decode import BY_NAME
from mttcg.memory.host import address_of_function

BASE, PAGE = 0x8000_0000, 4096
PAUSES = {
    "pause": 0x0100_000F,
    "wrs.nto": BY_NAME["wrs.nto"].match,
    "wrs.sto": BY_NAME["wrs.sto"].match,
}
FENCES = {
    "fence w, none with rd": PAUSES["pause"] | 1 << 7,
    "fence w, none with rs1": PAUSES["pause"] | 1 << 15,
    "fence w, w": 0x0110_000F,
    "fence r, none": 0x0200_000F,
}
YIELDS, COUNTER = 3, 5
ROUNDS = YIELDS * PAUSES_PER_YIELD
COUNT_DOWN, AGAIN, ECALL = 0xFFF2_8293, 0xFE02_9CE3, 0x73
"""addi x5, x5, -1; bnez x5, 8 bytes back; ecall."""
YIELD = ctypes.CFUNCTYPE(ctypes.c_int)


@pytest.mark.parametrize("improved", [False, True], ids=["interpreter", "optimised"])
@pytest.mark.parametrize("name", [*PAUSES, *FENCES])
def test_pauses_let_others_run(name: str, improved: bool) -> None:
    word, calls = (PAUSES | FENCES)[name], []
    counted = YIELD(lambda: calls.append(name) or 0)
    bare = Bare("llvm", BASE, 4 * PAGE)
    bare.engine.llvm.frame[Word.YIELD] = address_of_function(counted)
    program = [word, COUNT_DOWN, AGAIN, ECALL]
    fill([(BASE + 4 * at, instruction) for at, instruction in enumerate(program)], bare.write)
    for _ in range(1 + improved):
        calls.clear()
        x = [0] * 32
        x[COUNTER] = ROUNDS
        bare.set_registers(x, [0] * 32, 0)
        before = bare.hart.instructions
        list(bare.run_to_trap(BASE))
        assert bare.hart.instructions - before == 3 * ROUNDS
        if improved:
            bare.improve(BASE)
    bare.close()
    assert len(calls) == (YIELDS if name in PAUSES else 0)


def test_waiting_for_what_is_pending_lets_others_run() -> None:
    """As firmware waits in whose hart an interrupt is pending, which ends each wait at once."""
    calls: list[int] = []
    counted = YIELD(lambda: calls.append(1) or 0)
    bare = Bare("llvm", BASE, 4 * PAGE, native_traps=True)
    bare.engine.llvm.frame[Word.YIELD] = address_of_function(counted)
    program = [BY_NAME["wfi"].match, COUNT_DOWN, AGAIN, ECALL]
    fill([(BASE + 4 * at, instruction) for at, instruction in enumerate(program)], bare.write)
    x = [0] * 32
    x[COUNTER] = ROUNDS
    bare.set_registers(x, [0] * 32, 0)
    bare.hart.mie, bare.hart.lines[SOFTWARE_NUMBER] = SOFTWARE_INTERRUPT, 1
    left = bare.engine.run(BASE)
    # the call at the end traps to where no code is, and until then the host was not asked to wait
    assert (left.kind, bare.hart.x[COUNTER]) == (ExitKind.FETCH, 0)
    bare.close()
    assert len(calls) == YIELDS


NOTHING, LOAD, UNTIL = 0x0000_0013, 0x0003_3383, 0xFE03_8CE3
"""nop; ld x7, (x6); beqz x7, 8 bytes back."""
LOOKS = 40
TURNS = 200_000
"""Of a loop that counts, in which it is often time to look."""


@pytest.mark.parametrize("improved", [False, True], ids=["interpreter", "optimised"])
@pytest.mark.parametrize("counts", [False, True], ids=["waits", "counts"])
def test_a_hart_that_changes_no_register_lets_others_run(counts: bool, improved: bool) -> None:
    bare, calls, place = Bare("llvm", BASE, 4 * PAGE, native_traps=True), [], BASE + PAGE

    def yields() -> int:
        calls.append(1)
        if len(calls) == LOOKS:
            bare.write(place, b"\1")
        return 0

    counted = YIELD(yields)
    bare.engine.llvm.frame[Word.YIELD] = address_of_function(counted)
    program = [COUNT_DOWN, LOAD, AGAIN, ECALL] if counts else [NOTHING, LOAD, UNTIL, ECALL]
    fill([(BASE + 4 * at, instruction) for at, instruction in enumerate(program)], bare.write)
    for _ in range(1 + improved):
        calls.clear()
        bare.write(place, b"\0")
        x = [0] * 32
        x[6], x[COUNTER] = place, TURNS
        bare.set_registers(x, [0] * 32, 0)
        list(bare.run_to_trap(BASE))
        assert len(calls) == (0 if counts else LOOKS)
        if improved:
            bare.improve(BASE)
    bare.close()
