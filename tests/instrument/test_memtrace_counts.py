"""The page counts of memtrace, against sorting."""

import numpy as np
import pytest

from mttcg.instrument import events
from mttcg_plugins.memtrace import PAGE_SHIFT, PageCounts


def batch_of(pages: object, writes: object) -> np.ndarray:
    records = np.zeros(len(np.atleast_1d(pages)), events.ACCESS)
    records["address"] = np.asarray(pages, dtype=np.uint64) << np.uint64(PAGE_SHIFT)
    records["address"] += np.arange(len(records), dtype=np.uint64) % np.uint64(1 << PAGE_SHIFT)
    records["write"] = writes
    records.flags.writeable = False  # as an aggregator gets them
    return records


@pytest.mark.parametrize("spread", [1, 40, 5_000, 60_000, 1 << 52])
def test_counts_are_those_of_sorting(spread: int) -> None:
    random = np.random.default_rng(spread)
    counts = PageCounts()
    batches = [
        (random.integers(0, spread, 4096, dtype=np.uint64), random.integers(0, 2, 4096))
        for _ in range(20)
    ]
    for pages, writes in batches:
        counts.add(batch_of(pages, writes))
    keys = [pages << np.uint64(1) | writes.astype(np.uint64) for pages, writes in batches]
    expected = np.unique(np.concatenate(keys), return_counts=True)
    assert counts.totals() == dict(zip(*(part.tolist() for part in expected), strict=True))


def test_keys_that_share_a_place_are_kept_apart_and_the_table_grows() -> None:
    counts = PageCounts(places=4)
    for page in (8, 16, 8, 24, 16, 32):
        counts.add(batch_of([page, page], [0, 1]))
    assert counts.totals() == {
        16: 2, 17: 2, 32: 2, 33: 2, 48: 1, 49: 1, 64: 1, 65: 1,
    }  # fmt: skip
    assert len(counts.keys) == 16
