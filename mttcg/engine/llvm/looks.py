"""The looks for requests in a page's function, and the counts that go with them."""

from mttcg.engine.llvm.frame import COUNT_START, ONE_INSTRUCTION, Reason
from mttcg.engine.llvm.text import COUNTER, REGISTER, UNLIKELY, Text
from mttcg.engine.llvm.windows import SHOW


class Looks:
    """Emits looks.

    Args:
        text: where to.
        held: whether each leader has a look of its own; if not, time that is spent is reported.
        prompt: whether to look each time.
    """

    def __init__(self, text: Text, held: bool, prompt: bool) -> None:
        self.text, self.held, self.prompt = text, held, prompt

    def check(self, leader: int) -> None:
        """Look for a request: each time, or when so much was counted that it is time to look."""
        text = self.text
        label = text.name()[1:]
        on = text.value(f"icmp slt i64 {text.value(f'load i64, ptr %count, {COUNTER}')}, 0")
        if self.prompt:
            asked = text.value("load atomic i64, ptr %request monotonic, align 8")
            on = text.value(f"and i1 {on}, {text.value(f'icmp eq i64 {asked}, 0')}")
        text.do(f"br i1 {on}, label %on{label}, label %off{label}, {UNLIKELY}")
        text.cold.append(f"off{label}:")
        if self.held:
            text.cold += self._look(str(leader), label, f"on{label}")
        else:
            text.cold += [f"store i64 {leader}, ptr %next, {REGISTER}", "br label %look"]
        text.do(f"on{label}:")

    def shared(self) -> list[str]:
        """The one look that all leaders share: which one is in %next, where it then goes on."""
        if self.held:
            return []
        place = f"%looked = load i64, ptr %next, {REGISTER}"
        return ["look:", place, *self._look("%looked", "_all", "dispatch")]

    def _look(self, leader: str, label: str, on: str) -> list[str]:
        """Look for a request at a leader; without one go on, or, in code made with little effort,
        now and then say that time is spent here."""
        lines = [
            SHOW,  # before it is counted, so that what is counted was seen
            *publish_counts(self.text, leader),
            f"%ask{label} = load atomic i64, ptr %request monotonic, align 8",
            f"%none{label} = icmp eq i64 %ask{label}, 0",
            f"br i1 %none{label}, label %go{label}, label %stop{label}",
            f"stop{label}:",
            *self._leave(leader, Reason.REQUEST),
            f"go{label}:",
        ]
        if self.held:
            return [*lines, f"br label %{on}"]
        return [
            *lines,
            f"%heat{label} = load i64, ptr %heat, {COUNTER}",
            f"%cooler{label} = sub i64 %heat{label}, 1",
            f"store i64 %cooler{label}, ptr %heat, {COUNTER}",
            f"%hot{label} = icmp eq i64 %cooler{label}, 0",
            f"br i1 %hot{label}, label %sample{label}, label %{on}",
            f"sample{label}:",
            *self._leave(leader, Reason.HOT),
        ]

    def _leave(self, pc: str, reason: Reason) -> list[str]:
        return [
            f"store i64 {int(reason)}, ptr %exit, {COUNTER}",
            f"store i64 {pc}, ptr %pc, {COUNTER}",
            "br label %leave",
        ]


def publish_counts(text: Text, leader: str = "") -> list[str]:
    """Add what was counted to the hart's counters; with a look, at a leader, begin anew."""
    lines: list[str] = []

    def value(instruction: str) -> str:
        lines.append(f"{(name := text.name())} = {instruction}")
        return name

    count = value(f"load i64, ptr %count, {COUNTER}")
    since = value(f"load i64, ptr %since, {COUNTER}")
    total = value(f"sub i64 {count}, {since}")
    parts = {
        "instructions": value(f"ashr i64 {total}, {ONE_INSTRUCTION.bit_length() - 1}"),
        "blocks": value(f"and i64 {total}, {ONE_INSTRUCTION - 1}"),
    }
    for field, part in parts.items():
        new = value(f"add i64 {value(f'load i64, ptr %{field}, {COUNTER}')}, {part}")
        lines.append(f"store i64 {new}, ptr %{field}, {COUNTER}")
    if leader:
        lines.append(f"store i64 {COUNT_START}, ptr %count, {COUNTER}")
        lines.append(f"store i64 {leader}, ptr %block_pc, {COUNTER}")
    now = str(COUNT_START) if leader else count
    lines.append(f"store i64 {now}, ptr %since, {COUNTER}")
    return lines
