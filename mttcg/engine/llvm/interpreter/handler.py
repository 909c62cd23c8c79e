"""One handler: the function that does what the instructions of a row do."""

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property, partial
from types import MappingProxyType
from typing import cast

from mttcg.engine.llvm import places
from mttcg.engine.llvm.accesses import Accesses
from mttcg.engine.llvm.arithmetic import Arithmetic
from mttcg.engine.llvm.calls import Calls
from mttcg.engine.llvm.control import ControlFlow
from mttcg.engine.llvm.counts import Counts
from mttcg.engine.llvm.discovery import Instruction
from mttcg.engine.llvm.emit import Words
from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.fields import define_fields
from mttcg.engine.llvm.frame import ONE_BLOCK, ONE_INSTRUCTION, Reason, Word
from mttcg.engine.llvm.interpreter.device_accesses import DeviceAccesses
from mttcg.engine.llvm.interpreter.handler_system import HandlerSystem
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.operand import PC, Operand, symbolic
from mttcg.engine.llvm.interpreter.plain_ram import PlainRam
from mttcg.engine.llvm.interpreter.system_functions import STATUS, TRAP
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, REGISTER, UNKNOWN, UNLIKELY
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import I1, I8, I32, I64, ZERO, Pointer, constant
from mttcg.engine.llvm.liveness import RegisterFlow
from mttcg.engine.llvm.llvm_isa import FloatWords
from mttcg.engine.llvm.pieces import Pieces
from mttcg.engine.llvm.places import HART, Labels
from mttcg.engine.llvm.registers import RegisterAccesses
from mttcg.engine.llvm.segment import Place, Segment
from mttcg.engine.llvm.signature import (
    BLOCK,
    CONVENTION,
    DISPATCH,
    IP,
    LEAVE,
    LOOK,
    PARAMETERS,
    RUNNING,
    frame_pointer,
    handler_of,
    pc_at,
    tail_call,
)
from mttcg.engine.llvm.state_checks import StateChecks
from mttcg.engine.llvm.weave import Sites
from mttcg.engine.llvm.windows import Windows
from mttcg.engine.llvm.woven import Woven
from mttcg.isa.operations import Operations, SystemWords
from mttcg.isa.table.row import Decoded
from mttcg.memory.address import PageOffset
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.tbcache.predecoded import PLACES, RECORD_SHIFT, SLOT_AT


def running(build: Builder) -> I64:
    """The running count, without this instruction."""
    return build.load(places.COUNT, COUNTER, I64)


def with_this(build: Builder, blocks: int = 0) -> I64:
    """The running count with this instruction, and blocks that are entered."""
    return build.binary("add", running(build), ONE_INSTRUCTION + blocks)


class HandlerExits(Exits):
    """Leaves by functions that all handlers share; an instruction is counted where it ends.

    Attributes:
        further: names of further parts of the handler, by what they are for.
        needed: those that control goes to.
    """

    further: Mapping[Reason, str] = MappingProxyType({})
    raise_illegal: Callable[[], None] | None = None
    """Emits the trap of an illegal instruction; None: the host takes it."""

    @cached_property
    def needed(self) -> set[Reason]:
        """See above."""
        return set()

    def leave(self, reason: Reason, detail: I64 | int, uncounted: int) -> None:
        """Leave at this instruction, counted or not, or go to the part that is for that."""
        build = self.builder
        if reason in self.further:
            self.needed.add(reason)
            tail_call(build, f"@{self.further[reason]}", IP, running(build), BLOCK)
            return
        build.store(detail, places.DETAIL, UNKNOWN)
        counted = running(build) if uncounted else with_this(build)
        tail_call(build, f"{LEAVE}_{reason.name}", IP, counted, BLOCK)

    def illegal_unless(self, bit: I1, word: int) -> None:
        """See Exits."""
        if self.raise_illegal is None:
            super().illegal_unless(bit, word)
            return
        build = self.builder
        on, off = build.new_block("allowed"), build.new_block("refused")
        build.branch(bit, on, off, UNLIKELY)
        with build.cold():
            build.begin(off)
            self.raise_illegal()
        build.begin(on)

    def leave_at_access(self, address: I64) -> None:
        """Leave an access to the host; the address is not said, see `runtime`."""
        self.leave(Reason.ACCESS, ZERO, self.segment.place.left)


