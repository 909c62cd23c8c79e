"""What native code leaves to the host is counted by kind, and what it does itself is not."""

from collections.abc import Iterator

import pytest
from engine_harness import PAGE, Bare, fill
from test_llvm_floats import bne

from mttcg.isa.riscv64.privilege import SUPERVISOR
from mttcg.isa.riscv64.protection import open_to_all
from mttcg.isa.riscv64.table.decode import BY_NAME
from mttcg.isa.riscv64.traps import Cause
from mttcg.state.named_counts import REST, HostWork
from mttcg.state.vcpu_state import HOST_WORK_ROWS

BASE = 0x8000_0000
ECALL, A0 = 0x73, 10
TRAPS = 20
"""How many native code takes before the host sees one."""


@pytest.fixture
def bare() -> Iterator[Bare]:
    made = Bare("llvm", BASE, 4 * PAGE, native_traps=True)
    open_to_all(made.hart)
    yield made
    made.close()


def run(bare: Bare, *words: int, level: int = 3, x10: int = 0) -> dict[str, int]:
    """What is counted while some instructions run, before an ecall."""
    before = HostWork(bare.hart).to_dict()
    code = [*words, ECALL]
    fill([(BASE + 4 * place, word) for place, word in enumerate(code)], bare.write)
    bare.engine.fetch_again()
    x = [0] * 32
    x[A0] = x10
    bare.set_registers(x, [0] * 32, 0)
    bare.hart.privilege, bare.hart.mtvec = level, BASE + 4 * (len(code) - 1)
    bare.engine.native_system.let_traps(TRAPS, None, None)
    list(bare.run_to_trap(BASE))
    after = HostWork(bare.hart).to_dict()
    return {name: count - before.get(name, 0) for name, count in after.items()}


def csr(number: int, write: bool = False) -> int:
    name = "csrrw" if write else "csrrs"
    return BY_NAME[name].match | number << 20 | A0 << 7


def test_system_registers_are_native_even_refused_ones(bare: Bare) -> None:
    registers = (0x300, 0xB03, 0xB1F, 0x323, 0x33F, 0xB00)
    for write in (False, True):
        assert "csrrs" not in run(bare, *(csr(number, write) for number in registers))
    found = run(bare, csr(0x300), level=SUPERVISOR)
    assert not {"csrrs", "csrrw"} & set(found)


def test_a_refused_instruction_traps_with_its_word(bare: Bare) -> None:
    """The handler notes cause and value of the first trap; what follows traps, too."""
    once = BY_NAME["addi"].match | 5 << 7 | 1 << 20
    handler = [bne(5, 0, 16), csr(0x342), csr(0x343) + (1 << 7), once, ECALL]
    for word in (csr(0x300), csr(0x300, write=True), 0x3020_0073):
        fill([(BASE, word), (BASE + 4, ECALL)], bare.write)
        fill([(BASE + 0x100 + 4 * at, word) for at, word in enumerate(handler)], bare.write)
        bare.engine.fetch_again()
        bare.set_registers([0] * 32, [0] * 32, 0)
        bare.hart.privilege, bare.hart.mtvec = SUPERVISOR, BASE + 0x100
        bare.engine.native_system.let_traps(TRAPS, None, None)
        list(bare.run_to_trap(BASE))
        x = bare.registers()[0]
        assert (x[A0], x[A0 + 1]) == (Cause.ILLEGAL_INSTRUCTION, word)
    assert not {"csrrs", "csrrw", "mret"} & set(HostWork(bare.hart).to_dict())


def test_what_is_left_has_a_name(bare: Bare) -> None:
    assert run(bare, csr(0xC03))["csrrs"] == 1
    assert run(bare, BY_NAME["ld"].match | A0 << 15, x10=0x1000)["loads from devices"] == 1
    assert run(bare, BY_NAME["sd"].match | A0 << 15, x10=0x1000)["stores to devices"] == 1
    atomic = BY_NAME["amoadd.d"].match | A0 << 15
    assert run(bare, atomic, x10=0x1000)["atomics outside of RAM"] == 1
    assert run(bare, 0x0000_0000)["unknown instructions"] == 1


def test_operations_by_their_definition_are_counted(bare: Bare) -> None:
    convert = BY_NAME["fcvt.lu.d"].match | 7 << 12 | A0 << 7
    found = run(bare, BY_NAME["fmv.d.x"].match | A0 << 15, convert, x10=0xBFF0 << 48)
    assert found["cvt.lu.d"] == 1


def test_what_has_no_row_is_counted_with_others(bare: Bare) -> None:
    counts = HostWork(bare.hart)
    for number in range(HOST_WORK_ROWS + 5):
        counts.add(f"kind {number}")
    found = counts.to_dict()
    assert len(found) == HOST_WORK_ROWS
    assert found[REST] == 6
