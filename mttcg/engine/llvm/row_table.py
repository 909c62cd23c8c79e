"""The operations of a plan, each in a row of a table that keeps its number while it is attached.

Translated code and records know rows by their numbers, so what is attached later moves none.
"""

from collections import Counter, defaultdict

import numpy as np

from mttcg.engine.llvm.weave import RECORDS, OperationRow, Rows, kind_of, way_of
from mttcg.instrument.native.probe_text import name_of
from mttcg.instrument.plan.plan import Operation
from mttcg.isa.context import EVERYWHERE
from mttcg.memory.address import HostAddress

FIRST_ROWS = 16


class RowTable:
    """Rows of operations.

    Attributes:
        table: uint64, the function and data of each row.
        ways: uint64, how the interpreter runs each.
        scopes: uint64, the contexts in which each is run, a mask and what is wanted there.
        emitters: the row of each emitter with which something records, by where that is.
        probes: LLVM text of the probes that were ever attached, by name.
    """

    def __init__(self) -> None:
        self.table = np.zeros((FIRST_ROWS, 2), dtype=np.uint64)
        self.ways = np.zeros(FIRST_ROWS, dtype=np.uint64)
        self.scopes = np.zeros((FIRST_ROWS, 2), dtype=np.uint64)
        self.emitters: dict[int, int] = {}
        self.recording: Counter[int] = Counter()
        self.probes: dict[str, str] = {}
        self.used = 0
        self.free: defaultdict[int, list[int]] = defaultdict(list)

    def take(self, operations: tuple[Operation, ...]) -> Rows:
        """Rows that follow one another, for what is attached at one place."""
        if not operations:
            return ()
        first = self._find(len(operations))
        rows = []
        for number, operation in enumerate(operations, first):
            kind = kind_of(operation)
            if operation.text:
                self.probes[name_of(operation.text)] = operation.text
            self._put(number, operation.function, operation.data, way_of(operation))
            self.scopes[number] = operation.scope
            emitter = self._emitter(operation.data) if kind in RECORDS else -1
            told = operation.python, operation.order
            scoped, longer = operation.scope != EVERYWHERE, operation.longer
            rows.append(OperationRow(number, kind, *told, emitter, scoped, longer))
        return tuple(rows)

    def give_back(self, rows: Rows) -> None:
        """Take rows that nothing refers to any more; others get them."""
        if rows:
            self.free[len(rows)].append(rows[0].number)
        for row in rows:
            if row.emitter >= 0:
                self._let_go(row.emitter)

    def _find(self, count: int) -> int:
        """So many rows in a row; those that were given back last come first."""
        if self.free[count]:
            return self.free[count].pop()
        first, self.used = self.used, self.used + count
        if self.used > len(self.ways):
            room = max(self.used, 2 * len(self.ways))
            more = room - len(self.ways)
            self.table = np.concatenate([self.table, np.zeros((more, 2), np.uint64)])
            self.ways = np.concatenate([self.ways, np.zeros(more, np.uint64)])
            self.scopes = np.concatenate([self.scopes, np.zeros((more, 2), np.uint64)])
        return first

    def _put(self, number: int, function: HostAddress, data: int, way: int) -> None:
        self.table[number] = function, data
        self.ways[number] = way

    def _emitter(self, data: int) -> int:
        """The row from which code takes an emitter, whoever records with it."""
        if data not in self.emitters:
            self.emitters[data] = self._find(1)
            self._put(self.emitters[data], HostAddress(0), data, 0)
        self.recording[self.emitters[data]] += 1
        return self.emitters[data]

    def _let_go(self, emitter: int) -> None:
        """Count one less that records with an emitter; its row is free without any."""
        self.recording[emitter] -= 1
        if not self.recording[emitter]:
            del self.recording[emitter], self.emitters[int(self.table[emitter, 1])]
            self.free[1].append(emitter)