class Operands:
    """Reads operands from the record.

    Args:
        builder: of the function.
    """

    def __init__(self, builder: Builder) -> None:
        self.builder = builder
        self.direct: dict[I64, Operand] = {}

    def value(self, operand: int) -> I64:
        """A sum of operands."""
        if not isinstance(operand, Operand):
            return I64(operand)
        build = self.builder
        total: I64 | None = None
        for part in operand.parts:
            value = pc_at(build, IP) if part == PC else self.field(part)
            total = value if total is None else build.binary("add", total, value)
        assert total is not None
        if operand.number:
            total = build.binary("add", total, operand.number)
        self.direct[total] = operand
        return total

    def field(self, name: str) -> I64:
        """One operand."""
        build = self.builder
        name = "immediate" if name == "rounding" else name
        at = build.offset(IP, PLACES[name])
        if name == "immediate":
            return build.cast("sext", build.load(at, UNKNOWN, I32), I64)
        return build.cast("zext", build.load(at, UNKNOWN, I8), I64)


class RecordRegisters(RegisterAccesses):
    """Registers whose numbers are in the record; they are in the hart's state.

    Args:
        builder: of the function.
        segment: that is being emitted.
        operands: reads the numbers.
        files: where they are in the hart's state, by the files' letters.
    """

    def __init__(
        self, builder: Builder, segment: Segment, operands: Operands, files: Mapping[str, int]
    ) -> None:
        super().__init__(builder, segment)
        self.operands, self.files = operands, files

    def _place(self, first: int, register: int) -> Pointer:
        build = self.builder
        if not isinstance(register, Operand):
            return build.offset(HART, first + 8 * register)
        distance = build.binary("shl", self.operands.value(register), 3)
        return build.offset(build.offset(HART, distance), first)

    def read_x(self, register: int) -> I64:
        """An integer register; the first is always 0 in the hart's state."""
        return self.builder.load(self._place(self.files["x"], register), REGISTER, I64)

    def write_x(self, register: int, value: I64) -> None:
        """Write an integer register; records name another word in place of the first."""
        self.wrote = value
        if register or isinstance(register, Operand):
            self.builder.store(value, self._place(self.files["x"], register), REGISTER)

    def read_f(self, register: int) -> I64:
        """The 64 bits of a floating-point register."""
        return self.builder.load(self._place(self.files["f"], register), REGISTER, I64)

    def write_f(self, register: int, value: I64) -> None:
        """Write the 64 bits of a floating-point register."""
        self.wrote = value
        self.builder.store(value, self._place(self.files["f"], register), REGISTER)


class HandlerArithmetic(Arithmetic):
    """Arithmetic whose constants may be operands.

    Args:
        builder, segment, spans, pieces: as for Arithmetic.
        operands: reads them.
    """

    def __init__(
        self,
        builder: Builder,
        segment: Segment,
        spans: PlainRam,
        pieces: Pieces,
        operands: Operands,
    ) -> None:
        super().__init__(builder, segment, spans, pieces)
        self.operands = operands

    def constant(self, value: int) -> I64:
        """A constant, or an operand."""
        if isinstance(value, Operand):
            return self.operands.value(value)
        return super().constant(value)

    def pc_plus(self, displacement: int) -> I64:
        """The address at a displacement, which may be an operand."""
        return self.operands.value(HERE + displacement)


HERE = Operand(0, (PC,))
"""The instruction's own address."""


PARTS = {Reason.ACCESS: "{}_second", Reason.ROUNDING: "{}_lacking"}
"""Further parts of a handler: for accesses that are not to plain RAM, and for the rounding mode in
float control that the host lacks; their names, by that of the first."""


