"""What a plan adds to a page's code, where it is attached: records, counts, probes and calls."""

from collections.abc import Callable

from mttcg.engine.llvm.calls import ENTRY_OFFSETS, Calls, offset_of_block
from mttcg.engine.llvm.observed import Access, Entries, Moment, Retired
from mttcg.engine.llvm.records import CLOCK_AFTER, CLOCK_BEFORE, Records
from mttcg.engine.llvm.text import Text, Value
from mttcg.engine.llvm.weave import ONCE_EACH, Row, Rows, Sites
from mttcg.engine.llvm.windows import Windows
from mttcg.instrument import events
from mttcg.instrument.native import frames
from mttcg.memory.code_pages import HALVES


class Woven:
    """Emits the operations of a page's sites.

    Args:
        text: where to.
        sites: what the plan has for the page.
        slot: of the page in the block cache.
        leave_if_asked: emits the look whether Python wants control back.

    Attributes:
        windows: those of the streams that records go to.
        calls: what other operations do.
    """

    def __init__(
        self, text: Text, sites: Sites, slot: int, leave_if_asked: Callable[[], None]
    ) -> None:
        self.text, self.sites, self.slot = text, sites, slot
        self.leave_if_asked = leave_if_asked
        self.windows = Windows(text)
        self.records = Records(text, sites, self.windows)
        self.calls = Calls(text)
        self.timed = bool(sites.every_order)

    @property
    def rows(self) -> set[int]:
        """Numbers of the rows that are used."""
        return self.calls.rows | self.windows.recorded

    def at_block(self, pc: int, instructions: int, size: int, again: bool) -> None:
        """Before the block at pc, of so many instructions and bytes.

        `again`: it has just run, so that what runs once has run.
        """
        half = pc % (2 * HALVES) // 2
        rows = self.sites.at_block(pc)
        if again:
            rows = tuple(row for row in rows if row.kind != ONCE_EACH)
        for row in rows:
            if self.records.has(row):
                self.records.block(row, pc, instructions, size)
            else:
                self.calls.run(row, pc, instructions, self.slot, half, size)
        self.windows.end()
        self._ask_python(rows)

    def counts_only(self, pc: int) -> bool:
        """Whether all that is to be done before the block at pc is to count its entries."""
        return all(row.kind in ENTRY_OFFSETS for row in self.sites.at_block(pc))

    def count_entries(self, lines: list[str], entries: Entries) -> None:
        """Count entries into a block for which nothing else is to be done."""
        for row in self.sites.at_block(entries.pc):
            offset = ENTRY_OFFSETS[row.kind](entries.slot, entries.pc % (2 * HALVES) // 2)
            self.calls.add(lines, row, offset, entries.number)

    def at_instruction(self, pc: int, size: int) -> None:
        """Before the instruction at pc."""
        rows = self.sites.at_instruction(pc)
        for row in rows:
            if self.records.has(row):
                self.records.instruction(row, pc)
            else:
                self.calls.run(row, pc, size, 0, 0, 0)
        self._ask_python(rows)

    def after_instruction(self, retired: Retired) -> None:
        """After an instruction that did not trap, before the jump if it is one."""
        for row in self.sites.every_retired:
            if row.kind == "table":
                half = retired.pc % (2 * HALVES) // 2
                self.calls.add(self.text.lines, row, offset_of_block(self.slot, half), 1)
            elif row.kind == "transfer" and not retired.jumps:
                continue
            elif self.records.has(row):
                self.records.retired(row, retired)
            else:
                what = (
                    retired.word | retired.register << 32 | (frames.JUMPS if retired.jumps else 0)
                )
                counted = retired.counted() if retired.jumps else 0
                self.calls.run(row, retired.pc, what, retired.value, retired.target, counted)

    def before_atomic(self) -> str:
        """The clock before an LR, SC or AMO, if anybody wants it."""
        return self.text.value(CLOCK_BEFORE) if self.timed else ""

    def after_atomic(self, before: str) -> Moment | None:
        """When the atomic was that began at `before`."""
        if not before:
            return None
        now = self.text.value(f"extractvalue {{i64, i32}} {self.text.value(CLOCK_AFTER)}, 0")
        passed = self.text.value(f"sub i64 {now}, {before}")
        most = frames.MOST_TICKS
        return Moment(before, self.text.value(f"call i64 @llvm.umin.i64(i64 {passed}, i64 {most})"))

    def accesses_only_recorded(self) -> bool:
        """Whether all that accesses do is to write behind the cursor, which stays until the end."""
        return all(self.records.has(row) for row in self.sites.every_access)

    def access(self, access: Access) -> None:
        """With a load or store."""
        self._tell(self.sites.every_access, access)

    def order(self, access: Access) -> None:
        """With a fence."""
        self._tell(self.sites.every_order, access)

    def _tell(self, rows: Rows, access: Access) -> None:
        for row in rows:
            if self.records.has(row):
                self.records.access(row, access)
            else:
                self._run_access(row, access)

    def access_if(self, done: str, access: Access) -> None:
        """With the store of an SC, which was made if the bit `done` is set."""
        failed = access._replace(how=access.how & ~events.WRITE | events.FAILED)
        others = []
        for row in self.sites.every_access:
            if self.records.has(row):
                self.records.access_if(row, done, access, failed)
            else:
                others.append(row)
        if others:
            label = self.text.name()[1:]
            self.text.do(f"br i1 {done}, label %seen{label}, label %failed{label}")
            for name, what in (("seen", access), ("failed", failed)):
                self.text.do(f"{name}{label}:")
                for row in others:
                    if row.order or what is access:
                        self._run_access(row, what)
                self.text.do(f"br label %end{label}")
            self.text.do(f"end{label}:")

    def _run_access(self, row: Row, access: Access) -> None:
        """Run a row for an access; what it gets as how, see `plan.Operation`."""
        how: Value = access.how if self.timed else access.write
        if access.moment is not None:
            began = self.text.shifted(access.moment.before, frames.HOW_BITS)
            how = self.text.value(f"or i64 {began}, {how}")
        self.calls.run(row, access.pc, access.address, access.size, access.value, how)

    def _ask_python(self, rows: Rows) -> None:
        if any(row.python for row in rows):
            self.leave_if_asked()
