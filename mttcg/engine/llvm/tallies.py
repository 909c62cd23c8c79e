"""Counts of accesses in translated code, which are added where a straight-line piece ends."""

from mttcg.engine.llvm import places
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER
from mttcg.engine.llvm.ir.values import I64
from mttcg.engine.llvm.weave import OperationRow


class AccessTallies:
    """How often rows that only count are due in the piece that is being emitted.

    Args:
        builder: of the function.

    Attributes:
        rows: numbers of the rows that are used.
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.due: dict[OperationRow, int] = {}
        self.rows: set[int] = set()

    def add(self, row: OperationRow) -> None:
        """Count once for a row, whose word this vCPU alone writes."""
        self.rows.add(row.number)
        self.due[row] = self.due.get(row, 0) + 1

    def leave(self) -> None:
        """Add what is due so far, where control leaves the piece."""
        build = self.builder
        for row, amount in self.due.items():
            place = build.offset(places.table(row.number), 0)
            added: I64 | int = amount
            if row.scoped:
                added = build.select(places.within(row.number), amount, 0, I64)
            old = build.load(place, COUNTER, I64)
            build.store(build.binary("add", old, added), place, COUNTER)

    def end(self) -> None:
        """The same at the piece's end; nothing is due then."""
        self.leave()
        self.due.clear()
