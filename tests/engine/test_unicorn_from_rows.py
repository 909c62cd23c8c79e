"""What the native hooks look up of an instruction is what the table says of it."""

import random

import numpy as np
import pytest

from mttcg.engine.unicorn.riscv64 import from_rows, look_up
from mttcg.instrument.native.frames import BRANCHES, JUMPS, TAKEN
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.table.decode import ROWS, decode
from mttcg.isa.table.row import Row
from mttcg.native.amo import NUMBERS


def looked_up(word: int, passed: int = 64) -> tuple[int, int]:
    """Destination, and where it goes, as the hooks find them."""
    register, way = look_up.destination_and_way(np.uint64(word), np.uint64(passed))
    return int(register), int(way)


def expected(word: int) -> tuple[int, int]:
    """The same, as the table says it."""
    found = facts(word)
    branches = found.kind is Kind.BRANCH
    return found.destination, JUMPS if found.jumps else branches * (BRANCHES | TAKEN)


def test_every_16_bit_instruction_is_looked_up() -> None:
    for word in range(1 << 16):
        if word & 3 != 3 and decode(word) is not None:
            assert looked_up(word) == expected(word), hex(word)


@pytest.mark.parametrize("row", [row for row in ROWS if row.length == 4], ids=lambda row: row.name)
def test_every_row_is_looked_up(row: Row) -> None:
    source = random.Random(row.name)
    drawn = (row.match | source.getrandbits(32) & ~row.mask for _ in range(400))
    for word in filter(row.matches, drawn):
        assert looked_up(word) == expected(word), hex(word)


def test_a_branch_that_goes_on_behind_it_is_not_taken() -> None:
    beq, c_beqz = 0x00000463, 0xC101
    assert {looked_up(beq, 4)[1], looked_up(c_beqz, 2)[1]} == {BRANCHES}
    assert {looked_up(beq, 2)[1], looked_up(c_beqz, 4)[1]} == {BRANCHES | TAKEN}


def test_every_atomic_has_a_number_and_nothing_else() -> None:
    wanted = {}
    for row in ROWS:
        if facts(row.match).kind is Kind.ATOMIC and row.extension == "A":
            name = row.name.split(".")[0]
            place = row.match >> 27 << 3 | row.match >> 12 & 7
            wanted[place] = {"lr": 1, "sc": 2}.get(name) or 3 + NUMBERS[name.removeprefix("amo")]
    assert len(wanted) == 2 * 11
    assert {
        int(at): int(from_rows.ATOMICS[at]) for at in np.flatnonzero(from_rows.ATOMICS)
    } == wanted
