"""The page counts of memtrace, against sorting."""

import numpy as np
import pytest

from mttcg_plugins.memtrace import PLACES, PageCounts


@pytest.mark.parametrize("spread", [1, 40, PLACES, 5 * PLACES, 1 << 52])
def test_counts_are_those_of_sorting(spread: int) -> None:
    random = np.random.default_rng(spread)
    counts = PageCounts()
    batches = [random.integers(0, spread, 4096, dtype=np.uint64) for _ in range(20)]
    for batch in batches:
        counts.add(batch)
    expected = np.unique(np.concatenate(batches), return_counts=True)
    assert counts.totals() == dict(zip(*(part.tolist() for part in expected), strict=True))


def test_keys_that_share_a_place_are_kept_apart() -> None:
    counts = PageCounts()
    for key in (7, 7 + PLACES, 7, 7 + 2 * PLACES, 7 + PLACES):
        counts.add(np.array([key, key], dtype=np.uint64))
    assert counts.totals() == {7: 4, 7 + PLACES: 4, 7 + 2 * PLACES: 2}
