"""Native tables of a plan: rows of operations, and per-pc tables that point into them."""

from collections.abc import Iterable, Mapping

import numpy as np

from mttcg.engine.unicorn.hooks import GOLDEN
from mttcg.instrument.plan import Operation

MASK64 = (1 << 64) - 1


def rows_of(operations: Iterable[Operation]) -> "np.ndarray[tuple[int, int], np.dtype[np.uint64]]":
    """(function, data) pairs, as the hooks run them; never empty, so that it has an address."""
    pairs = [(operation.function, operation.data) for operation in operations]
    return np.array(pairs or [(0, 0)], dtype=np.uint64)


class SiteTables:
    """The tables of both kinds of sites over one array of rows."""

    def __init__(self, *kinds: Mapping[int, tuple[Operation, ...]]) -> None:
        operations: list[Operation] = []
        self.tables = [self._table(sites, operations) for sites in kinds]
        self.rows = rows_of(operations)

    def address(self, kind: int) -> int:
        """Host address of a table, 0 if it is empty."""
        table = self.tables[kind]
        return int(table.ctypes.data) if table is not None else 0

    @staticmethod
    def _table(
        sites: Mapping[int, tuple[Operation, ...]], operations: list[Operation]
    ) -> "np.ndarray[tuple[int], np.dtype[np.uint64]] | None":
        if not sites:
            return None
        capacity = 1 << (2 * len(sites)).bit_length()
        table = np.zeros(1 + 3 * capacity, dtype=np.uint64)
        table[0] = capacity - 1
        taken = set()
        for pc, attached in sites.items():
            probe = ((pc >> 1) * GOLDEN & MASK64) >> 32
            while probe & (capacity - 1) in taken:
                probe += 1
            place = probe & (capacity - 1)
            taken.add(place)
            table[1 + 3 * place : 4 + 3 * place] = pc, len(operations), len(attached)
            operations.extend(attached)
        return table
