"""Operations on cache blocks: who may use them, and what they do, in translated code and not."""

from collections.abc import Iterator
from itertools import product

import pytest
from engine_harness import PAGE, Bare, fill

from mttcg.isa.riscv64.environment import CLEAN_BLOCKS, INVALIDATE_BLOCKS, ZERO_BLOCKS
from mttcg.isa.riscv64.extensions import BLOCK_BYTES
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR, USER
from mttcg.isa.riscv64.protection import open_to_all
from mttcg.isa.riscv64.table.decode import BY_NAME
from mttcg.isa.riscv64.traps import Cause

BASE, SIZE = 0x8000_0000, 4 * PAGE
PLACE, HANDLER = BASE + 2 * PAGE, BASE + PAGE
A0, ECALL, ADDI = 10, 0x73, 0x0010_0093
ENVIRONMENT_CALL = {USER: 8, SUPERVISOR: 9, MACHINE: 11}
INVALIDATION = {0: 0, 1: 1 << 4, 2: 0, 3: 3 << 4}
"""What of CBIE sticks."""


@pytest.fixture(params=["interpreter", "optimised"], scope="module")
def tier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def bare(tier: str) -> Iterator[Bare]:
    made = Bare("llvm", BASE, SIZE)
    open_to_all(made.hart)
    yield made
    made.close()


def run_code(bare: Bare, tier: str, x: list[int], level: int) -> tuple[int, int, int]:
    """Cause, place and value of the trap that ends it."""
    bare.engine.fetch_again()
    if tier == "optimised":
        bare.set_registers(x, [0] * 32, 0)
        bare.hart.privilege = level
        list(bare.run_to_trap(BASE))
        bare.improve(BASE)
    bare.set_registers(x, [0] * 32, 0)
    bare.hart.privilege = level
    list(bare.run_to_trap(BASE))
    return bare.hart.mcause, bare.hart.mepc - BASE, bare.hart.mtval


def word_of(name: str) -> int:
    return BY_NAME[name].match | A0 << 15


def run(bare: Bare, tier: str, name: str, level: int, address: int = PLACE) -> tuple[int, int, int]:
    """The same of an operation at an address."""
    fill([(BASE, ADDI), (BASE + 4, word_of(name)), (BASE + 8, ECALL)], bare.write)
    x = [0] * 32
    x[A0] = address
    return run_code(bare, tier, x, level)


BITS = {
    "cbo.zero": ZERO_BLOCKS,
    "cbo.clean": CLEAN_BLOCKS,
    "cbo.flush": CLEAN_BLOCKS,
    "cbo.inval": INVALIDATE_BLOCKS,
}


@pytest.mark.parametrize("name", BITS)
def test_a_level_may_use_what_those_above_let_it_use(bare: Bare, tier: str, name: str) -> None:
    for level, machines, supervisors in product((USER, SUPERVISOR, MACHINE), (0, -1), (0, -1)):
        bare.hart.menvcfg, bare.hart.senvcfg = (
            BITS[name] & bits for bits in (machines, supervisors)
        )
        allowed = level == MACHINE or (machines and (level == SUPERVISOR or supervisors))
        illegal = Cause.ILLEGAL_INSTRUCTION, 4, word_of(name)
        wanted = (ENVIRONMENT_CALL[level], 8, 0) if allowed else illegal
        assert run(bare, tier, name, level) == wanted, (level, machines, supervisors)
        others = ~BITS[name] & (ZERO_BLOCKS | CLEAN_BLOCKS | INVALIDATE_BLOCKS)
        bare.hart.menvcfg = bare.hart.senvcfg = others
        assert level == MACHINE or run(bare, tier, name, level) == illegal


@pytest.mark.parametrize("offset", [0, 1, 63, 64, 4032])
def test_the_block_around_an_address_is_zeroed(bare: Bare, tier: str, offset: int) -> None:
    bare.write(PLACE - 64, bytes([0xA5]) * (PAGE + 128))
    count = bare.hart.instructions
    assert run(bare, tier, "cbo.zero", MACHINE, PLACE + offset)[0] == ENVIRONMENT_CALL[MACHINE]
    assert bare.hart.instructions == count + (4 if tier == "optimised" else 2)
    block = offset & -BLOCK_BYTES
    wanted = bytearray([0xA5]) * (PAGE + 128)
    wanted[64 + block : 64 + block + BLOCK_BYTES] = bytes(BLOCK_BYTES)
    assert bare.read(PLACE - 64, len(wanted)) == wanted


@pytest.mark.parametrize("address", [BASE - 1, BASE + SIZE + 7, 0x1000])
def test_outside_of_ram_it_is_a_fault_at_the_block(bare: Bare, tier: str, address: int) -> None:
    """As on Spike and QEMU, which store to the block from its start."""
    block = address & -BLOCK_BYTES
    assert run(bare, tier, "cbo.zero", MACHINE, address) == (Cause.STORE_ACCESS, 4, block)


def test_a_reserved_way_of_invalidating_is_not_kept(bare: Bare, tier: str) -> None:
    for number, bits in product((0x10A, 0x30A), INVALIDATION):
        write = number << 20 | 1 << 12 | A0 << 15 | 0x73
        read = number << 20 | 2 << 12 | 11 << 7 | 0x73
        fill([(BASE, write), (BASE + 4, read), (BASE + 8, ECALL)], bare.write)
        x = [0] * 32
        x[A0] = bits << 4 | ZERO_BLOCKS
        run_code(bare, tier, x, MACHINE)
        assert bare.registers()[0][11] == INVALIDATION[bits] | ZERO_BLOCKS


@pytest.mark.parametrize("name", ["sinval.vma", "sfence.w.inval", "sfence.inval.ir"])
def test_translations_are_not_for_users(bare: Bare, tier: str, name: str) -> None:
    for level in (USER, SUPERVISOR, MACHINE):
        fill([(BASE, ADDI), (BASE + 4, BY_NAME[name].match), (BASE + 8, ECALL)], bare.write)
        illegal = Cause.ILLEGAL_INSTRUCTION, 4, BY_NAME[name].match
        wanted = illegal if level == USER else (ENVIRONMENT_CALL[level], 8, 0)
        assert run_code(bare, tier, [0] * 32, level) == wanted
