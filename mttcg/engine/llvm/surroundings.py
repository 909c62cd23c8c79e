"""What stands around the blocks of a page's function: its head, the dispatcher, the way out."""

from collections.abc import Iterable

from mttcg.engine.llvm.emit import Emitter
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.looks import Looks, publish_counts
from mttcg.engine.llvm.text import COUNTER, REGISTER
from mttcg.isa.riscv64.state import OFFSET

FRAME_FIELDS = {
    "exit": Word.EXIT,
    "detail": Word.EXIT_DETAIL,
    "heat": Word.HEAT,
    "since": Word.SINCE,
}
HART_FIELDS = {
    name: OFFSET[key]
    for name, key in {
        "pc": "pc",
        "instructions": "instructions",
        "blocks": "blocks",
        "block_pc": "block_pc",
        "request": "request",
        "reservation": "reservation",
        "reserved": "reservation_value",
        "mstatus": "mstatus",
        "fcsr": "fcsr",
    }.items()
}
ROW_PARTS = (("function", "ptr", 0), ("data", "i64", 8), ("table", "ptr", 8))


class Surroundings:
    """Emits them, once all blocks are there.

    Args:
        emitter: of the blocks.
        looks: for requests.
    """

    def __init__(self, emitter: Emitter, looks: Looks) -> None:
        self.emitter, self.looks = emitter, looks
        self.text, self.held = emitter.text, emitter.held

    def held_registers(self) -> list[str]:
        """Names of the registers that are in host registers from block to block."""
        return self._used_registers() if self.held else []

    def _used_registers(self) -> list[str]:
        registers = self.emitter.registers
        return sorted(registers.read | registers.written)

    def publish(self) -> list[str]:
        """Bring the hart state up to date."""
        lines = publish_counts(self.text)
        for register in sorted(self.emitter.registers.written) if self.held else []:
            name = self.text.name()
            lines.append(f"{name} = load i64, ptr %{register}, {REGISTER}")
            lines.append(f"store i64 {name}, ptr %hart_{register}, {REGISTER}")
        return lines

    def reload(self) -> list[str]:
        """Take the registers from the hart state."""
        lines = []
        for register in self.held_registers():
            name = self.text.name()
            lines.append(f"{name} = load i64, ptr %hart_{register}, {REGISTER}")
            lines.append(f"store i64 {name}, ptr %{register}, {REGISTER}")
        return lines

    def _places(self) -> list[str]:
        """Where everything is that the function reads and writes."""
        woven, lines = self.emitter.woven, []
        for register in self._used_registers():
            offset = OFFSET[register[0]] + 8 * int(register[1:])
            name = f"hart_{register}" if self.held else register
            lines.append(f"%{name} = getelementptr i8, ptr %hart, i64 {offset}")
            if self.held:
                lines.append(f"%{register} = alloca i64")
        for name, offset in HART_FIELDS.items():
            lines.append(f"%{name} = getelementptr i8, ptr %hart, i64 {offset}")
        for name, word in FRAME_FIELDS.items():
            lines.append(f"%{name} = getelementptr i8, ptr %frame, i64 {8 * word}")
        rows = f"getelementptr i8, ptr %frame, i64 {8 * Word.ROWS}"
        lines += [f"%rows_at = {rows}", f"%rows = load ptr, ptr %rows_at, {COUNTER}"]
        for row in sorted(woven.rows):
            for what, kind, offset in ROW_PARTS:
                lines.append(
                    f"%{what}_at{row} = getelementptr i8, ptr %rows, i64 {16 * row + offset}"
                )
                lines.append(f"%{what}{row} = load {kind}, ptr %{what}_at{row}, {COUNTER}")
        lines += woven.windows.take_cursors() + woven.calls.take_flags()
        if woven.calls.probes:
            lines += [f"%probe_{what} = alloca i64" for what in ("result", "exception")]
        return lines

    def head(self, entries: Iterable[int]) -> list[str]:
        """All that stands before the blocks; it can begin at `entries`."""
        return [
            'target triple = "x86_64-pc-linux-gnu"',
            "define void @page(ptr noalias %hart, ptr noalias %frame, ptr noalias %origin) "
            f"{'strictfp ' if self.emitter.uses_float else ''}#0 {{",
            "entry:",
            "%count = alloca i64",
            "%next = alloca i64",
            *self._places(),
            f"%counted = load i64, ptr %since, {COUNTER}",
            f"store i64 %counted, ptr %count, {COUNTER}",
            f"%start = load i64, ptr %pc, {COUNTER}",
            f"store i64 %start, ptr %next, {REGISTER}",
            *self.reload(),
            "br label %dispatch",
            "dispatch:",
            f"%target = load i64, ptr %next, {REGISTER}",
            "switch i64 %target, label %out [",
            *(f"i64 {pc}, label %r{pc:x}" for pc in sorted(entries)),
            "]",
            "out:",
            f"%outside = load i64, ptr %next, {REGISTER}",
            f"store i64 %outside, ptr %pc, {COUNTER}",
            "br label %leave",
            *self.looks.shared(),
            "leave:",
            *self.emitter.woven.windows.give_cursors(),
            *self.publish(),
            "ret void",
            "never:",
            "unreachable",
        ]


TAIL = [
    "}",
    "declare i32 @llvm.ctlz.i32(i32, i1)",
    "declare i64 @llvm.ctlz.i64(i64, i1)",
    "declare i32 @llvm.cttz.i32(i32, i1)",
    "declare i64 @llvm.cttz.i64(i64, i1)",
    "declare i32 @llvm.ctpop.i32(i32)",
    "declare i64 @llvm.ctpop.i64(i64)",
    "declare i64 @llvm.bswap.i64(i64)",
    "declare i64 @llvm.umin.i64(i64, i64)",
    "declare i64 @llvm.readcyclecounter()",
    "declare {i64, i32} @llvm.x86.rdtscp()",
    "attributes #0 = { nounwind }",
    '!10 = !{!"root"}',
    *(
        f'!{n} = !{{!1{n}, !1{n}, i64 0}}\n!1{n} = !{{!"{name}", !10, i64 0}}'
        for n, name in ((1, "register"), (2, "counter"), (3, "memory"), (4, "record"))
    ),
    '!8 = !{!"branch_weights", i32 1000000, i32 1}',
]
