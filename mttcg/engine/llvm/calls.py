"""What a plan's rows do but to record: count, call, and run probes."""

from collections.abc import Callable
from collections.abc import Set as AbstractSet
from functools import partial

from mttcg.engine.llvm import places
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I32, I64, Pointer
from mttcg.engine.llvm.places import REQUEST, SINCE
from mttcg.engine.llvm.rounding import HostFloat
from mttcg.engine.llvm.weave import IF, ONCE_EACH, PROBE, OperationRow
from mttcg.instrument.native import frames

PUBLISH = "what brings the hart's state up to date"
RELOAD = "what takes the registers from the hart's state anew"
"""Of deferred pieces: which registers that are is known when the whole function is."""
Arguments = tuple[I64 | int, ...]
"""What a row's function is given behind its data."""
SCOPE_BYTES = 16
"""Of a row's mask and what is wanted there."""
WITHIN_FUNCTION, WITHIN_DATA = 8, 16
"""Where the data of a condition has the function and data of what is run if it holds."""


class Calls:
    """Emits what rows do.

    Args:
        builder: of the function.
        host: keeps its floating-point control.
        recording: numbers of further rows of which it is to be known whether they are in scope.

    Attributes:
        rows: numbers of the rows that are used.
        probes: names of the probes that are woven in.
        flagged: numbers of the rows that run once.
        scoped: numbers of the rows that are run in some contexts only.
        python_calls: how many calls there are around which the hart state is exact.
    """

    def __init__(
        self, builder: Builder, host: HostFloat, recording: AbstractSet[int] = frozenset()
    ) -> None:
        self.builder, self.host, self.recording = builder, host, recording
        self.rows: set[int] = set()
        self.probes: set[str] = set()
        self.flagged: set[int] = set()
        self.scoped: set[int] = set()
        self.python_calls = 0
        self.kinds: dict[str, Callable[[OperationRow, str, Arguments], None]] = {
            "count": self._count,
            "table": self._count_in_table,
            "once": self._once,
            ONCE_EACH: self._once_each_block,
            PROBE: self._probe,
            IF: self._if,
        }

    def run(self, row: OperationRow, *arguments: I64 | int) -> None:
        """Run a row."""
        self.rows.add(row.number)
        kind, _, probe = row.kind.partition(" ")
        run = partial(self.kinds.get(kind, self._call), row, probe, arguments)
        self._within_scope(row, run)

    def add(self, row: OperationRow, _half: int, amount: int) -> None:
        """Add to a row's word, which this vCPU alone writes; any place in the page has the same."""
        self._within_scope(row, lambda: self._add(row, amount))

    def add_in_table(self, row: OperationRow, half: int, amount: int) -> None:
        """Add to the word that a row's table has for a place in the page, in halves."""
        self._within_scope(row, lambda: self._add_in_table(row, half, amount))

    def _within_scope(self, row: OperationRow, run: Callable[[], None]) -> None:
        """Run something if the hart is in the row's scope; `on` goes on."""
        if not row.scoped:
            run()
            return
        build = self.builder
        self.rows.add(row.number)
        self.scoped.add(row.number)
        on, inside = build.new_block("on"), build.new_block("inside")
        build.branch(places.within(row.number), inside, on)
        build.begin(inside)
        run()
        build.goto(on)
        build.begin(on)

    def _add(self, row: OperationRow, amount: int) -> None:
        self._add_at(row, self.builder.offset(places.table(row.number), 0), amount)

    def _add_in_table(self, row: OperationRow, half: int, amount: int) -> None:
        self._add_at(row, self._in_table(places.table(row.number), half), amount)

    def _add_at(self, row: OperationRow, place: Pointer, amount: int) -> None:
        build = self.builder
        self.rows.add(row.number)
        old = build.load(place, COUNTER, I64)
        build.store(build.binary("add", old, amount), place, COUNTER)

    def _in_table(self, table: Pointer, half: int) -> Pointer:
        """The word of a place in a table that has one for every place there can be."""
        return self.builder.offset(self.builder.offset(table, places.SLOT_TABLE), 8 * half)

    def take_flags(self) -> None:
        """Take the place of the flags of what runs once."""
        for row in sorted(self.flagged):
            self.builder.load(places.table(row), COUNTER, Pointer, into=places.flags(row))

    def look_at_context(self) -> None:
        """See in which scopes the hart is, which stays so until the function is left."""
        build = self.builder
        looked_at = sorted(self.scoped | self.recording)
        if not looked_at:
            return
        here = build.load(places.CONTEXT, COUNTER, I64)
        scopes = build.load(build.offset(places.FRAME, 8 * Word.SCOPES), COUNTER, Pointer)
        for row in looked_at:
            mask, wanted = (
                build.load(build.offset(scopes, SCOPE_BYTES * row + at), COUNTER, I64)
                for at in (0, 8)
            )
            build.compare("eq", build.binary("and", here, mask), wanted, into=places.within(row))

    def _count(self, row: OperationRow, _probe: str, _arguments: Arguments) -> None:
        self._add(row, 1)

    def _count_in_table(self, row: OperationRow, _probe: str, arguments: Arguments) -> None:
        self._add_in_table(row, half_of(arguments), 1)

    def _call(self, row: OperationRow, _probe: str, arguments: Arguments) -> None:
        """Call a row's function."""
        number = row.number
        self._call_out(row, places.function(number), places.data(number), arguments)

    def _call_within(self, row: OperationRow, arguments: Arguments) -> None:
        """Call the function that a condition's data has."""
        function, data = (
            self._read_word(row.number, offset) for offset in (WITHIN_FUNCTION, WITHIN_DATA)
        )
        pointer = self.builder.cast("inttoptr", function, Pointer)
        self._call_out(row, pointer, data, arguments)

    def _call_out(
        self, row: OperationRow, function: Pointer, data: I64, arguments: Arguments
    ) -> None:
        """Call a function; Python sees exact state."""
        build = self.builder
        if row.python:
            build.defer(PUBLISH)
        self.host.call_out(build, function, data, *arguments)
        if row.python:
            build.defer(RELOAD)
            self._look_soon_if_asked()
        self.python_calls += row.python

    def _look_soon_if_asked(self) -> None:
        """Have it be time to look, also in another function, if Python has asked for something."""
        build = self.builder
        none = build.compare("eq", build.load_atomic(REQUEST, "monotonic", I64), 0)
        count = build.select(none, build.load(places.COUNT, COUNTER, I64), 0, I64)
        for at in (places.COUNT, SINCE):  # all that was counted has been published
            build.store(count, at, COUNTER)

    def _read_word(self, number: int, offset: int) -> I64:
        place = self.builder.offset(places.table(number), offset)
        return self.builder.load(place, COUNTER, I64)

    def _probe(self, row: OperationRow, probe: str, arguments: Arguments) -> None:
        self._call_probe(probe, places.data(row.number), arguments)

    def _call_probe(self, probe: str, data: I64, arguments: Arguments) -> None:
        self.probes.add(probe)
        given = (places.PROBE_RESULT, places.PROBE_EXCEPTION, data, *arguments)
        self.builder.call(I32, f"@{probe}", *given)

    def _once(self, row: OperationRow, _probe: str, arguments: Arguments) -> None:
        self._unless_set(row, places.flags(row.number), arguments)

    def _once_each_block(self, row: OperationRow, _probe: str, arguments: Arguments) -> None:
        flags = self._in_table(places.flags(row.number), half_of(arguments))
        self._unless_set(row, flags, arguments)

    def _unless_set(self, row: OperationRow, at: Pointer, arguments: Arguments) -> None:
        """Call the row's function, which sets the flag, unless it is set."""
        build = self.builder
        self.flagged.add(row.number)
        done = build.compare("ne", build.load(at, COUNTER, I64), 0)
        self._rarely(done, lambda: self._call(row, "", arguments))

    def _if(self, row: OperationRow, probe: str, arguments: Arguments) -> None:
        """Call what is within if the probe's answer is not 0."""
        build = self.builder
        data = self._read_word(row.number, 8 * frames.CONDITION_DATA)
        self._call_probe(probe, data, arguments)
        answer = build.load(places.PROBE_RESULT, UNKNOWN, I64)
        no = build.compare("eq", answer, 0)
        self._rarely(no, lambda: self._call_within(row, arguments))

    def _rarely(self, skip: I1, call: Callable[[], None]) -> None:
        """Call, out of line in `run`, unless the bit `skip` is set; `on` goes on."""
        build = self.builder
        on, run = build.new_block("on"), build.new_block("run")
        build.branch(skip, on, run, UNLIKELY)
        with build.cold():
            build.begin(run)
            call()
            build.goto(on)
        build.begin(on)


def half_of(arguments: Arguments) -> int:
    """Where in its page a block is, by what is given to its operation."""
    return int(arguments[3])


ENTRY_COUNTS: dict[str, Callable[[Calls, OperationRow, int, int], None]] = {
    "count": Calls.add,
    "table": Calls.add_in_table,
}
"""What counts entries into a block for rows of each kind that does only that."""
