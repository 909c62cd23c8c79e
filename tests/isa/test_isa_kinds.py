"""What a word is to a block is the same whether all is asked of it or only that."""

import random

import pytest

from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.table.decode import ROWS


@pytest.mark.parametrize("seed", range(4))
def test_the_kind_of_a_word_is_that_of_its_facts(seed: int) -> None:
    draw, code = random.Random(seed), RISCV64.code
    words = [draw.getrandbits(32) for _ in range(20_000)]
    words += [row.match | draw.getrandbits(32) & ~row.mask for row in ROWS for _ in range(20)]
    assert [code.kind(word) for word in words] == [code.facts(word).kind for word in words]
