"""What stands around the blocks of a page's function: its head, the dispatcher, the way out."""

from collections.abc import Callable, Iterable

from mttcg.engine.llvm import places
from mttcg.engine.llvm.calls import PUBLISH, RELOAD
from mttcg.engine.llvm.counts import publish_counts
from mttcg.engine.llvm.emit import SegmentWriter
from mttcg.engine.llvm.exits import WrittenHere
from mttcg.engine.llvm.fields import define_fields
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Elsewhere
from mttcg.engine.llvm.ir.forms import COUNTER, REGISTER
from mttcg.engine.llvm.ir.values import I64, BasicBlock, Pointer
from mttcg.engine.llvm.jump_table import find_code, find_translated_code
from mttcg.engine.llvm.liveness import bits_of, names_of
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.places import (
    AWAY,
    BLOCK_PC,
    COUNT,
    FRAME,
    HART,
    LEAVE,
    LOOK,
    NEXT,
    ORIGIN,
    PC,
    SLOT_SYMBOL,
    SLOT_TABLE_SYMBOL,
    TAKE,
)
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.registers import PLACES
from mttcg.engine.llvm.relative import address_at, halves_to, in_halves, relative, take_base
from mttcg.engine.llvm.signature import (
    NO_BLOCK,
    NO_RECORD,
    RUNNING,
    TO_PC,
    tail_call,
)
from mttcg.engine.llvm.windows import SHOW
from mttcg.memory.address import PageOffset

ROW_BYTES, DATA_OFFSET = 16, 8
"""Of a row of (function, data)."""


