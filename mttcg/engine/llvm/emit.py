"""LLVM text for the instructions of a block: `Operations` on the names of SSA values.

Within a block registers are SSA values; every write also goes to the register's place at once,
which `page` says: the hart state itself, or a slot that LLVM turns into SSA values across blocks.
TBAA keeps registers, counters and guest memory apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from mttcg.engine.llvm import rounding as mxcsr
from mttcg.engine.llvm.floating import FRM_SHIFT, Floats
from mttcg.engine.llvm.frame import ONE_INSTRUCTION, WITHIN, Reason, Word
from mttcg.engine.llvm.observed import Access, Entries, Moment, Retired
from mttcg.engine.llvm.ram import Ram, Spans
from mttcg.engine.llvm.text import COUNTER, MEMORY, REGISTER, UNLIKELY, Text
from mttcg.engine.llvm.weave import Sites
from mttcg.engine.llvm.woven import Woven
from mttcg.instrument import events
from mttcg.isa.riscv64.classes import destination_of
from mttcg.isa.riscv64.csr import MSTATUS_FS
from mttcg.isa.riscv64.encoding import length
from mttcg.isa.riscv64.hart import NO_RESERVATION, OFFSET
from mttcg.isa.riscv64.operations import Amo, Binary, Bits, Compare, Shift

ATOMIC_RMW: dict[Amo, str] = {
    "swap": "xchg",
    "add": "add",
    "xor": "xor",
    "and": "and",
    "or": "or",
    "min": "min",
    "max": "max",
    "minu": "umin",
    "maxu": "umax",
}
AQ, RL = 26, 25
"""Bits of an atomic instruction."""
HOST_MODES = 4
"""All but to nearest with ties to the larger magnitude; their numbers come first."""
FOLDED: dict[Binary, Callable[[int, int], int]] = {"add": int.__add__, "and": int.__and__}
"""What a jump to a known address is computed with."""
OPAQUE_JUMP = 'callbr void asm sideeffect "", "!i"()'
"""No instruction, but passes do not know that the second way is never gone, and join nothing."""
PREDICATES: dict[str, str] = {"min": "slt", "max": "sgt", "minu": "ult", "maxu": "ugt"}
COUNTS = {"leading": "ctlz", "trailing": "cttz", "ones": "ctpop"}


@dataclass(frozen=True)
class Place:
    """Where in its block an instruction is.

    `left` is how many instructions of the block, this one included, are counted but not retired
    while it runs.
    """

    pc: int
    word: int
    left: int

    @property
    def following(self) -> int:
        """Address after it."""
        return self.pc + length(self.word)


class Pending(NamedTuple):
    """What was run and is not counted yet: instructions and blocks in one number, and entries."""

    amount: int = 0
    entries: Entries | None = None


class Emitter:
    """Emits one block after another into a page's function.

    Args:
        text: where to.
        ram: guest RAM, and which of its pages are not plain.
        leaders: addresses of the page that have a label.
        sites: what the plan has for the page.
        slot: of the page in the block cache.
        held: whether passes follow that join what is only divided by a jump.
    """

    def __init__(
        self,
        text: Text,
        ram: Ram,
        leaders: frozenset[int],
        sites: Sites,
        slot: int,
        held: bool = False,
    ) -> None:
        self.text, self.leaders, self.held = text, leaders, held
        self.woven = Woven(text, sites, slot, self.leave_if_asked)
        self.observed = bool(sites.every_access)
        self.prompt = sites.call_python()
        self.spans = Spans(text, ram, self._leave_at_access)
        self.known: dict[int, str] = {}
        self.place = Place(0, 0, 0)
        self.leader = 0
        self.pending = Pending()
        self.next_round = ""
        self.calls_out = False  # the place is a call, for which there may be better code by now
        self.reached: set[int] = set()  # leaders that are gone to
        self.wrote = "0"
        self.ended = False
        self.read: set[str] = set()
        self.written: set[str] = set()
        self.needed: set[str] = set()  # registers of the segment that were read before written
        self.overwritten: set[str] = set()
        self.float_checked = self.rounding_checked = self.uses_float = False
        self.floats = Floats(text)

    def begin(self, leader: int, again: bool, retreat: str = "") -> None:
        """Begin a segment; `again`: right behind itself, so that what is known still is.

        retreat: where it may go from its beginning, if an access is not to plain RAM.
        """
        self.leader, self.ended = leader, False
        self.float_checked = self.rounding_checked = False
        if not again:
            self.known.clear()
        self.needed.clear()
        self.overwritten.clear()
        self.spans.retreat = retreat

    def _needs(self, register: str) -> None:
        if register not in self.overwritten:
            self.needed.add(register)

    def _changes(self, register: str) -> None:
        """A segment that wrote what it needs can't begin anew."""
        self.overwritten.add(register)
        if register in self.needed:
            self.spans.retreat = ""

    # values

    def constant(self, value: int) -> str:
        """A 64-bit constant."""
        value &= (1 << 64) - 1
        return str(value - (value >> 63 << 64))

    def read_x(self, register: int) -> str:
        """An integer register; x0 reads 0."""
        if register == 0:
            return "0"
        self.read.add(f"x{register}")
        self._needs(f"x{register}")
        if register not in self.known:
            self.known[register] = self.text.value(f"load i64, ptr %x{register}, {REGISTER}")
        return self.known[register]

    def write_x(self, register: int, value: str) -> None:
        """Write an integer register; x0 ignores it."""
        if register:
            self.wrote = value
            self.known[register] = value
            self.written.add(f"x{register}")
            self._changes(f"x{register}")
            self.text.do(f"store i64 {value}, ptr %x{register}, {REGISTER}")

    def read_f(self, register: int) -> str:
        """The 64 bits of a floating-point register."""
        self.read.add(f"f{register}")
        self._needs(f"f{register}")
        return self.text.value(f"load i64, ptr %f{register}, {REGISTER}")

    def write_f(self, register: int, value: str) -> None:
        """Write the 64 bits of a floating-point register."""
        self.wrote = value
        self.written.add(f"f{register}")
        self._changes(f"f{register}")
        self.text.do(f"store i64 {value}, ptr %f{register}, {REGISTER}")

    def _narrow(self, value: str, bits: int) -> str:
        return value if bits == 64 else self.text.value(f"trunc i64 {value} to i{bits}")

    def _widen(self, value: str, bits: int) -> str:
        return value if bits == 64 else self.text.value(f"zext i{bits} {value} to i64")

    def binary(self, operation: Binary, a: str, b: str, bits: Bits = 64) -> str:
        """Arithmetic modulo 2^bits; 32-bit results come zero-extended."""
        if operation in FOLDED and bits == 64 and is_literal(a) and is_literal(b):
            return self.constant(FOLDED[operation](int(a), int(b)))
        a, b = self._narrow(a, bits), self._narrow(b, bits)
        result = self._widen(self.text.value(f"{operation} i{bits} {a}, {b}"), bits)
        if operation == "add" and bits == 64 and is_literal(b):
            self.spans.add(result, a, int(b))
        return result

    def shift(self, operation: Shift, value: str, amount: str, bits: Bits = 64) -> str:
        """Shift by amount modulo bits; 32-bit results come zero-extended."""
        value, amount = self._narrow(value, bits), self._narrow(amount, bits)
        amount = self.text.value(f"and i{bits} {amount}, {bits - 1}")
        return self._widen(self.text.value(f"{operation} i{bits} {value}, {amount}"), bits)

    def multiply_high(self, a: str, b: str, signed_a: bool, signed_b: bool) -> str:
        """Upper 64 bits of the 128-bit product.

        LLVM's instruction selection takes twice as long for each product of products that it sees.
        """
        self._begin_basic_block()
        wide = []
        for value, signed in ((a, signed_a), (b, signed_b)):
            wide.append(self.text.value(f"{'sext' if signed else 'zext'} i64 {value} to i128"))
        product = self.text.value(f"mul i128 {wide[0]}, {wide[1]}")
        upper = self.text.value(f"lshr i128 {product}, 64")
        return self.text.value(f"trunc i128 {upper} to i64")

    def compare(self, operation: Compare, a: str, b: str) -> str:
        """1 or 0, of two 64-bit values."""
        bit = self.text.value(f"icmp {operation} i64 {a}, {b}")
        return self.text.value(f"zext i1 {bit} to i64")

    def _bit(self, value: str) -> str:
        return self.text.value(f"icmp ne i64 {value}, 0")

    def select(self, condition: str, a: str, b: str) -> str:
        """a if condition is not 0, else b."""
        return self.text.value(f"select i1 {self._bit(condition)}, i64 {a}, i64 {b}")

    def sign_extend(self, value: str, bits: int) -> str:
        """The low `bits` bits as a signed number."""
        return self.text.value(f"sext i{bits} {self._narrow(value, bits)} to i64")

    def zero_extend(self, value: str, bits: int) -> str:
        """The low `bits` bits as an unsigned number."""
        return self._widen(self._narrow(value, bits), bits)

    def count(self, what: str, value: str, bits: Bits) -> str:
        """Zeros in front, zeros behind, or ones."""
        value = self._narrow(value, bits)
        flag = "" if what == "ones" else ", i1 false"
        call = f"call i{bits} @llvm.{COUNTS[what]}.i{bits}(i{bits} {value}{flag})"
        return self._widen(self.text.value(call), bits)

    def byte_swap(self, value: str) -> str:
        """The eight bytes in reverse."""
        return self.text.value(f"call i64 @llvm.bswap.i64(i64 {value})")

    # leaving

    def leave(self, word: int) -> None:
        """Leave the instruction to the host; it counts as retired."""
        self.end()
        self._exit(self.text.lines, Reason.SYSTEM, self.constant(word), self.place.left - 1)
        self.ended = True

    illegal = leave

    def require_float(self, word: int) -> None:
        """Leave, as an illegal instruction, if mstatus.FS is off; it stays on within a block."""
        if self.float_checked:
            return
        self.float_checked = True
        status = self.text.value(f"load i64, ptr %mstatus, {COUNTER}")
        field = self.text.value(f"and i64 {status}, {MSTATUS_FS}")
        on = self.text.value(f"icmp ne i64 {field}, 0")
        self.leave_unless(on, Reason.SYSTEM, self.constant(word), retired=1)

    def read_fcsr(self) -> str:
        """The floating-point control and status register."""
        label = self.text.name()[1:]
        self.text.lines += mxcsr.leave(f"leave{label}")
        self.text.lines += mxcsr.enter(f"enter{label}")
        return self.text.value(f"load i64, ptr %fcsr, {COUNTER}")

    def write_fcsr(self, value: str) -> None:
        """Write fcsr."""
        self.spans.retreat = ""
        self.text.do(f"store i64 {value}, ptr %fcsr, {COUNTER}")
        self.text.lines += mxcsr.enter(f"mode{self.text.name()[1:]}")
        self.rounding_checked = False

    def end(self) -> None:
        """End the straight-line piece, before a jump, or a round before the next of its loop."""
        if self.next_round:
            self.spans.end_round()
        else:
            self.spans.end()
            self.woven.end()

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
        self.woven.leave(lines)
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

    # memory

    def _leave_at_access(self, lines: list[str], address: str) -> None:
        self._exit(lines, Reason.ACCESS, address, self.place.left)

    def load(self, address: str, size: int) -> str:
        """Memory, zero-extended."""
        place = self.spans.place(address, size)
        loaded = self.text.value(f"load i{8 * size}, ptr {place}, align 1, {MEMORY}")
        value = self._widen(loaded, 8 * size)
        self._observe(address, size, value, 0)
        return value

    def store(self, address: str, size: int, value: str) -> None:
        """Store the low `size` bytes."""
        place = self.spans.place(address, size)
        self.spans.retreat = ""
        narrow = self._narrow(value, 8 * size)
        if self.observed:
            self._observe(address, size, self._widen(narrow, 8 * size), events.WRITE)
        self.text.do(f"store i{8 * size} {narrow}, ptr {place}, align 1, {MEMORY}")

    def _atomic_place(self, address: str, size: int, misaligned: Reason) -> str:
        self.spans.retreat = ""
        low = self.text.value(f"and i64 {address}, {size - 1}")
        self.leave_unless(self.text.value(f"icmp eq i64 {low}, 0"), misaligned, address)
        self.leave_unless(self.spans.inside(address, size), Reason.ATOMIC_ACCESS, address)
        return self.spans.host_address(address)

    def load_reserved(self, address: str, size: int) -> str:
        """LR, zero-extended."""
        place = self._atomic_place(address, size, Reason.LOAD_MISALIGNED)
        before = self.woven.before_atomic()
        loaded = self.text.value(f"load atomic i{8 * size}, ptr {place} seq_cst, align {size}")
        value = self._widen(loaded, 8 * size)
        self.text.do(f"store i64 {address}, ptr %reservation, {COUNTER}")
        self.text.do(f"store i64 {value}, ptr %reserved, {COUNTER}")
        moment = self.woven.after_atomic(before)
        self._observe(address, size, value, self._ordered(events.LOAD_RESERVED), moment)
        return value

    def store_conditional(self, address: str, size: int, value: str) -> str:
        """SC: a compare-and-swap against what LR read."""
        place = self._atomic_place(address, size, Reason.STORE_MISALIGNED)
        text, bits = self.text, 8 * size
        held = text.value(f"load i64, ptr %reservation, {COUNTER}")
        text.do(f"store i64 {NO_RESERVATION - (1 << 64)}, ptr %reservation, {COUNTER}")
        same = text.value(f"icmp eq i64 {held}, {address}")
        new = self._narrow(value, bits)
        began = self.woven.before_atomic()
        label, before = text.name()[1:], text.label
        text.do(f"br i1 {same}, label %try{label}, label %no{label}")
        text.do(f"try{label}:")
        old = self._narrow(text.value(f"load i64, ptr %reserved, {COUNTER}"), bits)
        pair = text.value(f"cmpxchg ptr {place}, i{bits} {old}, i{bits} {new} seq_cst seq_cst")
        stored = text.value(f"extractvalue {{ i{bits}, i1 }} {pair}, 1")
        text.do(f"br label %no{label}")
        text.do(f"no{label}:")
        done = text.value(f"phi i1 [ {stored}, %try{label} ], [ false, %{before} ]")
        failed = text.value(f"xor i1 {done}, true")
        if self.observed:
            how, moment = events.STORE_CONDITIONAL, self.woven.after_atomic(began)
            stored_value = self._widen(new, bits)
            how = self._ordered(how | events.WRITE)
            self.woven.access_if(
                done, Access(self.place.pc, address, size, stored_value, how, moment)
            )
        return text.value(f"zext i1 {failed} to i64")

    def amo(self, operation: Amo, address: str, size: int, value: str) -> str:
        """What was there before, zero-extended."""
        place = self._atomic_place(address, size, Reason.STORE_MISALIGNED)
        bits = 8 * size
        new = self._narrow(value, bits)
        before = self.woven.before_atomic()
        old = self.text.value(
            f"atomicrmw {ATOMIC_RMW[operation]} ptr {place}, i{bits} {new} seq_cst"
        )
        if self.observed:
            moment, how = self.woven.after_atomic(before), self._ordered(events.AMO)
            stored = self._widen(self._stored_by(operation, old, new, bits), bits)
            self._observe(address, size, self._widen(old, bits), how, moment)
            self._observe(address, size, stored, how | events.WRITE, moment)
        return self._widen(old, bits)

    def _stored_by(self, operation: Amo, old: str, new: str, bits: int) -> str:
        """What an AMO left in memory."""
        if operation == "swap":
            return new
        if operation in PREDICATES:
            bit = self.text.value(f"icmp {PREDICATES[operation]} i{bits} {old}, {new}")
            return self.text.value(f"select i1 {bit}, i{bits} {old}, i{bits} {new}")
        return self.text.value(f"{operation} i{bits} {old}, {new}")

    # what a plan adds

    def leave_if_asked(self) -> None:
        """After an operation in Python: registers may be new, and it may have asked for a stop."""
        self.known.clear()
        self.float_checked = self.rounding_checked = False
        asked = self.text.value("load atomic i64, ptr %exit monotonic, align 8")
        none = self.text.value(f"icmp eq i64 {asked}, 0")
        self.leave_unless(none, Reason.CALLBACK, "0")

    def _observe(
        self, address: str, size: int, value: str, how: int, moment: Moment | None = None
    ) -> None:
        if self.observed:
            self.woven.access(Access(self.place.pc, address, size, value, how, moment))

    def _ordered(self, how: int) -> int:
        """With the aq and rl of the atomic instruction."""
        acquire, release = self.place.word >> AQ & 1, self.place.word >> RL & 1
        return how | events.ACQUIRE * acquire | events.RELEASE * release

    def fence(self, predecessor: int, successor: int, mode: int) -> None:
        """A fence; the host orders all but stores before loads by itself."""
        strong = mode != 8 and predecessor & 0b0101 and successor & 0b1010
        self.text.do(f"fence {'seq_cst' if strong else 'acq_rel'}")
        sets = str(mode << 8 | predecessor << 4 | successor)
        self.woven.order(Access(self.place.pc, "0", 0, sets, events.FENCE))

    def retire(self, target: str = "0") -> None:
        """The instruction is over, but for the jump to `target` if it is one."""
        if not self.woven.sites.every_retired:
            return
        place, register = self.place, destination_of(self.place.word)
        value = self.wrote if register else "0"
        self.woven.after_instruction(
            Retired(place.pc, place.word, register, value, target, self._count_retired)
        )

    def _count_retired(self) -> str:
        """How many instructions were retired with this one, which ends its block."""
        text = self.text
        running = text.value(f"load i64, ptr %count, {COUNTER}")
        since = text.value(f"load i64, ptr %since, {COUNTER}")
        counted = text.value(f"sub i64 {running}, {since}")
        whole = text.value(f"add i64 {counted}, {self.pending.amount}")
        here = text.value(f"ashr i64 {whole}, {ONE_INSTRUCTION.bit_length() - 1}")
        before = text.value(f"load i64, ptr %instructions, {COUNTER}")
        return text.value(f"add i64 {before}, {here}")

    # where to go on

    def jump(self, target: str) -> None:
        """Go on at an address."""
        self.retire(target)
        self.end()
        if is_literal(target):
            self.goto(int(target) & (1 << 64) - 1)
        else:
            self.text.do(f"store i64 {target}, ptr %next, {REGISTER}")
            self.text.do(f"br label %{'dispatch' if self.leaders else 'out'}")
        self.ended = True

    def branch(self, condition: str, target: int) -> None:
        """Go on at a known address if condition is not 0, else after the instruction."""
        self.retire()
        self.end()
        label = self.text.name()[1:]
        self.text.do(f"br i1 {self._bit(condition)}, label %yes{label}, label %no{label}")
        self.text.do(f"yes{label}:")
        self.goto(target)
        self.text.do(f"no{label}:")
        if self.next_round:
            self.woven.leave(self.text.lines)
        self.goto(self.place.following)
        self.ended = True

    def goto(self, target: int) -> None:
        """Go on at a known address: a block of this page, or out by the dispatcher."""
        if target == self.leader and self.next_round:
            self.text.do(f"br label %{self.next_round}")
            return
        self.settle(self.text.lines, self.pending)
        if target in self.leaders and not self.calls_out:
            # every loop has a jump backward, or one by the dispatcher, which looks as well;
            # what Python changes is in force with the next block, whichever that is
            self.reached.add(target)
            head = "r" if target <= self.place.pc or self.prompt else "b"
            self.text.do(f"br label %{head}{target:x}")
        else:
            self.leave_to(target)

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

    def float(self, operation: str, rounding: int, *operands: str) -> str:
        """A floating-point operation."""
        self.uses_float = True
        self.spans.retreat = ""  # it may raise flags
        return self.floats.emit(operation, rounding, operands)

    def require_rounding(self, word: int) -> None:
        """Leave if fcsr.frm holds a mode that the host lacks, or a reserved one."""
        if self.rounding_checked:
            return
        self.rounding_checked = True
        fcsr = self.text.value(f"load i64, ptr %fcsr, {COUNTER}")
        mode = self.text.value(f"lshr i64 {fcsr}, {FRM_SHIFT}")
        good = self.text.value(f"icmp ule i64 {mode}, {HOST_MODES - 1}")
        self.leave_unless(good, Reason.ROUNDING, self.constant(word), retired=1)


def is_literal(value: str) -> bool:
    """Whether an operand is a number, not a name."""
    return value.lstrip("-").isdigit()


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
