"""What a plan's rows do but to record, as LLVM text: count, call, and run probes."""

from collections.abc import Callable

from mttcg.engine.llvm import rounding as mxcsr
from mttcg.engine.llvm.text import COUNTER, UNLIKELY, Text, Value
from mttcg.engine.llvm.weave import IF, ONCE_EACH, PROBE, Row
from mttcg.instrument.native import frames
from mttcg.memory.code_pages import HALVES

PUBLISH, RELOAD = "; publish", "; reload"
"""Lines that stand for: bring the hart state up to date; take the registers from it anew."""


class Calls:
    """Emits what rows do.

    Args:
        text: where to.

    Attributes:
        rows: numbers of the rows that are used.
        probes: names of the probes that are woven in.
        flagged: numbers of the rows that run once.
        python_calls: how many calls there are around which the hart state is exact.
    """

    def __init__(self, text: Text) -> None:
        self.text = text
        self.rows: set[int] = set()
        self.probes: set[str] = set()
        self.flagged: set[int] = set()
        self.python_calls = 0
        self.kinds: dict[str, Callable[[Row, str, tuple[Value, ...]], None]] = {
            "count": self._count,
            "table": self._count_in_table,
            "once": self._once,
            ONCE_EACH: self._once_each_block,
            PROBE: self._probe,
            IF: self._if,
        }

    def run(self, row: Row, *arguments: Value) -> None:
        """Run a row."""
        self.rows.add(row.number)
        kind, _, probe = row.kind.partition(" ")
        self.kinds.get(kind, self._call)(row, probe, arguments)

    def add(self, lines: list[str], row: Row, offset: int, amount: int) -> None:
        """Add to a word of a row, which this vCPU alone writes."""
        number = row.number
        self.rows.add(number)
        place, old, new = (self.text.name() for _ in range(3))
        lines.append(f"{place} = getelementptr i8, ptr %table{number}, i64 {offset}")
        lines.append(f"{old} = load i64, ptr {place}, {COUNTER}")
        lines.append(f"{new} = add i64 {old}, {amount}")
        lines.append(f"store i64 {new}, ptr {place}, {COUNTER}")

    def take_flags(self) -> list[str]:
        """Take the place of the flags of what runs once."""
        return [
            f"%flags{row} = load ptr, ptr %table{row}, {COUNTER}" for row in sorted(self.flagged)
        ]

    def _count(self, row: Row, _probe: str, _arguments: tuple[Value, ...]) -> None:
        self.add(self.text.lines, row, 0, 1)

    def _count_in_table(self, row: Row, _probe: str, arguments: tuple[Value, ...]) -> None:
        self.add(self.text.lines, row, of_block(arguments), 1)

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
        self._call_probe(probe, f"%data{row.number}", arguments)

    def _call_probe(self, probe: str, data: str, arguments: tuple[Value, ...]) -> None:
        self.probes.add(probe)
        given = ", ".join(f"i64 {argument}" for argument in (data, *arguments))
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
        data = self._read_word(self.text.lines, row.number, str(8 * frames.CONDITION_DATA))
        self._call_probe(probe, data, arguments)
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
