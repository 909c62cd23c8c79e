"""What a plan adds to a page's code: counts, records, probes and calls, as LLVM text.

Records of a block's straight-line piece are written into the stream's window (see
`instrument.emitters`) after one look whether all of them fit.
"""

from collections.abc import Callable
from dataclasses import dataclass

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.text import COUNTER, RECORD, UNLIKELY, Text
from mttcg.engine.llvm.weave import PROBE, Row, Sites
from mttcg.instrument import emitters, events
from mttcg.tbcache.layout import HALVES

PUBLISH, RELOAD = "; publish", "; reload"
"""Lines that stand for: bring the hart state up to date; take the registers from it anew."""
CPU_SHIFT, SIZE_SHIFT, WRITE_SHIFT = 0, 16, 24
"""Of the last word of an `events.ACCESS`."""

Value = int | str


@dataclass
class Window:
    """Room for the records of one row in the piece that is being emitted.

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
        leave_if_asked: emits the look whether Python wants control back.

    Attributes:
        rows: numbers of the rows that are used.
        probes: names of the probes that are woven in.
    """

    def __init__(self, text: Text, sites: Sites, leave_if_asked: Callable[[], None]) -> None:
        self.text, self.sites, self.leave_if_asked = text, sites, leave_if_asked
        self.rows: set[int] = set()
        self.probes: set[str] = set()
        self.windows: dict[int, Window] = {}
        # Python may write to the same stream, so beside it every record is a call
        self.records_inline = not sites.call_python()
        self.kinds: dict[str, Callable[[int, str, tuple[Value, ...]], None]] = {
            "count": self._count,
            "table": self._count_in_table,
            "python": self._python,
            "call": self._call,
            PROBE: self._probe,
        }

    def at_block(self, pc: int, instructions: int, slot: int) -> None:
        """Before the block at pc."""
        half = pc % (2 * HALVES) // 2
        rows = self.sites.at_block(pc)
        for row in rows:
            if self._records(row):
                window = self._window(row, events.BLOCK.itemsize)
                self._write(window, pc, self._joined(instructions, window.cpu, 32))
            else:
                self._run(row, pc, instructions, slot, half, 0)
        self.end()
        self._ask_python(rows)

    def at_instruction(self, pc: int, size: int) -> None:
        """Before the instruction at pc."""
        rows = self.sites.at_instruction(pc)
        for row in rows:
            if self._records(row):
                window = self._window(row, events.INSTRUCTION.itemsize)
                self._write(window, pc, window.cpu)
            else:
                self._run(row, pc, size, 0, 0, 0)
        self._ask_python(rows)

    def access(self, pc: int, address: str, size: int, value: str, write: bool) -> None:
        """With a load or store."""
        for row in self.sites.every_access:
            if self._records(row):
                self._record_access(row, pc, address, size, value, write)
            else:
                self._run(row, pc, address, size, value, int(write))

    def access_if(self, done: str, pc: int, address: str, size: int, value: str) -> None:
        """With a store that was made if the bit `done` is set."""
        others = []
        for row in self.sites.every_access:
            if not self._records(row):
                others.append(row)
                continue
            window = self._record_access(row, pc, address, size, value, write=True)
            # it is there in any case; the cursor goes past it only if it counts
            past = self.text.value(f"select i1 {done}, i64 {window.itemsize}, i64 0")
            before = self._at(window, window.written - 1)
            window.cursor = self.text.value(f"getelementptr i8, ptr {before}, i64 {past}")
            window.written = 0
        if others:
            label = self.text.name()[1:]
            self.text.do(f"br i1 {done}, label %seen{label}, label %end{label}")
            self.text.do(f"seen{label}:")
            for row in others:
                self._run(row, pc, address, size, value, 1)
            self.text.do(f"br label %end{label}")
            self.text.do(f"end{label}:")

    def end(self) -> None:
        """End the straight-line piece: put the looks for space in, leave the cursors behind."""
        for window in self.windows.values():
            self.text.lines[window.reserved] = "\n".join(self._look(window))
        self.leave(self.text.lines)
        self.windows.clear()

    def leave(self, lines: list[str]) -> None:
        """Leave the cursors behind what was written so far."""
        for window in self.windows.values():
            cursor, place = self.text.name(), self.text.name()
            offset = window.written * window.itemsize
            lines.append(f"{cursor} = getelementptr i8, ptr {window.cursor}, i64 {offset}")
            lines.append(f"{place} = inttoptr i64 %data{window.row} to ptr")
            where = self._word_of(place, emitters.CURSOR, lines)
            lines.append(f"store ptr {cursor}, ptr {where}, {COUNTER}")

    # records

    def _records(self, row: Row) -> bool:
        return self.records_inline and row[1] == "record"

    def _record_access(
        self, row: Row, pc: int, address: str, size: int, value: str, write: bool
    ) -> Window:
        window = self._window(row, events.ACCESS.itemsize)
        how = size << SIZE_SHIFT | int(write) << WRITE_SHIFT
        self._write(window, pc, address, value, self._joined(how, window.cpu, CPU_SHIFT))
        return window

    def _joined(self, constant: int, cpu: str, shift: int) -> str:
        if shift:
            cpu = self.text.value(f"shl i64 {cpu}, {shift}")
        return self.text.value(f"or i64 {cpu}, {constant}")

    def _window(self, row: Row, itemsize: int) -> Window:
        """The row's window, with room for one more."""
        number = row[0]
        self.rows.add(number)
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
        text, cursor = self.text, window.opened
        label, lines = cursor[1:], list[str]()
        data = f"%window{label}"
        lines.append(f"{data} = inttoptr i64 %data{window.row} to ptr")
        cursor_at = self._word_of(data, emitters.CURSOR, lines)
        limit_at = self._word_of(data, emitters.LIMIT, lines)
        cpu_at = self._word_of(data, emitters.CPU, lines)
        size = window.total * window.itemsize
        opener, nothing = text.name(), ", i64 0" * 4
        lines += [
            f"%now{label} = load i64, ptr {cursor_at}, {COUNTER}",
            f"%limit{label} = load i64, ptr {limit_at}, {COUNTER}",
            f"{window.cpu} = load i64, ptr {cpu_at}, {COUNTER}",
            f"%after{label} = add i64 %now{label}, {size}",
            f"%fits{label} = icmp ule i64 %after{label}, %limit{label}",
            f"br label %look{label}",
            f"look{label}:",
            f"br i1 %fits{label}, label %room{label}, label %full{label}, {UNLIKELY}",
            f"room{label}:",
            f"%place{label} = phi i64 [ %now{label}, %look{label} ], [ %new{label}, %full{label} ]",
            f"{cursor} = inttoptr i64 %place{label} to ptr",
        ]
        at = f"getelementptr i8, ptr %frame, i64 {8 * Word.OPEN_WINDOW}"
        text.cold += [
            f"full{label}:",
            f"{opener}_at = {at}",
            f"{opener} = load ptr, ptr {opener}_at, {COUNTER}",
            f"call void {opener}(i64 %data{window.row}, i64 {window.total}{nothing})",
            f"%new{label} = load i64, ptr {cursor_at}, {COUNTER}",
            f"br label %room{label}",
        ]
        return lines

    def _word_of(self, emitter: str, word: int, lines: list[str]) -> str:
        name = self.text.name()
        lines.append(f"{name} = getelementptr i8, ptr {emitter}, i64 {8 * word}")
        return name

    # everything else

    def _run(self, row: Row, *arguments: Value) -> None:
        number, kind = row
        self.rows.add(number)
        name, _, probe = kind.partition(" ")
        self.kinds.get(name, self._call)(number, probe, arguments)

    def _count(self, number: int, _probe: str, _arguments: tuple[Value, ...]) -> None:
        self._add_one(number, 0)

    def _count_in_table(self, number: int, _probe: str, arguments: tuple[Value, ...]) -> None:
        slot, half = int(arguments[2]), int(arguments[3])
        self._add_one(number, 8 * (slot * HALVES + half))

    def _add_one(self, number: int, offset: int) -> None:
        """Count in a word that this vCPU alone writes."""
        text = self.text
        place = text.value(f"getelementptr i8, ptr %table{number}, i64 {offset}")
        old = text.value(f"load i64, ptr {place}, {COUNTER}")
        text.do(f"store i64 {text.value(f'add i64 {old}, 1')}, ptr {place}, {COUNTER}")

    def _call(self, number: int, _probe: str, arguments: tuple[Value, ...]) -> None:
        given = ", ".join(f"i64 {argument}" for argument in (f"%data{number}", *arguments))
        self.text.do(f"call void %function{number}({given})")

    def _probe(self, number: int, probe: str, arguments: tuple[Value, ...]) -> None:
        self.probes.add(probe)
        given = ", ".join(f"i64 {argument}" for argument in (f"%data{number}", *arguments))
        places = "ptr %probe_result, ptr %probe_exception"
        self.text.value(f"call i32 @{probe}({places}, {given})")

    def _python(self, number: int, probe: str, arguments: tuple[Value, ...]) -> None:
        self.text.do(PUBLISH)
        self._call(number, probe, arguments)
        self.text.do(RELOAD)

    def _ask_python(self, rows: tuple[Row, ...]) -> None:
        if any(kind == "python" for _, kind in rows):
            self.leave_if_asked()
