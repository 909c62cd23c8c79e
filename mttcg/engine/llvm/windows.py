"""Windows into the streams of records, in translated code (see `instrument.native.emitters`).

A straight-line piece writes its records into the stream's window, behind one look whether all of
them fit, or several looks if they are many.
"""

from dataclasses import dataclass

from mttcg.engine.llvm import places
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, RECORD, UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I64, ZERO, BasicBlock, DeferredNumber, Pointer
from mttcg.engine.llvm.places import FRAME
from mttcg.engine.llvm.rounding import HostFloat
from mttcg.engine.llvm.tallies import AccessTallies
from mttcg.engine.llvm.weave import OperationRow
from mttcg.instrument.native import frames
from mttcg.instrument.native.record_words import CONTEXT_SHIFT

SHOW = "what lets records be seen"
"""Of deferred pieces: see `Windows.show`."""


@dataclass(slots=True)
class Window:
    """Room for the records of one emitter in the piece that is being emitted.

    Attributes:
        cursor: the address behind which `written` records lie.
        cpu: the vCPU's number, and `who`, the same with the context where accesses have it.
        now: the window's cursor before the look, and `opened`, that of another window.
        full: the block that opens another window, and `room`, the one that goes on.
        total: records that the look is for, of `bytes` in all.
        start: the cursor behind the look, and `within`, whether what is written is to stay; None:
            it always is.
    """

    row: int
    itemsize: int
    cursor: Pointer
    cpu: I64
    who: I64
    now: Pointer
    opened: Pointer
    full: BasicBlock
    room: BasicBlock
    bytes: DeferredNumber
    start: Pointer
    within: I1 | None
    total: int = 0
    written: int = 0