class Handler:
    """Emits a handler.

    Args:
        isa: whose table it is.
        name: of the function.
        sample: an instruction that it is for.
        far: whether what it jumps to by a distance may lie in another page.
        part: what this part of it is for, of PARTS; None for the first, which needs nothing on the
            stack, as others make the calls.
    """

    def __init__(
        self,
        isa: InterpretedIsa,
        name: str,
        sample: Decoded,
        far: bool,
        part: Reason | None = None,
    ) -> None:
        self.isa, self.name, self.sample, self.far = isa, name, sample, far
        name = name if part is None else PARTS[part].format(name)
        facts = isa.code.facts(sample.word)
        self.kind = facts.kind
        self.function = Function(f"{CONVENTION} void @{name}", PARAMETERS)
        self.builder = build = Builder(self.function)
        self.segment, labels = Segment(), Labels()
        self.segment.place = Place(Instruction(PageOffset(0), sample.word, facts), 1)
        sites = Sites()
        host = isa.llvm.host_float
        windows, calls = Windows(build, host), Calls(build, host)
        counts = Counts(build, sites, calls)
        parts = build, labels, self.segment
        self.exits = HandlerExits(*parts, counts, windows)
        if part is None:
            self.exits.further = {why: form.format(name) for why, form in PARTS.items()}
        if isa.events is not None:
            self.exits.raise_illegal = self._raise_illegal
        self.operands = Operands(build)
        translates = isa.translation is not None
        spans = PlainRam(build, self.segment, self.exits, translates)
        self.registers = registers = RecordRegisters(
            build, self.segment, self.operands, isa.llvm.files
        )
        woven = self.woven(build, windows, calls)
        pieces = Pieces(*parts, spans, windows, joined=True)
        floats = isa.llvm.floats
        self.floats: FloatWords | None = None
        if floats is not None:
            self.floats = floats.make_words(build, self.segment, self.exits, host)
            self.floats.for_lacking_mode = part is Reason.ROUNDING
        kind = DeviceAccesses if part is Reason.ACCESS else Accesses
        accesses = kind(isa.llvm, build, self.segment, spans, self.exits, woven)
        accesses.translates = translates
        control = HandlerControl(self, parts, pieces, counts, registers, woven)
        words = Words(
            registers,
            HandlerArithmetic(build, self.segment, spans, pieces, self.operands),
            accesses,
            self.floats,
            control,
            StateChecks(isa.llvm, build, self.exits, control),
        )
        if self.floats is not None:
            words.float = partial(self._float, self.floats)
        self.words: Operations[I64] = words
        self.system = (
            None
            if isa.events is None
            else HandlerSystem(build, self.segment, self.exits, isa, isa.events, self.finish)
        )

    def _raise_illegal(self) -> None:
        """Take the trap; at the end of a page the host does, as not all of the word is there."""
        assert self.isa.events is not None
        build = self.builder
        offset = build.binary("and", pc_at(build, IP), PAGE - 1)
        inside, across = build.new_block("inside"), build.new_block("across")
        build.branch(build.compare("ule", offset, PAGE - self.isa.code.longest), inside, across)
        build.begin(across)
        self.exits.leave(Reason.SYSTEM, ZERO, 0)
        build.begin(inside)
        word = build.binary("and", self.word(offset), (1 << 8 * self.sample.length) - 1)
        cause = constant(self.isa.events.illegal)
        for place, value in ((Word.CAUSE, cause), (Word.TRAP_VALUE, word)):
            build.store(value, build.offset(places.FRAME, 8 * place), COUNTER)
        tail_call(build, f"@{TRAP}", IP, running(build), BLOCK)

    def word(self, offset: I64) -> I64:
        """The instruction at an offset of its page and what is behind it, 32 bits."""
        build = self.builder
        back = build.binary("sub", ZERO, build.binary("shl", offset, RECORD_SHIFT))
        slot = build.load(build.offset(build.offset(IP, back), SLOT_AT), UNKNOWN, I64)
        page = build.offset(frame_pointer(build, Word.CODE), build.binary("shl", slot, PAGE_SHIFT))
        return build.cast("zext", build.load(build.offset(page, offset), UNKNOWN, I32), I64)

    def woven(self, build: Builder, windows: Windows, calls: Calls) -> Woven:
        """What is done where an access is made: nothing."""
        return Woven(build, Sites(), windows, calls, lambda: None)

    def retire(self, target: I64) -> None:
        """The instruction is over, but for the jump to `target` if it is one."""

    def retire_branch(self, taken: I1, displacement: int) -> None:
        """A branch is over, but for going on."""

    def sources(self) -> Iterator[str]:
        """The function, and its further parts."""
        yield self.source()
        for part in sorted(self.exits.needed):
            what = self.isa, self.name, self.sample, self.far
            yield type(self)(*what, part).source()

    def source(self) -> str:
        """The function."""
        build, sample = self.builder, self.sample
        build.begin(places.Labels().entry)
        define_fields(build, self.isa.llvm)
        build.allocate(places.COUNT)
        build.store(RUNNING, places.COUNT, COUNTER)
        instruction = symbolic(sample, self.isa.known(sample))
        sample.row.semantics(self.words, instruction)
        if not self.segment.ended:
            self.finish()
        if self.floats is not None and self.floats.used:
            self.function.attributes = "strictfp #0"
        return "\n".join(self.function.text(advice=True))

    def _float(self, floats: FloatWords, operation: str, rounding: int, *operands: I64) -> I64:
        """A floating-point operation, whose rounding mode may be an operand."""
        mode = self.operands.value(rounding) if isinstance(rounding, Operand) else rounding
        return floats.float(operation, cast("int", mode), *operands)

    def finish(self) -> None:
        """The instruction is over; go on behind it."""
        self.retire(ZERO)
        self.go_on()

    def go_on(self) -> None:
        """Go on behind the instruction."""
        build = self.builder
        if self.system is not None and self.system.changed:
            self._look_at_status(self.operands.value(HERE + self.sample.length))
            return
        following = build.offset(IP, self.sample.length << RECORD_SHIFT)
        if self.kind.ends_block:
            self.enter(following)
            return
        counted = with_this(build)
        tail_call(build, handler_of(build, following), following, counted, BLOCK)

    def enter(self, ip: Pointer) -> None:
        """Enter a block of this page, with a look for requests if it is time for one."""
        build = self.builder
        counted = with_this(build, ONE_BLOCK)
        block = build.cast("ptrtoint", ip, I64)
        on, look = build.new_block("on"), build.new_block("look")
        build.branch(build.compare("slt", counted, 0), on, look, UNLIKELY)
        with build.cold():
            build.begin(look)
            tail_call(build, LOOK, ip, counted, block)
        build.begin(on)
        tail_call(build, self.entry_of(ip), ip, counted, block)

    def entry_of(self, ip: Pointer) -> Pointer:
        """What enters the block that begins with a record: its handler."""
        return handler_of(self.builder, ip)

    def _look_at_status(self, pc: I64) -> None:
        """Go on at an address, or at an interrupt's handler."""
        build = self.builder
        build.store(pc, places.PC, COUNTER)
        tail_call(build, f"@{STATUS}", IP, with_this(build), BLOCK)

    def go_to(self, target: int | I64) -> None:
        """Go to an address, or to one that operands say."""
        build = self.builder
        if self.system is not None and self.system.changed:
            self._look_at_status(I64(target))
            return
        if isinstance(target, Operand) and not self.far:
            distance = self.operands.value(Operand(0, target.parts[1:], target.number))
            self.enter(build.offset(IP, build.binary("shl", distance, RECORD_SHIFT)))
            return
        pc = self.operands.value(target) if isinstance(target, Operand) else I64(target)
        tail_call(build, DISPATCH, IP, with_this(build), pc)


