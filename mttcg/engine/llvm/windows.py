"""Windows into the streams of records, as LLVM text (see `instrument.native.emitters`).

Records of a block's straight-line piece are written into the stream's window after one look
whether all of them fit, or after several if they are many.
"""

from dataclasses import dataclass

from mttcg.engine.llvm import rounding as mxcsr
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.text import COUNTER, RECORD, UNLIKELY, Text, Value
from mttcg.engine.llvm.weave import Row
from mttcg.instrument.native import frames

SHOW = "; show"
"""A line that stands for: let what was recorded be seen."""


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


class Windows:
    """The windows that are open in the piece.

    Args:
        text: where to.

    Attributes:
        recorded: numbers of the rows whose emitters have windows.
    """

    def __init__(self, text: Text) -> None:
        self.text = text
        self.windows: dict[int, Window] = {}
        self.recorded: set[int] = set()

    def open(self, row: Row, itemsize: int) -> Window:
        """The row's window, with room for one more."""
        number = row.emitter
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

    def write(self, window: Window, *words: Value) -> None:
        """Write a record into the window; nobody else sees it before the window is closed."""
        for place, word in enumerate(words):
            at = self._at(window, window.written, 8 * place)
            self.text.do(f"store i64 {word}, ptr {at}, {RECORD}")
        window.written += 1

    def keep_if(self, bit: str, window: Window) -> None:
        """Keep the record that was written last only if a bit is set.

        It is there in any case; the cursor goes past it only if it counts.
        """
        past = self.text.value(f"select i1 {bit}, i64 {window.itemsize}, i64 0")
        before = self._at(window, window.written - 1)
        window.cursor = self.text.value(f"getelementptr i8, ptr {before}, i64 {past}")
        window.written = 0

    def end(self) -> None:
        """End the straight-line piece: put the looks for space in, leave the cursors behind."""
        for window in self.windows.values():
            self._end(window)
        self.windows.clear()

    def leave(self, lines: list[str]) -> None:
        """Leave the cursors behind what was written so far."""
        for window in self.windows.values():
            self._leave(lines, window)

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

    def give_cursors(self) -> list[str]:
        """Leave the cursors with the emitters."""
        lines = []
        for row in sorted(self.recorded):
            cursor = self.text.name()
            lines.append(f"{cursor} = load ptr, ptr %cursor{row}, {COUNTER}")
            lines.append(f"store ptr {cursor}, ptr %cursor_at{row}, {COUNTER}")
        return lines

    def show(self) -> list[str]:
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

    def _at(self, window: Window, record: int, offset: int = 0) -> str:
        at = record * window.itemsize + offset
        return self.text.value(f"getelementptr i8, ptr {window.cursor}, i64 {at}")

    def _end(self, window: Window) -> None:
        self.text.lines[window.reserved] = "\n".join(self._look(window))
        self._leave(self.text.lines, window)

    def _leave(self, lines: list[str], window: Window) -> None:
        cursor, after = self.text.name(), window.written * window.itemsize
        lines.append(f"{cursor} = getelementptr i8, ptr {window.cursor}, i64 {after}")
        lines.append(f"store ptr {cursor}, ptr %cursor{window.row}, {COUNTER}")

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
