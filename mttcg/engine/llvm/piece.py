"""The straight-line piece of code that is being emitted, and the ways out of it."""

from dataclasses import dataclass
from typing import NamedTuple

from mttcg.engine.llvm.frame import ONE_INSTRUCTION, WITHIN, Reason
from mttcg.engine.llvm.observed import Entries
from mttcg.engine.llvm.ram import Ram, Spans
from mttcg.engine.llvm.registers import Registers
from mttcg.engine.llvm.sweep import NOWHERE, Instruction
from mttcg.engine.llvm.text import COUNTER, REGISTER, UNLIKELY, Text
from mttcg.engine.llvm.weave import Sites
from mttcg.engine.llvm.woven import Woven

OPAQUE_JUMP = 'callbr void asm sideeffect "", "!i"()'
"""No instruction, but passes do not know that the second way is never gone, and join nothing."""


@dataclass(frozen=True)
class Place:
    """Where in its block an instruction is.

    `left` is how many instructions of the block, this one included, are counted but not retired
    while it runs.
    """

    instruction: Instruction
    left: int

    @property
    def pc(self) -> int:
        """Its address."""
        return self.instruction.pc

    @property
    def word(self) -> int:
        """Its bits."""
        return self.instruction.word

    @property
    def following(self) -> int:
        """Address after it."""
        return self.instruction.following


class Pending(NamedTuple):
    """What was run and is not counted yet: instructions and blocks in one number, and entries."""

    amount: int = 0
    entries: Entries | None = None


class Piece:
    """What all that emits instructions shares: where they are, and how code leaves there.

    Args:
        text: where to.
        ram: guest RAM, and which of its pages are not plain.
        sites: what the plan has for the page.
        slot: of the page in the block cache.
        held: whether passes follow that join what is only divided by a jump.

    Attributes:
        leader: where the segment begins.
        next_round: the label of the next round, in a loop of several.
        checked: what was looked at in the segment, and stays as it is.
        ended: whether nothing follows in the segment.
    """

    def __init__(self, text: Text, ram: Ram, sites: Sites, slot: int, held: bool) -> None:
        self.text, self.held = text, held
        self.woven = Woven(text, sites, slot, self.leave_if_asked)
        self.spans = Spans(text, ram, self._leave_at_access)
        self.registers = Registers(text, self.spans)
        self.place = Place(NOWHERE, 0)
        self.leader = 0
        self.pending = Pending()
        self.next_round = ""
        self.checked: set[Reason] = set()
        self.ended = False

    def end(self) -> None:
        """End the straight-line piece, before a jump, or a round before the next of its loop."""
        if self.next_round:
            self.spans.end_round()
        else:
            self.spans.end()
            self.woven.windows.end()

    def divide(self) -> None:
        """End the straight-line piece where none has to end, and begin another."""
        self.end()
        self._begin_basic_block()

    def _begin_basic_block(self) -> None:
        label = self.text.name()[1:]
        jump = f"{OPAQUE_JUMP} to label %on{label} [label %never]"
        self.text.do(jump if self.held else f"br label %on{label}")
        self.text.do(f"on{label}:")

    def settle(self, lines: list[str], pending: Pending, uncounted: int = 0) -> None:
        """Count what is pending, but for some instructions that did not run."""
        self.text.count(lines, pending.amount - uncounted * ONE_INSTRUCTION)
        if pending.entries is not None:
            self.woven.count_entries(lines, pending.entries)

    def _exit(self, lines: list[str], reason: Reason, detail: str, uncounted: int) -> None:
        """Leave at this instruction: pc, the count of what did not run, and the reason."""
        self.settle(lines, self.pending, uncounted)
        self.woven.windows.leave(lines)
        lines.append(f"store i64 {detail}, ptr %detail, {COUNTER}")
        lines.append(f"store i64 {int(reason)}, ptr %exit, {COUNTER}")
        lines.append(f"store i64 {self.place.pc}, ptr %pc, {COUNTER}")
        lines.append(f"store i64 {self.leader}, ptr %block_pc, {COUNTER}")
        lines.append("br label %leave")

    def leave_unless(self, bit: str, reason: Reason, detail: str, retired: int = 0) -> None:
        """Go on if a bit is set, else leave before this instruction.

        `retired` is 1 if the instruction counts all the same, as those do that the host runs.
        """
        label = self.text.name()[1:]
        self.text.do(f"br i1 {bit}, label %on{label}, label %off{label}, {UNLIKELY}")
        self.text.cold.append(f"off{label}:")
        self._exit(self.text.cold, reason, detail, self.place.left - retired)
        self.text.do(f"on{label}:")

    def leave_if_asked(self) -> None:
        """After an operation in Python: registers may be new, and it may have asked for a stop."""
        self.registers.forget()
        self.checked.clear()
        asked = self.text.value("load atomic i64, ptr %exit monotonic, align 8")
        none = self.text.value(f"icmp eq i64 {asked}, 0")
        self.leave_unless(none, Reason.CALLBACK, "0")

    def _leave_at_access(self, lines: list[str], address: str) -> None:
        self._exit(lines, Reason.ACCESS, address, self.place.left)

    def leave_to(self, target: int) -> None:
        """Go on at a known address by the dispatcher."""
        self.text.do(f"store i64 {target}, ptr %next, {REGISTER}")
        self.text.do("br label %out")

    def go_on(self, pc: int) -> list[str]:
        """Go on, in other code, with the block whose middle is at pc."""
        return [
            f"store i64 {int(Reason.GOES_ON)}, ptr %exit, {COUNTER}",
            f"store i64 {pc + WITHIN}, ptr %next, {REGISTER}",
            "br label %out",
        ]