class HandlerControl(ControlFlow):
    """The end of an instruction, which is that of its handler."""

    def __init__(
        self,
        handler: Handler,
        parts: tuple[Builder, Labels, Segment],
        pieces: Pieces,
        counts: Counts,
        registers: RegisterAccesses,
        woven: Woven,
    ) -> None:
        nothing: frozenset[PageOffset] = frozenset()
        exits = handler.exits
        flow = RegisterFlow(parts[1])
        super().__init__(*parts, nothing, False, pieces, counts, exits, registers, woven, flow)
        self.handler = handler

    def leave(self, word: int) -> None:
        """Leave the instruction to the host, which finds its word; it counts as retired."""
        self.exits.leave(Reason.SYSTEM, ZERO, 0)
        self.segment.ended = True

    def system(self, word: int, does: Callable[[SystemWords[I64]], None] | None = None) -> None:
        """Do it natively if there are words for it."""
        system = self.handler.system
        if does is None or system is None:
            self.leave(word)
        else:
            does(system)

    def jump(self, target: I64) -> None:
        """Go on at an address."""
        self.handler.retire(target)
        self.handler.go_to(self.handler.operands.direct.get(target, target))
        self.segment.ended = True

    def branch(self, condition: I64, displacement: int) -> None:
        """Go on at a displacement, by `yes`, if condition is not 0, else behind it, by `no`."""
        build = self.builder
        taken = build.compare("ne", condition, 0)
        self.handler.retire_branch(taken, displacement)
        yes, no = build.new_block("yes"), build.new_block("no")
        build.branch(taken, yes, no)
        build.begin(yes)
        self.handler.go_to(HERE + displacement)
        build.begin(no)
        self.handler.go_on()
        self.segment.ended = True
