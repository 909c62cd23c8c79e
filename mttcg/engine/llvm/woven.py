"""What a plan adds to a page's code: counts, records, probes and calls, as LLVM text.

Records of a block's straight-line piece are written into the stream's window (see
`instrument.emitters`) after one look whether all of them fit, or after several if they are many.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mttcg.engine.llvm import rounding as mxcsr
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.observed import Access, Entries, Moment, Retired
from mttcg.engine.llvm.text import COUNTER, RECORD, UNLIKELY, Text
from mttcg.engine.llvm.weave import IF, ONCE_EACH, PROBE, RECORDS, Row, Rows, Sites
from mttcg.instrument import events
from mttcg.instrument.native import frames
from mttcg.isa.riscv64.classes import is_jump
from mttcg.tbcache.layout import HALVES

PUBLISH, RELOAD, SHOW = "; publish", "; reload", "; show"
"""Lines that stand for: bring the hart state up to date; take the registers from it anew; let what
was recorded be seen."""
CPU_SHIFT, SIZE_SHIFT, WRITE_SHIFT, TICKS_SHIFT = 0, 16, 24, 32
"""Of the last word of an `events.ACCESS` or `events.TIMED_ACCESS`."""
CLOCK_BEFORE = "call i64 @llvm.readcyclecounter()"
"""The clock, read before anything later is seen by others (RDTSC)."""
CLOCK_AFTER = "call {i64, i32} @llvm.x86.rdtscp()"
"""The clock, read after all earlier loads and atomics are over (RDTSCP)."""

SOMETIMES = ("once", ONCE_EACH, "call", IF)
"""Kinds that may come to a record by way of another operation."""

Value = int | str


@dataclass
class Window:
    """Room for the records of one emitter in the piece that is being emitted.

    `reserved` is the line to be replaced by the look for space, `opened` the SSA pointer that it
    gives and `cpu` the vCPU's number; it is for `total` records, of which `written` lie behind
    `cursor`.
    """

    row: int
    itemsize: int
    reserved: int
    opened: str
    cursor: str
    cpu: str
    total: int = 0
    written: int = 0


class Woven:
    """Emits the operations of a page's sites.

    Args:
        text: where to.
        sites: what the plan has for the page.
        slot: of the page in the block cache.
        leave_if_asked: emits the look whether Python wants control back.

    Attributes:
        rows: numbers of the rows that are used.
        probes: names of the probes that are woven in.
        recorded: numbers of the rows whose emitters have windows.
        flagged: numbers of the rows that run once.
        python_calls: how many calls there are around which the hart state is exact.
    """

    def __init__(
        self, text: Text, sites: Sites, slot: int, leave_if_asked: Callable[[], None]
    ) -> None:
        self.text, self.sites, self.slot = text, sites, slot
        self.leave_if_asked = leave_if_asked
        self.rows: set[int] = set()
        self.probes: set[str] = set()
        self.windows: dict[int, Window] = {}
        self.recorded: set[int] = set()
        self.flagged: set[int] = set()
        self.python_calls = 0
        # others may write to the same stream, so beside them every record is a call
        others = any(row.python or row.kind.split()[0] in SOMETIMES for row in sites.rows())
        self.records_inline = not others
        self.timed = bool(sites.every_order)
        self.kinds: dict[str, Callable[[Row, str, tuple[Value, ...]], None]] = {
            "count": self._count,
            "table": self._count_in_table,
            "once": self._once,
            ONCE_EACH: self._once_each_block,
            PROBE: self._probe,
            IF: self._if,
        }

    def at_block(self, pc: int, instructions: int, size: int, again: bool) -> None:
        """Before the block at pc, of so many instructions and bytes.

        `again`: it has just run, so that what runs once has run.
        """
        half = pc % (2 * HALVES) // 2
        rows = self.sites.at_block(pc)
        if again:
            rows = tuple(row for row in rows if row.kind != ONCE_EACH)
        for row in rows:
            if self._records(row):
                timed = row.kind == "timed"
                window = self._window(row, (events.TIMED if timed else events.BLOCK).itemsize)
                time = [self.text.value(CLOCK_BEFORE)] if timed else []
                how_long = instructions if timed else instructions | size << 16
                self._write(window, pc, *time, self._joined(how_long, window.cpu, 32))
            else:
                self._run(row, pc, instructions, self.slot, half, size)
        self.end()
        self._ask_python(rows)

    def counts_only(self, pc: int) -> bool:
        """Whether all that is to be done before the block at pc is to count its entries."""
        return all(row.kind in ENTRY_OFFSETS for row in self.sites.at_block(pc))

    def count_entries(self, lines: list[str], entries: Entries) -> None:
        """Count entries into a block for which nothing else is to be done."""
        for row in self.sites.at_block(entries.pc):
            self.rows.add(row.number)
            offset = ENTRY_OFFSETS[row.kind](entries.slot, entries.pc % (2 * HALVES) // 2)
            self._add(lines, row.number, offset, entries.number)

    def at_instruction(self, pc: int, size: int) -> None:
        """Before the instruction at pc."""
        rows = self.sites.at_instruction(pc)
        for row in rows:
            if self._records(row) and row.kind == "timed":
                window = self._window(row, events.TIMED.itemsize)
                time = self.text.value(CLOCK_BEFORE)
                self._write(window, pc, time, self._joined(0, window.cpu, 32))
            elif self._records(row):
                window = self._window(row, events.INSTRUCTION.itemsize)
                self._write(window, pc, window.cpu)
            else:
                self._run(row, pc, size, 0, 0, 0)
        self._ask_python(rows)

    def after_instruction(self, retired: Retired) -> None:
        """After an instruction that did not trap, before the jump if it is one."""
        for row in self.sites.every_retired:
            if row.kind == "table":
                self.rows.add(row.number)
                half = retired.pc % (2 * HALVES) // 2
                self._add(self.text.lines, row.number, offset_of_block(self.slot, half), 1)
                continue
            what = retired.word | retired.register << 32
            if row.kind == "transfer" and not is_jump(retired.word):
                continue
            if not self._records(row):
                counted = retired.counted() if is_jump(retired.word) else 0
                self._run(row, retired.pc, what, retired.value, retired.target, counted)
            elif row.kind == "retired":
                window = self._window(row, events.RETIRED.itemsize)
                constant = retired.word | retired.register << 48
                last = self._joined(constant, window.cpu, 32)
                self._write(window, retired.pc, retired.value, last)
            else:
                window = self._window(row, events.TRANSFER.itemsize)
                last = self._joined(retired.word, window.cpu, 32)
                time = self.text.value(CLOCK_BEFORE)
                self._write(window, retired.pc, retired.target, time, retired.counted(), last)

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
        return all(self._records(row) for row in self.sites.every_access)

    def access(self, access: Access) -> None:
        """With a load or store."""
        for row in self.sites.every_access:
            if self._records(row):
                self._record_access(row, access)
            else:
                self._run_access(row, access)

    def order(self, access: Access) -> None:
        """With a fence."""
        for row in self.sites.every_order:
            if self._records(row):
                self._record_access(row, access)
            else:
                self._run_access(row, access)

    def access_if(self, done: str, access: Access) -> None:
        """With the store of an SC, which was made if the bit `done` is set."""
        failed = access._replace(how=access.how & ~events.WRITE | events.FAILED)
        others = []
        for row in self.sites.every_access:
            if not self._records(row):
                others.append(row)
                continue
            if row.kind == "timed":
                how = self.text.value(f"select i1 {done}, i64 {access.how}, i64 {failed.how}")
                self._record_timed(row, access, how)
                continue
            window = self._record_access(row, access)
            # it is there in any case; the cursor goes past it only if it counts
            past = self.text.value(f"select i1 {done}, i64 {window.itemsize}, i64 0")
            before = self._at(window, window.written - 1)
            window.cursor = self.text.value(f"getelementptr i8, ptr {before}, i64 {past}")
            window.written = 0
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

    def end(self) -> None:
        """End the straight-line piece: put the looks for space in, leave the cursors behind."""
        for window in self.windows.values():
            self._end(window)
        self.windows.clear()

    def _end(self, window: Window) -> None:
        self.text.lines[window.reserved] = "\n".join(self._look(window))
        self._leave(self.text.lines, window)

    def leave(self, lines: list[str]) -> None:
        """Leave the cursors behind what was written so far."""
        for window in self.windows.values():
            self._leave(lines, window)

    def _leave(self, lines: list[str], window: Window) -> None:
        cursor, after = self.text.name(), window.written * window.itemsize
        lines.append(f"{cursor} = getelementptr i8, ptr {window.cursor}, i64 {after}")
        lines.append(f"store ptr {cursor}, ptr %cursor{window.row}, {COUNTER}")

    def take_cursors(self) -> list[str]:
        """Take the rows' cursors from their emitters, where they are while others run."""
        lines = []
        for row in sorted(self.recorded):
            lines += [
                f"%cursor{row} = alloca ptr",
                f"%emitter{row} = inttoptr i64 %data{row} to ptr",
                f"%cursor_at{row} = getelementptr i8, ptr %emitter{row}, i64 {8 * frames.CURSOR}",
                f"%limit_at{row} = getelementptr i8, ptr %emitter{row}, i64 {8 * frames.LIMIT}",
                f"%cpu_at{row} = getelementptr i8, ptr %emitter{row}, i64 {8 * frames.CPU}",
                f"%taken{row} = load ptr, ptr %cursor_at{row}, {COUNTER}",
                f"store ptr %taken{row}, ptr %cursor{row}, {COUNTER}",
            ]
        return lines

    def take_flags(self) -> list[str]:
        """Take the place of the flags of what runs once."""
        return [
            f"%flags{row} = load ptr, ptr %table{row}, {COUNTER}" for row in sorted(self.flagged)
        ]

    def give_cursors(self) -> list[str]:
        """Leave the cursors with the emitters."""
        lines = []
        for row in sorted(self.recorded):
            cursor = self.text.name()
            lines.append(f"{cursor} = load ptr, ptr %cursor{row}, {COUNTER}")
            lines.append(f"store ptr {cursor}, ptr %cursor_at{row}, {COUNTER}")
        return lines

    def show_records(self) -> list[str]:
        """Let what was recorded so far be seen, by the publisher and if this process is killed."""
        lines = []
        for row in sorted(self.recorded):
            cursor, shower = self.text.name(), self.text.name()
            lines += [
                f"{cursor} = load ptr, ptr %cursor{row}, {COUNTER}",
                f"store ptr {cursor}, ptr %cursor_at{row}, {COUNTER}",
                f"{shower}_at = getelementptr i8, ptr %frame, i64 {8 * Word.SHOW_WINDOW}",
                f"{shower} = load ptr, ptr {shower}_at, {COUNTER}",
                # it computes with integers alone, so MXCSR stays the guest's
                f"call void {shower}(i64 %data{row}{', i64 0' * 5})",
            ]
        return lines

    # records

    def _records(self, row: Row) -> bool:
        return self.records_inline and row.kind in RECORDS

    def _record_access(self, row: Row, access: Access) -> Window:
        if row.kind == "timed":
            return self._record_timed(row, access, access.how)
        window = self._window(row, events.ACCESS.itemsize)
        how = access.size << SIZE_SHIFT | access.write << WRITE_SHIFT
        last = self._joined(how, window.cpu, CPU_SHIFT)
        self._write(window, access.pc, access.address, access.value, last)
        return window

    def _record_timed(self, row: Row, access: Access, how: Value) -> Window:
        """Write an `events.TIMED_ACCESS`; `how` may be a name."""
        window = self._window(row, events.TIMED_ACCESS.itemsize)
        last = self._joined(access.size << SIZE_SHIFT, window.cpu, CPU_SHIFT)
        shifts: list[tuple[Value, int]] = [(how, WRITE_SHIFT)]
        if access.moment is not None:
            time = access.moment.before
            shifts.append((access.moment.ticks, TICKS_SHIFT))
        elif access.how & events.KIND == events.FENCE:
            time = self.text.value(f"extractvalue {{i64, i32}} {self.text.value(CLOCK_AFTER)}, 0")
        else:
            time = self.text.value(CLOCK_BEFORE)
        for value, shift in shifts:
            last = self.text.value(f"or i64 {last}, {self._shifted(value, shift)}")
        self._write(window, access.pc, access.address, access.value, time, last)
        return window

    def _shifted(self, value: Value, shift: int) -> Value:
        if isinstance(value, int):
            return value << shift
        return self.text.value(f"shl i64 {value}, {shift}")

    def _joined(self, constant: int, cpu: str, shift: int) -> str:
        if shift:
            cpu = self.text.value(f"shl i64 {cpu}, {shift}")
        return self.text.value(f"or i64 {cpu}, {constant}")

    def _window(self, row: Row, itemsize: int) -> Window:
        """The row's window, with room for one more."""
        number = row.emitter
        self.rows.add(number)
        self.recorded.add(number)
        full = self.windows.get(number)
        if full is not None and full.total == frames.MOST_RECORDS:
            self._end(self.windows.pop(number))
        if number not in self.windows:
            cursor, cpu = self.text.name(), self.text.name()
            self.windows[number] = Window(
                number, itemsize, len(self.text.lines), cursor, cursor, cpu
            )
            self.text.do("")
            self.text.label = f"room{cursor[1:]}"
        window = self.windows[number]
        window.total += 1
        return window

    def _at(self, window: Window, record: int, offset: int = 0) -> str:
        at = record * window.itemsize + offset
        return self.text.value(f"getelementptr i8, ptr {window.cursor}, i64 {at}")

    def _write(self, window: Window, *words: Value) -> None:
        """Write a record into the window; nobody else sees it before the window is closed."""
        for place, word in enumerate(words):
            at = self._at(window, window.written, 8 * place)
            self.text.do(f"store i64 {word}, ptr {at}, {RECORD}")
        window.written += 1

    def _look(self, window: Window) -> list[str]:
        """Take the cursor; open another window if this one has no room for all."""
        text, cursor, row = self.text, window.opened, window.row
        label = cursor[1:]
        opener, nothing = text.name(), ", i64 0" * 4
        lines = [
            f"%now{label} = load ptr, ptr %cursor{row}, {COUNTER}",
            f"%limit{label} = load i64, ptr %limit_at{row}, {COUNTER}",
            f"{window.cpu} = load i64, ptr %cpu_at{row}, {COUNTER}",
            f"%at{label} = ptrtoint ptr %now{label} to i64",
            f"%after{label} = add i64 %at{label}, {window.total * window.itemsize}",
            f"%fits{label} = icmp ule i64 %after{label}, %limit{label}",
            f"br label %look{label}",
            f"look{label}:",
            f"br i1 %fits{label}, label %room{label}, label %full{label}, {UNLIKELY}",
            f"room{label}:",
            f"{cursor} = phi ptr [ %now{label}, %look{label} ], [ %new{label}, %full{label} ]",
        ]
        at = f"getelementptr i8, ptr %frame, i64 {8 * Word.OPEN_WINDOW}"
        text.cold += [
            f"full{label}:",
            f"store ptr %now{label}, ptr %cursor_at{row}, {COUNTER}",
            f"{opener}_at = {at}",
            f"{opener} = load ptr, ptr {opener}_at, {COUNTER}",
            mxcsr.call_out(opener, f"i64 %data{row}, i64 {window.total}{nothing}"),
            f"%new{label} = load ptr, ptr %cursor_at{row}, {COUNTER}",
            f"store ptr %new{label}, ptr %cursor{row}, {COUNTER}",
            f"br label %room{label}",
        ]
        return lines

    # everything else

    def _run_access(self, row: Row, access: Access) -> None:
        """Run a row for an access; what it gets as how, see `plan.Operation`."""
        how: Value = access.how if self.timed else access.write
        if access.moment is not None:
            began = self._shifted(access.moment.before, frames.HOW_BITS)
            how = self.text.value(f"or i64 {began}, {how}")
        self._run(row, access.pc, access.address, access.size, access.value, how)

    def _run(self, row: Row, *arguments: Value) -> None:
        self.rows.add(row.number)
        kind, _, probe = row.kind.partition(" ")
        self.kinds.get(kind, self._call)(row, probe, arguments)

    def _count(self, row: Row, _probe: str, _arguments: tuple[Value, ...]) -> None:
        self._add(self.text.lines, row.number, 0, 1)

    def _count_in_table(self, row: Row, _probe: str, arguments: tuple[Value, ...]) -> None:
        self._add(self.text.lines, row.number, of_block(arguments), 1)

    def _add(self, lines: list[str], number: int, offset: int, amount: int) -> None:
        """Add to a word that this vCPU alone writes."""
        place, old, new = (self.text.name() for _ in range(3))
        lines.append(f"{place} = getelementptr i8, ptr %table{number}, i64 {offset}")
        lines.append(f"{old} = load i64, ptr {place}, {COUNTER}")
        lines.append(f"{new} = add i64 {old}, {amount}")
        lines.append(f"store i64 {new}, ptr {place}, {COUNTER}")

    def _call(self, row: Row, _probe: str, arguments: tuple[Value, ...]) -> None:
        self._call_into(self.text.lines, row, "", arguments)

    def _call_into(
        self, lines: list[str], row: Row, word: str, arguments: tuple[Value, ...]
    ) -> None:
        """Call a row's function, or the one within that its data has; Python sees exact state."""
        number = row.number
        function, data = f"%function{number}", f"%data{number}"
        if word:
            function, data = (self._read_word(lines, number, word) for word in ("8", "16"))
            function_pointer = self.text.name()
            lines.append(f"{function_pointer} = inttoptr i64 {function} to ptr")
            function = function_pointer
        given = ", ".join(f"i64 {argument}" for argument in (data, *arguments))
        call = mxcsr.call_out(function, given)
        lines += [PUBLISH, call, RELOAD] if row.python else [call]
        self.python_calls += row.python

    def _read_word(self, lines: list[str], number: int, offset: str) -> str:
        place, value = self.text.name(), self.text.name()
        lines.append(f"{place} = getelementptr i8, ptr %table{number}, i64 {offset}")
        lines.append(f"{value} = load i64, ptr {place}, {COUNTER}")
        return value

    def _probe(self, row: Row, probe: str, arguments: tuple[Value, ...]) -> None:
        self.probes.add(probe)
        given = ", ".join(f"i64 {argument}" for argument in (f"%data{row.number}", *arguments))
        places = "ptr %probe_result, ptr %probe_exception"
        self.text.value(f"call i32 @{probe}({places}, {given})")

    def _once(self, row: Row, _probe: str, arguments: tuple[Value, ...]) -> None:
        self._unless_set(row, 0, arguments)

    def _once_each_block(self, row: Row, _probe: str, arguments: tuple[Value, ...]) -> None:
        self._unless_set(row, of_block(arguments), arguments)

    def _unless_set(self, row: Row, offset: int, arguments: tuple[Value, ...]) -> None:
        """Call the row's function, which sets the flag, unless it is set."""
        self.flagged.add(row.number)
        at = self.text.value(f"getelementptr i8, ptr %flags{row.number}, i64 {offset}")
        flag = self.text.value(f"load i64, ptr {at}, {COUNTER}")
        done = self.text.value(f"icmp ne i64 {flag}, 0")
        self._rarely(row, done, "", arguments)

    def _if(self, row: Row, probe: str, arguments: tuple[Value, ...]) -> None:
        """Call what is within if the probe's answer is not 0."""
        self.probes.add(probe)
        data = self._read_word(self.text.lines, row.number, str(8 * frames.CONDITION_DATA))
        given = ", ".join(f"i64 {argument}" for argument in (data, *arguments))
        places = "ptr %probe_result, ptr %probe_exception"
        self.text.value(f"call i32 @{probe}({places}, {given})")
        answer = self.text.value("load i64, ptr %probe_result")
        no = self.text.value(f"icmp eq i64 {answer}, 0")
        self._rarely(row, no, "within", arguments)

    def _rarely(self, row: Row, skip: str, word: str, arguments: tuple[Value, ...]) -> None:
        """Call, out of line, unless the bit `skip` is set."""
        text, label = self.text, self.text.name()[1:]
        text.do(f"br i1 {skip}, label %on{label}, label %run{label}, {UNLIKELY}")
        text.cold.append(f"run{label}:")
        self._call_into(text.cold, row, word, arguments)
        text.cold.append(f"br label %on{label}")
        text.do(f"on{label}:")

    def _ask_python(self, rows: Rows) -> None:
        if any(row.python for row in rows):
            self.leave_if_asked()


def offset_of_block(slot: int, half: int) -> int:
    """Offset of a block's word in a table with one for every block there can be."""
    return 8 * (slot * HALVES + half)


def of_block(arguments: tuple[Value, ...]) -> int:
    """`offset_of_block` by what is given to a block's operation."""
    return offset_of_block(int(arguments[2]), int(arguments[3]))


ENTRY_OFFSETS: dict[str, Callable[[int, int], int]] = {
    "count": lambda _slot, _half: 0,
    "table": offset_of_block,
}
"""Where rows of each kind that only counts entries into blocks do so, by slot and half."""
