"""What the rows say of an instruction is what their semantics do, as a recording of a run shows."""

import random
from dataclasses import dataclass, field

import pytest

from mttcg.isa.facts import FLOATS, Access, Facts
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.isa.operations import Amo
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.extensions import BLOCK_BYTES
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.table.decode import ROWS, decode
from mttcg.isa.table.row import Row

PC, MASK = 0x8000_0000, (1 << 64) - 1
READ = 0xF1F2_F3F4_85F6_F7F8
"""What memory reads everywhere: a sign bit is set at each size."""
CALLS = (InstructionClass.CALL, InstructionClass.SWITCH)
WORDS = 40


@dataclass
class Recording(Interpreter):
    """Notes what an instruction does; memory is there everywhere, and reads READ."""

    written: dict[int, int] = field(default_factory=dict)
    loads: list[tuple[int, int]] = field(default_factory=list)
    stores: list[tuple[int, int, int]] = field(default_factory=list)
    amos: list[Amo] = field(default_factory=list)
    jumps: list[int] = field(default_factory=list)
    branches: list[int] = field(default_factory=list)
    left: bool = False
    fences: list[tuple[int, int, int]] = field(default_factory=list)

    def write_x(self, register: int, value: int) -> None:
        if register:
            self.written[register] = value

    def write_f(self, register: int, value: int) -> None:
        self.written[FLOATS + register] = value

    def load(self, address: int, size: int) -> int:
        self.loads.append((address, size))
        return READ & (1 << 8 * size) - 1

    def store(self, address: int, size: int, value: int) -> None:
        self.stores.append((address, size, value & (1 << 8 * size) - 1))

    def load_reserved(self, address: int, size: int) -> int:
        return self.load(address, size)

    def store_conditional(self, address: int, size: int, value: int) -> int:
        self.store(address, size, value)
        return 0

    def amo(self, operation: Amo, address: int, size: int, value: int) -> int:
        self.amos.append(operation)
        self.store(address, size, value)
        return self.load(address, size)

    def compare_and_swap(
        self, address: int, size: int, expected: tuple[int, ...], value: tuple[int, ...]
    ) -> tuple[int, ...]:
        if len(value) == 1:
            return (self.amo("swap", address, size, value[0]),)
        self.amos.append("swap")
        self.loads.append((address, size))
        self.stores.append((address, size, value[1] << 64 | value[0]))
        return READ, -1 & MASK

    def jump(self, target: int) -> None:
        self.jumps.append(target)

    def branch(self, condition: int, displacement: int) -> None:
        self.branches.append(self.pc + displacement & MASK)

    def system(self, word: int, does: object = None) -> None:
        self.left = True

    def illegal(self, word: int, unless: object = None) -> None:
        self.left = self.left or unless is None

    def fence(self, predecessor: int, successor: int, mode: int) -> None:
        self.fences.append((predecessor, successor, mode))


def words_of(row: Row) -> list[int]:
    source = random.Random(f"facts of {row.name}")
    free = (1 << 8 * row.length) - 1 & ~row.mask
    drawn = (row.match | source.getrandbits(32) & free for _ in range(8 * WORDS))
    return [word for word in drawn if row.matches(word)][:WORDS]


def run(word: int, seed: int) -> Recording:
    """A run of a word from random registers."""
    source = random.Random(seed)
    x, f = ([source.getrandbits(64) for _ in range(32)] for _ in range(2))
    recording = Recording(pc=PC, x=[0, *x[1:]], f=f)
    instruction = decode(word)
    assert instruction is not None
    instruction.row.semantics(recording, instruction)
    return recording


def check_access(access: Access | None, seen: Recording) -> None:
    if access is None:
        assert (seen.loads, seen.stores) == ([], [])
        return
    place = seen.x[access.base] + access.displacement & MASK, access.size
    if access.size == BLOCK_BYTES:
        first = place[0] & -BLOCK_BYTES
        assert seen.stores == [(at, 8, 0) for at in range(first, first + BLOCK_BYTES, 8)]
        return
    assert seen.loads == [place] * access.loads
    assert [(at, size) for at, size, _ in seen.stores] == [place] * access.stores
    file = seen.f if access.floating else seen.x
    mask = (1 << 8 * access.size) - 1
    if access.loads:
        number = access.register + FLOATS * access.floating
        assert seen.written.get(number, 0) == (access.extend(READ & mask) if number else 0)
    else:
        assert [value for _, _, value in seen.stores] == [file[access.register] & mask]


def destinations(row: Row, found: Facts) -> set[int]:
    """The registers that an instruction writes."""
    if not found.destination:
        return set()
    pair = {found.destination + 1} if row.name == "amocas.q" else set()
    return {found.destination, *pair}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_facts_are_what_the_semantics_do(row: Row) -> None:
    for seed, word in enumerate(words_of(row)):
        found, seen = facts(word), run(word, seed)
        assert found.length == row.length
        check_access(found.access, seen)
        assert seen.branches == ([found.target_from(PC)] if found.kind is Kind.BRANCH else [])
        assert bool(seen.amos) == bool(found.access and found.access.loads and found.access.stores)
        if seen.left:
            assert found.kind in (Kind.SYSTEM, Kind.BREAKPOINT)
            continue
        assert found.kind not in (Kind.SYSTEM, Kind.BREAKPOINT)
        assert set(seen.written) == destinations(row, found)
        if found.kind is Kind.JUMP:
            assert seen.jumps == [found.target_from(PC)]
        elif found.indirect is not None:
            register, displacement = found.indirect
            assert seen.jumps == [seen.x[register] + displacement & MASK - 1]
        else:
            assert not seen.jumps
            assert found.kind is not Kind.INDIRECT
        assert found.jumps == bool(seen.jumps)
        if found.address is not None:
            assert set(seen.written.values()) <= {PC + found.address & MASK}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_calls_write_the_address_behind_them_to_a_link_register(row: Row) -> None:
    for seed, word in enumerate(words_of(row)):
        if facts(word).kind in (Kind.JUMP, Kind.INDIRECT):
            links = {1, 5} & set(run(word, seed).written)
            assert bool(links) == (facts(word).what in CALLS)


PAUSE = 0x0100_000F
"""A fence as well as a pause."""


def test_only_what_orders_stores_before_loads_is_a_fence() -> None:
    for sets in range(1 << 12):
        word = sets << 20 | 0x0F
        fences = run(word, 0).fences
        assert len(fences) == 1 + (word == PAUSE), hex(word)
        ordered = any(
            predecessor & 0b0101 and successor & 0b1010 and mode != 8
            for predecessor, successor, mode in fences
        )
        assert facts(word).kind is (Kind.FENCE if ordered else Kind.PLAIN), hex(word)


def test_what_has_no_row_has_a_length_and_a_kind_alone() -> None:
    for word, kind in {
        0x0000: Kind.ILLEGAL,
        0x8C40: Kind.SYSTEM,
        0x0004: Kind.PLAIN,
        0x0000_7003: Kind.PLAIN,  # a load of no size
        0x0000_2063: Kind.BRANCH,
        0x0000_1067: Kind.INDIRECT,
        0x2800_502F: Kind.ATOMIC,
        0x2600_0073: Kind.SYSTEM,  # hinval.vvma
        0x0600_0053: Kind.PLAIN,  # fadd.q
    }.items():
        assert decode(word) is None
        assert facts(word) == facts(word)._replace(kind=kind, destination=0, access=None)
        assert (facts(word).what, facts(word).target) == (InstructionClass.OTHER, None)
