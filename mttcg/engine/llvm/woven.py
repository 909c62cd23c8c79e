"""What a plan adds to a page's code, where it is attached: records, counts, probes and calls."""

from collections.abc import Callable

from mttcg.engine.llvm.calls import Calls
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I1, I64
from mttcg.engine.llvm.observed import Moment, ObservedAccess, Retired
from mttcg.engine.llvm.places import SLOT
from mttcg.engine.llvm.records import Records, clock_after, clock_before
from mttcg.engine.llvm.relative import relative
from mttcg.engine.llvm.weave import ONCE_EACH, OperationRow, Rows, Sites
from mttcg.engine.llvm.windows import Windows
from mttcg.instrument import events
from mttcg.instrument.native import frames
from mttcg.memory.address import PageOffset


class Woven:
    """Emits the operations of a page's sites.

    Args:
        builder: of the function.
        sites: what the plan has for the page.
        windows: those of the streams that records go to.
        calls: what other operations do.
        leave_if_asked: emits the look whether Python wants control back.
    """

    def __init__(
        self,
        builder: Builder,
        sites: Sites,
        windows: Windows,
        calls: Calls,
        leave_if_asked: Callable[[], None],
    ) -> None:
        self.builder, self.sites = builder, sites
        self.windows, self.calls, self.leave_if_asked = windows, calls, leave_if_asked
        self.records = Records(builder, sites, windows)
        self.timed = bool(sites.every_order)
        self.observes_accesses = bool(sites.every_access)

    @property
    def rows(self) -> set[int]:
        """Numbers of the rows that are used."""
        return self.calls.rows | self.windows.recorded | self.windows.tallies.rows

    def at_block(self, offset: PageOffset, instructions: int, size: int, again: bool) -> None:
        """Before the block at an offset, of so many instructions and bytes.

        `again`: it has just run, so that what runs once has run.
        """
        rows = self.sites.at_block(offset)
        if again:
            rows = tuple(row for row in rows if row.kind != ONCE_EACH)
        for row in rows:
            if self.records.has(row):
                self.records.block(row, offset, instructions, size)
            else:
                self.calls.run(row, self._pc(offset), instructions, SLOT, offset // 2, size)
        self.windows.end()
        self._ask_python(rows)

    def at_instruction(self, offset: PageOffset, size: int) -> None:
        """Before the instruction at an offset."""
        rows = self.sites.at_instruction(offset)
        if not rows:
            return
        for row in rows:
            if self.records.has(row):
                self.records.instruction(row, offset)
            else:
                self.calls.run(row, self._pc(offset), size, 0, 0, 0)
        self._ask_python(rows)

    def after_instruction(self, retired: Retired) -> None:
        """After an instruction that did not trap, before the jump if it is one."""
        for row in self.sites.every_retired:
            if row.kind == "table":
                self.calls.add_in_table(row, retired.offset // 2, 1)
            elif not of_its_kind(row, retired):
                continue
            elif self.records.has(row):
                self.records.retired(row, retired)
            else:
                what = self._what(retired)
                counted = retired.counted() if retired.jumps else 0
                pc = self._pc(retired.offset)
                self.calls.run(row, pc, what, retired.value, retired.target, counted)

    def _what(self, retired: Retired) -> I64 | int:
        """What operations are told of an instruction after it, see `plan.Operation`."""
        what = retired.word | retired.register << 32
        if retired.taken is None:
            return what | (frames.JUMPS if retired.jumps else 0)
        what |= frames.BRANCHES
        return self.builder.select(retired.taken, what | frames.TAKEN, what, I64)

    def before_atomic(self) -> I64 | None:
        """The clock before an atomic, if anybody wants it."""
        return clock_before(self.builder) if self.timed else None

    def after_atomic(self, before: I64 | None) -> Moment | None:
        """When the atomic was that began at `before`."""
        if before is None:
            return None
        passed = self.builder.binary("sub", clock_after(self.builder), before)
        ticks = self.builder.call(I64, "@llvm.umin.i64", passed, frames.MOST_TICKS)
        return Moment(before, ticks)

    def accesses_only_recorded(self) -> bool:
        """Whether all that accesses do is seen where the piece ends: records, and counts."""
        rows = self.sites.every_access
        return all(self.records.has(row) or self._only_counts(row) for row in rows)

    def _only_counts(self, row: OperationRow) -> bool:
        """Whether a row only counts accesses, and nobody looks at that within a piece."""
        return row.kind == "count" and self.records.alone

    def access(self, access: ObservedAccess) -> None:
        """With a load or store."""
        self._tell(self.sites.every_access, access)

    def order(self, access: ObservedAccess) -> None:
        """With a fence."""
        self._tell(self.sites.every_order, access)

    def _tell(self, rows: Rows, access: ObservedAccess) -> None:
        for row in rows:
            if self.records.has(row):
                self.records.access(row, access)
            elif self._only_counts(row):
                self.windows.count(row)
            else:
                self._run_access(row, access)

    def access_if(self, done: I1, access: ObservedAccess) -> None:
        """With a store-conditional, which was made if the bit `done` is set."""
        failed = failed_one(access)
        others = []
        for row in self.sites.every_access:
            if self.records.has(row):
                self.records.access_if(row, done, access, failed)
            else:
                others.append(row)
        if others:
            self._run_others(others, done, access, failed)

    def _run_others(
        self, rows: list[OperationRow], done: I1, access: ObservedAccess, failed: ObservedAccess
    ) -> None:
        """Run rows in `seen` if a store-conditional stored, else in `failed`; `end` goes on."""
        build = self.builder
        seen, not_seen, end = (build.new_block(word) for word in ("seen", "failed", "end"))
        build.branch(done, seen, not_seen)
        for block, what in ((seen, access), (not_seen, failed)):
            build.begin(block)
            for row in rows:
                if row.order or what is access:
                    self._run_access(row, what)
            build.goto(end)
        build.begin(end)

    def _run_access(self, row: OperationRow, access: ObservedAccess) -> None:
        """Run a row for an access."""
        pc, how = self._pc(access.offset), self.how_of(access)
        self.calls.run(row, pc, access.address, access.size, access.value, how)

    def how_of(self, access: ObservedAccess) -> I64 | int:
        """How it is made, as operations are told, see `plan.Operation`."""
        how: I64 | int = access.how if self.timed else access.write
        if access.moment is not None:
            began = self.builder.binary("shl", access.moment.before, frames.HOW_BITS)
            how = self.builder.binary("or", began, how)
        return how

    def _pc(self, offset: PageOffset) -> I64:
        return relative(self.builder, offset)

    def _ask_python(self, rows: Rows) -> None:
        if any(row.python for row in rows):
            self.leave_if_asked()


def failed_one(access: ObservedAccess) -> ObservedAccess:
    """A store-conditional that did not store."""
    return access._replace(how=access.how & ~events.WRITE | events.FAILED)


def of_its_kind(row: OperationRow, retired: Retired) -> bool:
    """Whether a row that records some kinds of instructions does this one."""
    jumps, branches = retired.jumps, retired.taken is not None
    kinds = {"transfer": jumps, "after_jump": jumps, "branch": branches, "after_branch": branches}
    return kinds.get(row.kind, True)
