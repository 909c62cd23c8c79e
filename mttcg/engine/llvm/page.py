"""One code page as one LLVM function: which blocks it has, and its text."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from mttcg.engine.llvm.emit import (
    COUNTER,
    FRAME_FIELDS,
    HART_FIELDS,
    REGISTER,
    UNLIKELY,
    Emitter,
    Place,
    Ram,
    Text,
)
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.targets import target_of
from mttcg.engine.llvm.weave import Weave
from mttcg.isa.riscv64.decode import LONGEST_BLOCK, PAGE
from mttcg.isa.riscv64.encoding import Kind, classify, length
from mttcg.isa.riscv64.hart import OFFSET
from mttcg.isa.riscv64.table.decode import decode

RETURN_ADDRESSES = (1, 5)
"""x1 and x5: a jump that links to one of them is a call (psABI)."""


@dataclass(frozen=True)
class Instruction:
    """One instruction of the page."""

    pc: int
    word: int
    kind: Kind

    @property
    def following(self) -> int:
        """Address after it."""
        return self.pc + length(self.word)


class Sweep:
    """The instructions and block heads that can be reached in a page.

    Args:
        start: address of the page.
        half_at: the 16 bits at an offset in the page; past its end for what straddles it.
        entries: addresses to begin at.
    """

    def __init__(
        self,
        start: int,
        half_at: Callable[[int], int],
        entries: Iterable[int],
    ) -> None:
        self.start, self.half_at = start, half_at
        self.instructions: dict[int, Instruction] = {}
        self.leaders: set[int] = set()
        self.pending = list(entries)
        while self.pending:
            self._follow(self.pending.pop())

    def _inside(self, pc: int) -> bool:
        return self.start <= pc < self.start + PAGE

    def _lead(self, pc: int) -> None:
        if self._inside(pc) and pc not in self.leaders:
            self.leaders.add(pc)
            self.pending.append(pc)

    def _follow(self, pc: int) -> None:
        self.leaders.add(pc)
        for _ in range(LONGEST_BLOCK):
            if not self._inside(pc) or pc in self.instructions:
                return
            found = self.instructions[pc] = self._read(pc)
            pc = found.following
            if found.kind.ends_block:
                self._after(found)
                return
        self._lead(pc)

    def _read(self, pc: int) -> Instruction:
        offset = pc - self.start
        word = self.half_at(offset)
        if length(word) == 4:
            word |= self.half_at(offset + 2) << 16
        kind = classify(word)
        return Instruction(pc, word, kind if decode(word) or kind.ends_block else Kind.SYSTEM)

    def _after(self, last: Instruction) -> None:
        for target in static_targets(last):
            self._lead(target)
        if last.kind not in (Kind.JUMP, Kind.INDIRECT) or is_call(last.word):
            self._lead(last.following)


def is_call(word: int) -> bool:
    """Whether a jump links: what follows it is returned to."""
    if length(word) == 2:
        return word >> 12 == 0b1001  # c.jalr
    return word >> 7 & 31 in RETURN_ADDRESSES


def static_targets(last: Instruction) -> list[int]:
    """The addresses that a branch or direct jump names."""
    target = target_of(last.word, last.pc)
    return [] if target is None else [target]


class PageFunction:
    """The text of a page's function: `void page(ptr hart, ptr frame, ptr ram)`.

    It begins at hart.pc, which has to be one of the leaders, and comes back with hart.pc where to
    go on.

    Args:
        sweep: the page's code.
        ram: guest RAM.
        weave: the plan.
        slot: of the page in the block cache, for block tables.
        resumed: a leader that goes on with a block which was entered, and counted, before.
    """

    def __init__(
        self,
        sweep: Sweep,
        ram: Ram,
        weave: Weave,
        slot: int,
        resumed: int | None = None,
    ) -> None:
        self.sweep, self.weave, self.slot, self.resumed = sweep, weave, slot, resumed
        self.text = Text()
        self.emitter = Emitter(self.text, ram, frozenset(sweep.leaders), weave.every_access)

    def source(self) -> str:
        """The whole module."""
        for leader in sorted(self.sweep.leaders):
            self._block(leader)
        return "\n".join([*self._head(), *self.text.lines, *self.text.cold, *TAIL])

    def _run(self, leader: int) -> list[Instruction]:
        """The instructions from a leader to the end of its block, whatever leads in between."""
        found: list[Instruction] = []
        pc = leader
        while pc in self.sweep.instructions and len(found) < LONGEST_BLOCK:
            found.append(self.sweep.instructions[pc])
            if found[-1].kind.ends_block:
                break
            pc = found[-1].following
        return found

    def _block(self, leader: int) -> None:
        """A block: r looks for requests first, b counts it as entered, f goes on with its code."""
        text = self.text
        segment = self._run(leader)[:1]
        for instruction in self._run(leader)[1:]:
            if instruction.pc in self.sweep.leaders:
                break
            segment.append(instruction)
        text.do(f"r{leader:x}:")
        self._check_request(leader)
        text.do(f"br label %b{leader:x}")
        text.do(f"b{leader:x}:")
        text.do(f"store i64 {leader}, ptr %block_pc, {COUNTER}")
        self._count("instructions", len(segment))
        if leader != self.resumed:
            self._count("blocks", 1)
            self._enter(leader, len(segment))
        text.do(f"br label %c{leader:x}")
        text.do(f"f{leader:x}:")
        self._count("instructions", len(segment))
        text.do(f"br label %c{leader:x}")
        text.do(f"c{leader:x}:")
        self._segment(segment)

    def _enter(self, leader: int, counted: int) -> None:
        """Run what the plan has for the block."""
        rows = self.weave.at_block(leader)
        if not rows:
            return
        self.emitter.known.clear()
        self.emitter.place = Place(leader, self.sweep.instructions[leader].word, counted)
        half = leader % PAGE // 2
        for row in rows:
            self.emitter.run_operation(row, leader, len(self._run(leader)), self.slot, half, 0)
        if any(kind == "python" for _, kind in rows):
            self.emitter.leave_if_asked()

    def _before(self, instruction: Instruction) -> None:
        """Run what the plan has for the instruction."""
        rows = self.weave.at_instruction(instruction.pc)
        for row in rows:
            self.emitter.run_operation(row, instruction.pc, length(instruction.word), 0, 0, 0)
        if any(kind == "python" for _, kind in rows):
            self.emitter.leave_if_asked()

    def _segment(self, segment: list[Instruction]) -> None:
        emitter = self.emitter
        emitter.known.clear()
        emitter.ended = False
        for index, instruction in enumerate(segment):
            emitter.place = Place(instruction.pc, instruction.word, len(segment) - index)
            self._before(instruction)
            decoded = decode(instruction.word)
            if decoded is None:
                emitter.illegal(instruction.word)
            else:
                decoded.row.semantics(emitter, decoded, instruction.pc)
            if emitter.ended:
                return
        if not emitter.ended:
            self._fall(segment[-1])

    def _fall(self, last: Instruction) -> None:
        """Go on after an instruction that does not jump."""
        following = last.following
        if last.kind.ends_block or following not in self.sweep.leaders:
            self.emitter.goto(following)
        else:
            self.text.do(f"br label %f{following:x}")

    def _count(self, field: str, amount: int) -> None:
        """Add to one of the hart's counters."""
        old = self.text.value(f"load i64, ptr %{field}, {COUNTER}")
        new = self.text.value(f"add i64 {old}, {amount}")
        self.text.do(f"store i64 {new}, ptr %{field}, {COUNTER}")

    def _check_request(self, leader: int) -> None:
        text = self.text
        asked = text.value("load atomic i64, ptr %request monotonic, align 8")
        bit = text.value(f"icmp eq i64 {asked}, 0")
        label = text.name()[1:]
        text.do(f"br i1 {bit}, label %on{label}, label %off{label}, {UNLIKELY}")
        text.cold.append(f"off{label}:")
        text.cold.append(f"store i64 {int(Reason.REQUEST)}, ptr %exit, {COUNTER}")
        text.cold.append(f"store i64 {leader}, ptr %pc, {REGISTER}")
        text.cold.append("ret void")
        text.do(f"on{label}:")

    def _head(self) -> list[str]:
        lines = [
            'target triple = "x86_64-pc-linux-gnu"',
            "define void @page(ptr noalias %hart, ptr noalias %frame, ptr noalias %ram) #0 {",
            "entry:",
        ]
        for number in range(1, 32):
            lines.append(
                f"%x{number} = getelementptr i8, ptr %hart, i64 {OFFSET['x'] + 8 * number}"
            )
        for number in range(32):
            lines.append(
                f"%f{number} = getelementptr i8, ptr %hart, i64 {OFFSET['f'] + 8 * number}"
            )
        for name, offset in HART_FIELDS.items():
            lines.append(f"%{name} = getelementptr i8, ptr %hart, i64 {offset}")
        for name, word in FRAME_FIELDS.items():
            lines.append(f"%{name} = getelementptr i8, ptr %frame, i64 {8 * word}")
        rows = f"getelementptr i8, ptr %frame, i64 {8 * Word.ROWS}"
        lines += [f"%rows_at = {rows}", f"%rows = load ptr, ptr %rows_at, {COUNTER}"]
        lines += ["br label %dispatch", "dispatch:", f"%target = load i64, ptr %pc, {REGISTER}"]
        lines.append("switch i64 %target, label %out [")
        lines += [f"i64 {pc}, label %r{pc:x}" for pc in sorted(self.sweep.leaders)]
        return [*lines, "]", "out:", "ret void"]


TAIL = [
    "}",
    "declare i32 @llvm.ctlz.i32(i32, i1)",
    "declare i64 @llvm.ctlz.i64(i64, i1)",
    "declare i32 @llvm.cttz.i32(i32, i1)",
    "declare i64 @llvm.cttz.i64(i64, i1)",
    "declare i32 @llvm.ctpop.i32(i32)",
    "declare i64 @llvm.ctpop.i64(i64)",
    "declare i64 @llvm.bswap.i64(i64)",
    "attributes #0 = { nounwind }",
    '!10 = !{!"root"}',
    *(
        f'!{n} = !{{!1{n}, !1{n}, i64 0}}\n!1{n} = !{{!"{name}", !10, i64 0}}'
        for n, name in ((1, "register"), (2, "counter"), (3, "memory"))
    ),
    '!8 = !{!"branch_weights", i32 1000000, i32 1}',
]
