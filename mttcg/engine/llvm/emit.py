"""All that emits the instructions of a page's blocks, and `Operations` for their semantics."""

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import cast

from mttcg.engine.llvm.accesses import Accesses
from mttcg.engine.llvm.arithmetic import Arithmetic
from mttcg.engine.llvm.calls import Calls
from mttcg.engine.llvm.control import ControlFlow
from mttcg.engine.llvm.counts import Counts
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.values import I64, BasicBlock
from mttcg.engine.llvm.liveness import RegisterFlow
from mttcg.engine.llvm.llvm_isa import FloatWords, LlvmIsa
from mttcg.engine.llvm.page_windows import PageWindows
from mttcg.engine.llvm.pieces import Pieces
from mttcg.engine.llvm.places import Labels
from mttcg.engine.llvm.ram import Ram, Spans
from mttcg.engine.llvm.registers import RegisterAccesses
from mttcg.engine.llvm.row_spans import RowSpans
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.state_checks import StateChecks
from mttcg.engine.llvm.weave import Sites
from mttcg.engine.llvm.windows import Windows
from mttcg.engine.llvm.woven import Woven
from mttcg.isa.operations import Operations
from mttcg.memory.address import PageOffset


class Words:
    """`Operations` on values, each word from the part that emits it.

    Semantics need all words in one object. They are attributes, so that there is no second call.
    Those of floating point are only there if the ISA has some.
    """

    def __init__(
        self,
        registers: RegisterAccesses,
        arithmetic: Arithmetic,
        accesses: Accesses,
        floats: FloatWords | None,
        control: ControlFlow,
        checks: StateChecks,
    ) -> None:
        self.read_x, self.write_x = registers.read_x, registers.write_x
        self.read_f, self.write_f = registers.read_f, registers.write_f
        self.constant, self.binary = arithmetic.constant, arithmetic.binary
        self.pc_plus = arithmetic.pc_plus
        self.shift, self.multiply_high = arithmetic.shift, arithmetic.multiply_high
        self.compare, self.select = arithmetic.compare, arithmetic.select
        self.sign_extend, self.zero_extend = arithmetic.sign_extend, arithmetic.zero_extend
        self.count, self.byte_swap = arithmetic.count, arithmetic.byte_swap
        self.load, self.store = accesses.load, accesses.store
        self.load_reserved = accesses.load_reserved
        self.store_conditional = accesses.store_conditional
        self.compare_and_swap = accesses.compare_and_swap
        self.amo, self.fence = accesses.amo, accesses.fence
        self.jump, self.branch = control.jump, control.branch
        self.illegal = partial(checks.illegal, cast("Operations[I64]", self))
        self.system = control.system
        if floats is not None:
            self.float, self.require_float = floats.float, floats.require_float
            self.read_float_control = floats.read_float_control
            self.write_float_control = floats.write_float_control


class SegmentWriter:
    """Emits one segment after another into a page's function.

    Each part knows those that are made before it, and no other.

    Args:
        isa: the guest's.
        builder: of the function.
        ram: guest RAM, and which of its pages are not plain.
        leaders: places of the page that have a label.
        sites: what the plan has for the page.
        translated: whether it is for translated addresses.
        window_sites: the accesses that have page windows then, see `window_sites`.
    """

    def __init__(
        self,
        isa: LlvmIsa,
        builder: Builder,
        ram: Ram,
        leaders: frozenset[PageOffset],
        sites: Sites,
        translated: bool = False,
        window_sites: Mapping[PageOffset, int] = MappingProxyType({}),
    ) -> None:
        self.builder = builder
        self.polls_every_block = sites.call_python()
        self.labels, self.segment = Labels(), Segment()
        host = isa.host_float
        self.windows = Windows(builder, host)
        self.calls = Calls(builder, host, self.windows.scoped)
        self.counts = Counts(builder, sites, self.calls)
        parts = builder, self.labels, self.segment
        self.exits = Exits(*parts, self.counts, self.windows, translated)
        self.page_windows = PageWindows(builder, window_sites)
        self.spans = (
            RowSpans(builder, Ram(*ram.range), self.segment, self.exits, self.page_windows)
            if translated
            else Spans(builder, ram, self.segment, self.exits)
        )
        self.registers = RegisterAccesses(builder, self.segment)
        self.flow = RegisterFlow(self.labels)
        self.woven = Woven(builder, sites, self.windows, self.calls, self.after_python)
        self.pieces = Pieces(*parts, self.spans, self.windows)
        self.floats: FloatWords | None = None
        if isa.floats is not None:
            self.floats = isa.floats.make_words(builder, self.segment, self.exits, host)
        self.control = ControlFlow(
            *parts,
            leaders,
            self.polls_every_block,
            self.pieces,
            self.counts,
            self.exits,
            self.registers,
            self.woven,
            self.flow,
        )
        self.words: Operations[I64] = Words(
            self.registers,
            Arithmetic(builder, self.segment, self.spans, self.pieces),
            Accesses(isa, builder, self.segment, self.spans, self.exits, self.woven),
            self.floats,
            self.control,
            StateChecks(isa, builder, self.exits, self.control),
        )

    def begin(self, leader: PageOffset, again: bool, restart: BasicBlock | None = None) -> None:
        """Begin a segment; `again`: right behind itself, so that what is known still is.

        restart: where it may begin anew, if an access is not to plain RAM.
        """
        self.segment.begin(leader, restart)
        self.registers.begin(again)

    def after_python(self) -> None:
        """Registers may be new, and a stop may be asked for."""
        self.registers.forget()
        self.segment.checked.clear()
        self.exits.leave_if_asked()