class Surroundings:
    """Emits them, once all blocks are there.

    Args:
        isa: the guest's.
        writer: of the blocks.
        ram: guest RAM.
        translated: whether it is for translated addresses.
    """

    def __init__(
        self, isa: LlvmIsa, writer: SegmentWriter, ram: Ram, translated: bool = False
    ) -> None:
        self.isa, self.writer, self.ram, self.translated = isa, writer, ram, translated
        self.builder, self.flow = writer.builder, writer.flow

    def kept_registers(self) -> list[str]:
        """Names of the registers that are in slots of the function from block to block."""
        registers = self.writer.registers
        return sorted(registers.read | registers.written)

    def head(self, leaders: Iterable[PageOffset], entries: Iterable[PageOffset]) -> None:
        """All that stands around the blocks of some leaders; it can begin at `entries`."""
        build, labels = self.builder, self.writer.labels
        if self.writer.calls.python_calls:
            self.flow.everything = bits_of(self.kept_registers())
        self.flow.solve(leaders)
        with Elsewhere(build, build.function.head):
            build.begin(labels.entry)
            self._define_places()
            build.store(RUNNING, COUNT, COUNTER)
            take_base(build, TO_PC)
            build.store(halves_to(build, TO_PC), NEXT, REGISTER)
            build.goto(labels.dispatch)
            build.begin(labels.dispatch)
            ways_in = {in_halves(entry): labels["e", entry] for entry in sorted(entries)}
            build.switch(build.load(NEXT, REGISTER, I64), labels.out, ways_in)
            for entry in sorted(entries):
                build.begin(labels["e", entry])
                self._reload(self.flow.live[entry])
                build.goto(labels["r", entry])
            self._ways_out("d", self.flow.behind, labels.dispatch)
            self._ways_out("o", self.flow.behind, labels.out)
            build.begin(labels.out)
            self._go_out()
            build.begin(labels.never)
            build.end(returns=False)
        with build.cold():
            self.writer.page_windows.ask()
            for letter, to in (("h", LEAVE), ("l", LOOK), ("t", TAKE)):
                self._ways_out(letter, lambda leader: self.flow.changed[leader], to)
            build.begin(TAKE)
            self._to_interpreter(Word.TAKE_OVER)
            build.begin(AWAY)
            self._to_interpreter(Word.ENTER)
            build.begin(LOOK)
            self._leave_to_look()
            build.begin(LEAVE)
            self.writer.windows.give_cursors()
            publish_counts(build)
            build.end(returns=True)

    def _ways_out(
        self, letter: str, registers: Callable[[PageOffset], int], to: BasicBlock
    ) -> None:
        """Ways out that have one of the labels; those that publish the same registers are one.

        The interpreter is told the block that it goes on in the middle of.
        """
        build, labels = self.builder, self.writer.labels
        published = {0: to}
        for leader in sorted(leader for label, leader in labels if label == letter):
            bits = registers(leader)
            build.begin(labels[letter, leader])
            if letter == "t":
                build.store(relative(build, leader), BLOCK_PC, COUNTER)
            if bits in published:
                build.goto(published[bits])
                continue
            published[bits] = build.new_block(f"{letter}_out")
            build.goto(published[bits])
            build.begin(published[bits])
            self._publish_registers(bits)
            build.goto(to)

    def _go_out(self) -> None:
        """Go on at `NEXT`: in code that this vCPU knows, or away from translated code."""
        build = self.builder
        pc = address_at(build, build.load(NEXT, REGISTER, I64))
        if self.translated:
            code = find_translated_code(build, pc, AWAY, AWAY)
        else:
            code = find_code(build, pc, self.ram.base, self.ram.size, AWAY)
        self._tail_call(code, pc)

    def _leave_to_look(self) -> None:
        """Come back at `NEXT`."""
        build = self.builder
        pc = address_at(build, build.load(NEXT, REGISTER, I64))
        build.store(pc, PC, COUNTER)
        build.store(pc, BLOCK_PC, COUNTER)
        build.goto(LEAVE)

    def _to_interpreter(self, function: Word) -> None:
        """Go on at `NEXT` in one of the interpreter's functions."""
        build = self.builder
        pc = address_at(build, build.load(NEXT, REGISTER, I64))
        self._tail_call(build.load(build.offset(FRAME, 8 * function), COUNTER, Pointer), pc)

    def _tail_call(self, code: Pointer, pc: I64) -> None:
        self.writer.windows.give_cursors()
        count = self.builder.load(COUNT, COUNTER, I64)
        tail_call(self.builder, code, NO_RECORD, count, NO_BLOCK, pc)

    def supply_pieces(self) -> None:
        """Supply what blocks and looks have deferred until all registers and rows are known."""
        build = self.builder
        meanings = {
            PUBLISH: self._publish,
            RELOAD: self._take_anew,
            SHOW: self.writer.windows.show,
        }
        for piece in build.function.pieces:
            with build.supply(piece):
                if isinstance(piece.what, WrittenHere):
                    self._publish_written(piece.what)
                else:
                    meanings[str(piece.what)]()

    def _publish_written(self, written: WrittenHere) -> None:
        self._publish_registers(bits_of(written.names) & ~self.flow.changed[written.leader])

    def _publish(self) -> None:
        """Bring the hart state up to date."""
        publish_counts(self.builder)
        self._publish_registers(bits_of(self.writer.registers.written))

    def _take_anew(self) -> None:
        """Take what Python may have changed."""
        self._reload(bits_of(self.kept_registers()))
        self.writer.page_windows.empty()

    def _publish_registers(self, bits: int) -> None:
        pairs = [(PLACES[name], places.hart_register(name)) for name in names_of(bits)]
        self.builder.copy(pairs, REGISTER)

    def _reload(self, bits: int) -> None:
        """Take registers from the hart state."""
        pairs = [(places.hart_register(name), PLACES[name]) for name in names_of(bits)]
        self.builder.copy(pairs, REGISTER)

    def _define_places(self) -> None:
        """Where everything is that the function reads and writes."""
        build, writer = self.builder, self.writer
        build.allocate(COUNT)
        build.allocate(NEXT)
        for register in self.kept_registers():
            offset = self.isa.files[register[0]] + 8 * int(register[1:])
            build.offset(HART, offset, places.hart_register(register))
            build.allocate(PLACES[register])
        define_fields(build, self.isa)
        if self.translated:
            build.load(build.offset(FRAME, 8 * Word.DATA_ROWS), COUNTER, Pointer, into=places.ROWS)
            build.cast("ptrtoint", ORIGIN, I64, into=places.HERE)
            writer.page_windows.begin()
        self._define_rows(sorted(writer.woven.rows))
        writer.windows.take_cursors()
        writer.calls.take_flags()
        writer.calls.look_at_context()
        if writer.calls.probes:
            build.allocate(places.PROBE_RESULT)
            build.allocate(places.PROBE_EXCEPTION)

    def _define_rows(self, rows: list[int]) -> None:
        build = self.builder
        at = build.load(build.offset(FRAME, 8 * Word.ROWS), COUNTER, Pointer)
        for row in rows:
            start = ROW_BYTES * row
            build.load(build.offset(at, start), COUNTER, Pointer, into=places.function(row))
            for kind, name in ((I64, places.data(row)), (Pointer, places.table(row))):
                build.load(build.offset(at, start + DATA_OFFSET), COUNTER, kind, into=name)


TARGET = 'target triple = "x86_64-pc-linux-gnu"'
TAIL = [
    *(
        f"@{name} = external hidden global i8, !absolute_symbol !6"
        for name in (SLOT_SYMBOL, SLOT_TABLE_SYMBOL)
    ),
    "!6 = !{i64 0, i64 2147483647}",
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
ROW_CLASS = '!5 = !{!15, !15, i64 0}\n!15 = !{!"row", !10, i64 0}'
"""Templates: what stands before and behind each page's function, the same for all of them."""