class Windows:
    """The windows that are open in the piece.

    Args:
        builder: of the function.
        host: keeps its floating-point control.

    Attributes:
        recorded: numbers of the rows whose emitters have windows.
        scoped: numbers of the rows that record in some contexts only.
        tallies: what is counted in the piece.
    """

    def __init__(self, builder: Builder, host: HostFloat) -> None:
        self.builder, self.host = builder, host
        self.windows: dict[int, Window] = {}
        self.recorded: set[int] = set()
        self.scoped: set[int] = set()
        self.tallies = AccessTallies(builder)

    def open(self, row: OperationRow, itemsize: int) -> Window:
        """The row's window, with room for one more."""
        number = row.emitter
        self.recorded.add(number)
        window = self.windows.get(number)
        if window is not None and window.total == frames.MOST_RECORDS:
            self._end(self.windows.pop(number))
            window = None
        if window is None:
            window = self.windows[number] = self._look(row, itemsize)
        window.total += 1
        return window

    def write(self, window: Window, *words: I64 | int) -> None:
        """Write a record into the window; nobody else sees it before the window is closed."""
        build, at = self.builder, window.written * window.itemsize
        for word in words:
            build.store(word, build.offset(window.cursor, at), RECORD)
            at += 8
        window.written += 1

    def keep_if(self, bit: I1, window: Window) -> None:
        """Keep the record that was written last only if a bit is set.

        It is there in any case; the cursor goes past it only if it counts.
        """
        past = self.builder.select(bit, window.itemsize, 0, I64)
        before = self._at(window, window.written - 1)
        window.cursor = self.builder.offset(before, past)
        window.written = 0

    def count(self, row: OperationRow) -> None:
        """Count once for a row, with the records of the piece."""
        if row.scoped:
            self.scoped.add(row.number)
        self.tallies.add(row)

    def end(self) -> None:
        """End the straight-line piece: what looks are for is known, cursors are left behind."""
        for window in self.windows.values():
            self._end(window)
        self.windows.clear()
        self.tallies.end()

    def leave_cursors(self) -> None:
        """Leave the cursors behind what was written so far, where control leaves the piece."""
        for window in self.windows.values():
            self._leave_cursor(window)
        self.tallies.leave()

    def take_cursors(self) -> None:
        """Take the rows' cursors from their emitters, where they are while others run."""
        build = self.builder
        for row in sorted(self.recorded):
            cursor, emitter = places.cursor(row), Pointer(f"%emitter{row}")
            build.allocate(cursor, of_pointer=True)
            build.cast("inttoptr", places.data(row), Pointer, emitter)
            build.offset(emitter, 8 * frames.CURSOR, places.cursor_at(row))
            build.offset(emitter, 8 * frames.LIMIT, places.limit_at(row))
            build.offset(emitter, 8 * frames.CPU, places.cpu_at(row))
            build.store(build.load(places.cursor_at(row), COUNTER, Pointer), cursor, COUNTER)

    def give_cursors(self) -> None:
        """Leave the cursors with the emitters."""
        for row in sorted(self.recorded):
            self._give_cursor(row)

    def show(self) -> None:
        """Let what was recorded so far be seen, by the publisher and if this process is killed."""
        build = self.builder
        for row in sorted(self.recorded):
            self._give_cursor(row)
            at = build.offset(FRAME, 8 * Word.SHOW_WINDOW)
            shower = build.load(at, COUNTER, Pointer)
            # it computes with integers alone, so MXCSR stays the guest's
            build.run(shower, places.data(row), *[0] * 5)

    def _give_cursor(self, row: int) -> None:
        cursor = self.builder.load(places.cursor(row), COUNTER, Pointer)
        self.builder.store(cursor, places.cursor_at(row), COUNTER)

    def _at(self, window: Window, record: int) -> Pointer:
        return self.builder.offset(window.cursor, record * window.itemsize)

    def _end(self, window: Window) -> None:
        window.bytes.supply(window.total * window.itemsize)
        self._open_another(window)
        self._leave_cursor(window)

    def _leave_cursor(self, window: Window) -> None:
        after = self._at(window, window.written)
        if window.within is not None:
            after = self.builder.select(window.within, after, window.start, Pointer)
        self.builder.store(after, places.cursor(window.row), COUNTER)

    def _look(self, what: OperationRow, itemsize: int) -> Window:
        """Take the cursor: `room` goes on, `full` opens another window if not all fit this one.

        Of a row that is not run in the hart's context records are written, but the cursor stays.
        """
        build, row, within = self.builder, what.emitter, None
        if what.scoped:
            self.scoped.add(what.number)
            within = places.within(what.number)
        look, room, full = (build.new_block(word) for word in ("look", "room", "full"))
        now = build.load(places.cursor(row), COUNTER, Pointer)
        limit = build.load(places.limit_at(row), COUNTER, I64)
        cpu = build.load(places.cpu_at(row), COUNTER, I64)
        context = build.load(places.CONTEXT, COUNTER, I64)
        who = build.binary("or", cpu, build.binary("shl", context, CONTEXT_SHIFT))
        opened, size = next(build.pointers), DeferredNumber("a window's size")
        after = build.binary("add", build.cast("ptrtoint", now, I64), size)
        fits = build.compare("ule", after, limit)
        build.goto(look)
        build.begin(look)
        build.branch(fits, room, full, UNLIKELY)
        build.begin(room)
        cursor = build.phi(Pointer, (now, look), (opened, full))
        looked = now, opened, full, room, size
        return Window(row, itemsize, cursor, cpu, who, *looked, cursor, within)

    def _open_another(self, window: Window) -> None:
        build, row = self.builder, window.row
        with build.cold():
            build.begin(window.full)
            build.store(window.now, places.cursor_at(row), COUNTER)
            opener = build.load(build.offset(FRAME, 8 * Word.OPEN_WINDOW), COUNTER, Pointer)
            self.host.call_out(build, opener, places.data(row), window.total, *[ZERO] * 4)
            build.load(places.cursor_at(row), COUNTER, Pointer, into=window.opened)
            build.store(window.opened, places.cursor(row), COUNTER)
            build.goto(window.room)
