"""The kinds of many words at a time are those of each."""

import numpy as np
import pytest

from mttcg.isa.riscv64.code import Rv64Code
from mttcg.isa.riscv64.table.decode import ROWS

RANDOM_WORDS = 20_000


def kinds_agree(words: list[int]) -> None:
    """Compare the kinds of words with those that are asked for one by one."""
    code = Rv64Code()
    lengths = np.array([code.length(word & 0xFFFF) for word in words])
    cut = np.array(words, np.int64) & (1 << 8 * lengths) - 1
    found = code.kinds(cut, lengths).tolist()
    assert found == [code.kind(word) for word in cut.tolist()]


@pytest.mark.parametrize("seed", range(4))
def test_random_words_have_the_same_kinds(seed: int) -> None:
    """Most are in no row, or in a reserved encoding."""
    random = np.random.default_rng(seed)
    kinds_agree(random.integers(0, 1 << 32, RANDOM_WORDS).tolist())


def test_words_of_every_row_have_the_same_kinds() -> None:
    """Each row's own words, and those that differ from it in one bit."""
    random = np.random.default_rng(5)
    rows = [row for row in ROWS for _ in range(8)]
    free = random.integers(0, 1 << 32, len(rows)).tolist()
    words = [row.match | bits & ~row.mask for row, bits in zip(rows, free, strict=True)]
    near = [word ^ 1 << bit for word in words for bit in (12, 20, 25, 30)]
    kinds_agree([*words, *near])


def test_all_short_words_have_the_same_kinds() -> None:
    """The 16 bits of each compressed instruction."""
    kinds_agree([word for word in range(1 << 16) if word & 3 != 3])
