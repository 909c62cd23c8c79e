"""Native tables of a plan: rows of operations, and per-pc tables that point into them."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np

from mttcg.engine.unicorn.frame import GOLDEN
from mttcg.instrument.plan.plan import Operation
from mttcg.memory.address import HostAddress, Virtual
from mttcg.memory.host import address_of_array

MASK64 = (1 << 64) - 1
SMALLEST = 64
GONE = 1
"""In the place of a pc, where no instruction can be: what was attached was taken away."""

OperationsByPc = Mapping[Virtual, tuple[Operation, ...]]


def rows_of(operations: Iterable[Operation]) -> "np.ndarray[tuple[int, int], np.dtype[np.uint64]]":
    """(function, data) pairs, as the hooks run them; never empty, so that it has an address."""
    pairs = [operation.called for operation in operations]
    return np.array(pairs or [(HostAddress(0), 0)], dtype=np.uint64)


class SiteTable:
    """From pc to rows, by open addressing, at most half full; see `hooks.run_site`."""

    def __init__(self, sites: int) -> None:
        self.capacity = max(SMALLEST, 1 << (2 * sites).bit_length())
        self.words = np.zeros(1 + 3 * self.capacity, dtype=np.uint64)
        self.words[0] = self.capacity - 1
        self.place_of: dict[Virtual, int] = {}
        self.taken: set[int] = set()

    @property
    def full(self) -> bool:
        """Whether it takes no further pc."""
        return 2 * len(self.taken) >= self.capacity

    @property
    def address(self) -> HostAddress:
        """Where it lies, 0 if it is empty."""
        return address_of_array(self.words) if self.place_of else HostAddress(0)

    def put(self, pc: Virtual, first: int, count: int) -> None:
        """Let a pc have `count` rows from row `first` on."""
        place = self.place_of.get(pc)
        if place is None:
            place = ((pc >> 1) * GOLDEN & MASK64) >> 32 & self.capacity - 1
            while place in self.taken:
                place = place + 1 & self.capacity - 1
            self.taken.add(place)
            self.place_of[pc] = place
        self.words[1 + 3 * place : 4 + 3 * place] = pc, first, count

    def take_away(self, pc: Virtual) -> None:
        """Let a pc have no rows; its place stays taken, as others may be behind it."""
        place = self.place_of.pop(pc, None)
        if place is not None:
            self.words[1 + 3 * place] = GONE


class SiteTables:
    """The tables of several kinds of sites over one array of rows.

    They follow one plan after the other: what is new is added, and everything is built anew when
    anything may be another, or there is no room left.
    """

    def __init__(self, kinds: int) -> None:
        self.sites: list[OperationsByPc] = [{} for _ in range(kinds)]
        self._build()

    def _build(self) -> None:
        operations = sum(len(row) for sites in self.sites for row in sites.values())
        self.rows = np.zeros((max(SMALLEST, 2 * operations), 2), dtype=np.uint64)
        self.used = 0
        self.tables = [SiteTable(len(sites)) for sites in self.sites]
        for table, sites in zip(self.tables, self.sites, strict=True):
            for pc, operations_there in sites.items():
                self._put(table, pc, operations_there)

    def _put(self, table: SiteTable, pc: Virtual, operations: tuple[Operation, ...]) -> None:
        end = self.used + len(operations)
        self.rows[self.used : end] = [each.called for each in operations]
        table.put(pc, self.used, len(operations))
        self.used = end

    def follow(
        self, kinds: Sequence[OperationsByPc], changed: Sequence[Iterable[Virtual]] | None
    ) -> None:
        """Hold the sites of a plan from now on; addresses change with it.

        changed: where each kind may be another than before; None: anywhere.
        """
        self.sites = list(kinds)
        if changed is None:
            self._build()
            return
        for table, new, places in zip(self.tables, kinds, changed, strict=True):
            for pc in places:
                operations = new.get(pc)
                if operations is None:
                    table.take_away(pc)
                    continue
                if table.full or self.used + len(operations) > len(self.rows):
                    self._build()
                    return
                self._put(table, pc, operations)

    def address(self, kind: int) -> HostAddress:
        """Address of a table, 0 if it is empty."""
        return self.tables[kind].address
