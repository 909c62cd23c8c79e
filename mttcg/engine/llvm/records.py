"""The records that a plan asks for: of blocks, instructions and accesses."""

from collections import Counter

from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I1, I64, ClockValue
from mttcg.engine.llvm.observed import ObservedAccess, Retired
from mttcg.engine.llvm.relative import relative
from mttcg.engine.llvm.weave import IF, ONCE_EACH, RECORDS, OperationRow, Sites
from mttcg.engine.llvm.windows import Window, Windows
from mttcg.instrument import events
from mttcg.instrument.native.record_words import (
    BLOCK_CPU_SHIFT,
    BLOCK_SIZE_SHIFT,
    BRANCH_CPU_SHIFT,
    BRANCH_TAKEN_SHIFT,
    CPU_SHIFT,
    HOW_SHIFT,
    RETIRED_CPU_SHIFT,
    RETIRED_REGISTER_SHIFT,
    SIZE_SHIFT,
    TICKS_SHIFT,
    TIMED_CPU_SHIFT,
    TRANSFER_CPU_SHIFT,
)
from mttcg.memory.address import PageOffset

SOMETIMES = ("once", ONCE_EACH, "call", IF)
"""Kinds that may come to a record by way of another operation."""


class Records:
    """Writes records into windows.

    Args:
        builder: of the function.
        sites: what the plan has for the page.
        windows: the streams' windows.
    """

    def __init__(self, builder: Builder, sites: Sites, windows: Windows) -> None:
        self.builder, self.windows = builder, windows
        # others may write to the same stream, so beside them every record is a call
        self.alone = not any(row.python or row.kind.split()[0] in SOMETIMES for row in sites.rows())
        self.inline = self.alone and not share_an_emitter(sites)

    def has(self, row: OperationRow) -> bool:
        """Whether all that a row does is to write a record here."""
        return self.inline and row.kind in RECORDS and not row.longer

    def block(self, row: OperationRow, offset: PageOffset, instructions: int, size: int) -> None:
        """Of the block at an offset."""
        timed = row.kind == "timed"
        window = self.windows.open(row, (events.TIMED if timed else events.BLOCK).itemsize)
        time = [clock_before(self.builder)] if timed else []
        how_long = instructions if timed else instructions | size << BLOCK_SIZE_SHIFT
        shift = TIMED_CPU_SHIFT if timed else BLOCK_CPU_SHIFT
        self.windows.write(
            window, self._pc(offset), *time, self._joined(how_long, window.cpu, shift)
        )

    def instruction(self, row: OperationRow, offset: PageOffset) -> None:
        """Of the instruction at an offset, before it."""
        if row.kind == "timed":
            window = self.windows.open(row, events.TIMED.itemsize)
            time = clock_before(self.builder)
            self.windows.write(
                window, self._pc(offset), time, self._joined(0, window.cpu, TIMED_CPU_SHIFT)
            )
        else:
            window = self.windows.open(row, events.INSTRUCTION.itemsize)
            self.windows.write(window, self._pc(offset), window.cpu)

    def retired(self, row: OperationRow, retired: Retired) -> None:
        """Of an instruction, after it; or of a jump."""
        if row.kind == "retired":
            window = self.windows.open(row, events.RETIRED.itemsize)
            constant = retired.word | retired.register << RETIRED_REGISTER_SHIFT
            last = self._joined(constant, window.cpu, RETIRED_CPU_SHIFT)
            self.windows.write(window, self._pc(retired.offset), retired.value, last)
        elif row.kind == "branch":
            self._branch(row, retired)
        else:
            window = self.windows.open(row, events.TRANSFER.itemsize)
            last = self._joined(retired.word, window.cpu, TRANSFER_CPU_SHIFT)
            time = clock_before(self.builder)
            counted = retired.counted()
            pc = self._pc(retired.offset)
            self.windows.write(window, pc, retired.target, time, counted, last)

    def _branch(self, row: OperationRow, retired: Retired) -> None:
        assert retired.taken is not None, "only branches have such records"
        window = self.windows.open(row, events.BRANCH.itemsize)
        taken = self.builder.select(retired.taken, 1 << BRANCH_TAKEN_SHIFT, 0, I64)
        last = self._joined(retired.word, window.cpu, BRANCH_CPU_SHIFT)
        last = self.builder.binary("or", last, taken)
        self.windows.write(window, self._pc(retired.offset), retired.target, last)

    def access(self, row: OperationRow, access: ObservedAccess) -> Window:
        """Of a load, a store, or part of an atomic; the window that it is in."""
        if row.kind == "timed":
            return self._timed_access(row, access, access.how)
        window = self.windows.open(row, events.ACCESS.itemsize)
        how = access.size << SIZE_SHIFT | access.write << HOW_SHIFT
        last = self._joined(how, window.who, CPU_SHIFT)
        pc = self._pc(access.offset)
        self.windows.write(window, pc, access.address, access.value, last)
        return window

    def access_if(
        self, row: OperationRow, done: I1, access: ObservedAccess, failed: ObservedAccess
    ) -> None:
        """Of a store-conditional, which was made if the bit `done` is set."""
        if row.kind == "timed":
            how = self.builder.select(done, access.how, failed.how, I64)
            self._timed_access(row, access, how)
        else:
            self.windows.keep_if(done, self.access(row, access))

    def _timed_access(self, row: OperationRow, access: ObservedAccess, how: I64 | int) -> Window:
        """Write an `events.TIMED_ACCESS`; `how` may be known or not."""
        window = self.windows.open(row, events.TIMED_ACCESS.itemsize)
        last = self._joined(access.size << SIZE_SHIFT, window.cpu, CPU_SHIFT)
        shifts: list[tuple[I64 | int, int]] = [(how, HOW_SHIFT)]
        if access.moment is not None:
            time = access.moment.before
            shifts.append((access.moment.ticks, TICKS_SHIFT))
        elif access.how & events.KIND == events.FENCE:
            time = clock_after(self.builder)
        else:
            time = clock_before(self.builder)
        for value, shift in shifts:
            last = self.builder.binary("or", last, shifted(self.builder, value, shift))
        pc = self._pc(access.offset)
        self.windows.write(window, pc, access.address, access.value, time, last)
        return window

    def _pc(self, offset: PageOffset) -> I64:
        return relative(self.builder, offset)

    def _joined(self, constant: int, cpu: I64, shift: int) -> I64:
        if shift:
            cpu = self.builder.binary("shl", cpu, shift)
        return self.builder.binary("or", cpu, constant)


def share_an_emitter(sites: Sites) -> bool:
    """Whether rows of which one records in some contexts only have an emitter in common."""
    rows = {row for row in sites.rows() if row.kind in RECORDS}
    users = Counter(row.emitter for row in rows)
    return any(row.scoped and users[row.emitter] > 1 for row in rows)


def clock_before(build: Builder) -> I64:
    """The clock, read before anything later is seen by others (RDTSC)."""
    return build.call(I64, "@llvm.readcyclecounter")


def clock_after(build: Builder) -> I64:
    """The clock, read after all earlier loads and atomics are over (RDTSCP)."""
    return build.extract(build.call(ClockValue, "@llvm.x86.rdtscp"), 0, I64)


def shifted(build: Builder, value: I64 | int, shift: int) -> I64 | int:
    """A 64-bit value, shifted to the left."""
    return value << shift if isinstance(value, int) else build.binary("shl", value, shift)
