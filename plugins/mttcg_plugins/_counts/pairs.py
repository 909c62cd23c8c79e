"""How often each pair of numbers occurred: an open hash table that grows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from mttcg.instrument import compiled

PLACES = 1 << 12
"""Places of a table at the start."""
FREE = 0
"""The count of a place that no pair has."""


@compiled
def count_pairs(first: Any, second: Any, keys: Any, counts: Any, taken: int) -> tuple[int, int]:
    """Count pairs in an open hash table; how many were counted, and how many places are taken.

    Args:
        first: uint64, of each pair.
        second: uint64, likewise.
        keys: uint64, the pair at each place; a power of two of rows.
        counts: int64, of the pairs at the same places, FREE where there is none.
        taken: how many places are taken.

    It ends before a new pair if half of the places are taken.
    """
    last = np.uint64(len(keys) - 1)
    for n in range(len(first)):
        a, b = first[n], second[n]
        mixed = (a ^ b << np.uint64(17) ^ b >> np.uint64(31)) * np.uint64(0x9E3779B97F4A7C15)
        place = (mixed ^ mixed >> np.uint64(29)) & last
        while counts[place] != FREE and (keys[place, 0] != a or keys[place, 1] != b):
            place = (place + np.uint64(1)) & last
        if counts[place] == FREE:
            if 2 * taken >= len(keys):
                return n, taken
            taken += 1
            keys[place, 0], keys[place, 1] = a, b
        counts[place] += 1
    return len(first), taken


class PairCounts:
    """Counts pairs of numbers below 2^64, batch by batch."""

    def __init__(self, places: int = PLACES) -> None:
        self.keys = np.zeros((places, 2), dtype=np.uint64)
        self.counts = np.zeros(places, dtype=np.int64)
        self.taken = 0

    def add(self, first: npt.NDArray[Any], second: npt.NDArray[Any]) -> None:
        """Count the pairs of two uint64 arrays of one length."""
        done = 0
        while done < len(first):
            now, self.taken = count_pairs(
                first[done:], second[done:], self.keys, self.counts, self.taken
            )
            done += now
            if done < len(first):
                self._grow()

    def _grow(self) -> None:
        """Have twice the places."""
        keys, counts = self.found()
        larger = PairCounts(2 * len(self.keys))
        _, self.taken = count_pairs(keys[:, 0], keys[:, 1], larger.keys, larger.counts, 0)
        places = np.flatnonzero(larger.counts)
        order = np.lexsort(keys.T)
        # the same pairs in both, each in its order: so every count comes to its pair
        larger.counts[places[np.lexsort(larger.keys[places].T)]] = counts[order]
        self.keys, self.counts = larger.keys, larger.counts

    def found(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """The pairs, uint64 of shape (n, 2), and how often each occurred."""
        places = np.flatnonzero(self.counts)
        return self.keys[places], self.counts[places]


def add_up(
    keys: npt.NDArray[Any], counts: npt.NDArray[Any]
) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Join rows with the same keys: the distinct ones in their order, and the sums of counts."""
    distinct, where = np.unique(keys, axis=0, return_inverse=True)
    sums = np.zeros(len(distinct), dtype=np.int64)
    np.add.at(sums, where.ravel(), counts)
    return distinct, sums
