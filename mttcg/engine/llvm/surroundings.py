"""What stands around the blocks of a page's function: its head, the dispatcher, the way out."""

from collections.abc import Iterable

from mttcg.engine.llvm import places
from mttcg.engine.llvm.calls import PUBLISH, RELOAD
from mttcg.engine.llvm.counts import publish_counts
from mttcg.engine.llvm.emit import SegmentWriter
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.ir.builder import Elsewhere
from mttcg.engine.llvm.ir.forms import COUNTER, REGISTER
from mttcg.engine.llvm.ir.values import I64, Pointer
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.looks import Looks
from mttcg.engine.llvm.places import COUNT, FRAME, HART, NEXT, PC, SINCE
from mttcg.engine.llvm.registers import PLACES
from mttcg.engine.llvm.relative import address_at, halves_to, in_halves, take_base
from mttcg.engine.llvm.windows import SHOW
from mttcg.memory.address import PageOffset
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of

FRAME_FIELDS = {
    places.EXIT: Word.EXIT,
    places.DETAIL: Word.EXIT_DETAIL,
    places.SINCE: Word.SINCE,
}
OFFSET = offsets_of(VcpuState)
VCPU_FIELDS = {
    place: OFFSET[field]
    for place, field in {
        places.PC: "pc",
        places.INSTRUCTIONS: "instructions",
        places.BLOCKS: "blocks",
        places.BLOCK_PC: "block_pc",
        places.REQUEST: "request",
    }.items()
}
ROW_BYTES, DATA_OFFSET = 16, 8
"""Of a row of (function, data)."""


class Surroundings:
    """Emits them, once all blocks are there.

    Args:
        isa: the guest's.
        writer: of the blocks.
        looks: for requests.

    Attributes:
        published, reloaded: for each register that is brought to the hart's state, or taken from
            there, where it is and where it goes.
    """

    def __init__(self, isa: LlvmIsa, writer: SegmentWriter, looks: Looks) -> None:
        self.isa, self.writer, self.looks = isa, writer, looks
        self.builder, self.optimised = writer.builder, writer.optimised
        self.published: list[tuple[Pointer, Pointer]] = []
        self.reloaded: list[tuple[Pointer, Pointer]] = []

    def kept_registers(self) -> list[str]:
        """Names of the registers that are in slots of the function from block to block."""
        return self._used_registers() if self.optimised else []

    def _used_registers(self) -> list[str]:
        registers = self.writer.registers
        return sorted(registers.read | registers.written)

    def head(self, entries: Iterable[PageOffset]) -> None:
        """All that stands before the blocks; it can begin at `entries`."""
        build, labels = self.builder, self.writer.labels
        written = sorted(self.writer.registers.written) if self.optimised else []
        self.published = [(PLACES[name], places.hart_register(name)) for name in written]
        kept = self.kept_registers()
        self.reloaded = [(places.hart_register(name), PLACES[name]) for name in kept]
        with Elsewhere(build, build.function.head):
            build.begin(labels.entry)
            self._define_places()
            build.store(build.load(SINCE, COUNTER, I64), COUNT, COUNTER)
            self._take_base()
            self._reload()
            build.goto(labels.dispatch)
            build.begin(labels.dispatch)
            target = build.load(NEXT, REGISTER, I64)
            cases = {in_halves(entry): labels["r", entry] for entry in sorted(entries)}
            build.switch(target, labels.out, cases)
            build.begin(labels.out)
            build.store(address_at(build, build.load(NEXT, REGISTER, I64)), PC, COUNTER)
            build.goto(labels.leave)
            self.looks.shared()
            build.begin(labels.leave)
            self.writer.windows.give_cursors()
            self._publish()
            build.end(returns=True)
            build.begin(labels.never)
            build.end(returns=False)

    def _take_base(self) -> None:
        """Where the guest sees the page, and where in it to begin."""
        build = self.builder
        pc = build.load(PC, COUNTER, I64)
        take_base(build, pc)
        build.store(halves_to(build, pc), NEXT, REGISTER)

    def supply_pieces(self) -> None:
        """Supply what blocks and looks have deferred until all registers and rows are known."""
        build = self.builder
        meanings = {
            PUBLISH: self._publish,
            RELOAD: self._reload,
            SHOW: self.writer.windows.show,
        }
        for piece in build.function.pieces:
            with build.supply(piece):
                meanings[piece.what]()

    def _publish(self) -> None:
        """Bring the hart state up to date."""
        publish_counts(self.builder)
        self.builder.copy(self.published, REGISTER)

    def _reload(self) -> None:
        """Take the registers from the hart state."""
        self.builder.copy(self.reloaded, REGISTER)

    def _define_places(self) -> None:
        """Where everything is that the function reads and writes."""
        build, writer = self.builder, self.writer
        build.allocate(COUNT)
        build.allocate(NEXT)
        for register in self._used_registers():
            offset = self.isa.files[register[0]] + 8 * int(register[1:])
            if self.optimised:
                build.offset(HART, offset, places.hart_register(register))
                build.allocate(PLACES[register])
            else:
                build.offset(HART, offset, PLACES[register])
        for place, offset in {**VCPU_FIELDS, **self.isa.fields}.items():
            build.offset(HART, offset, place)
        for place, word in FRAME_FIELDS.items():
            build.offset(FRAME, 8 * word, place)
        self._define_rows(sorted(writer.woven.rows))
        writer.windows.take_cursors()
        writer.calls.take_flags()
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
"""Templates: what stands before and behind each page's function, the same for all of them."""
