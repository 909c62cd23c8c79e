"""LLVM text for accesses to guest memory, and for their order."""

from mttcg.engine.llvm.frame import Reason
from mttcg.engine.llvm.observed import Access, Moment
from mttcg.engine.llvm.piece import Piece
from mttcg.engine.llvm.text import COUNTER, MEMORY
from mttcg.instrument import events
from mttcg.isa.operations import Amo
from mttcg.isa.riscv64.state import NO_RESERVATION

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
PREDICATES: dict[str, str] = {"min": "slt", "max": "sgt", "minu": "ult", "maxu": "ugt"}


class Accesses(Piece):
    """The part of `Operations` that goes to memory; the plan is told of it."""

    def load(self, address: str, size: int) -> str:
        """Memory, zero-extended."""
        place = self.spans.place(address, size)
        loaded = self.text.value(f"load i{8 * size}, ptr {place}, align 1, {MEMORY}")
        value = self.text.widen(loaded, 8 * size)
        self._observe(address, size, value, 0)
        return value

    def store(self, address: str, size: int, value: str) -> None:
        """Store the low `size` bytes."""
        place = self.spans.place(address, size)
        self.spans.retreat = ""
        narrow = self.text.narrow(value, 8 * size)
        if self._is_observed():
            self._observe(address, size, self.text.widen(narrow, 8 * size), events.WRITE)
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
        value = self.text.widen(loaded, 8 * size)
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
        new = text.narrow(value, bits)
        began = self.woven.before_atomic()
        label, before = text.name()[1:], text.label
        text.do(f"br i1 {same}, label %try{label}, label %no{label}")
        text.do(f"try{label}:")
        old = text.narrow(text.value(f"load i64, ptr %reserved, {COUNTER}"), bits)
        pair = text.value(f"cmpxchg ptr {place}, i{bits} {old}, i{bits} {new} seq_cst seq_cst")
        stored = text.value(f"extractvalue {{ i{bits}, i1 }} {pair}, 1")
        text.do(f"br label %no{label}")
        text.do(f"no{label}:")
        done = text.value(f"phi i1 [ {stored}, %try{label} ], [ false, %{before} ]")
        failed = text.value(f"xor i1 {done}, true")
        if self._is_observed():
            how, moment = events.STORE_CONDITIONAL, self.woven.after_atomic(began)
            stored_value = text.widen(new, bits)
            how = self._ordered(how | events.WRITE)
            self.woven.access_if(
                done, Access(self.place.pc, address, size, stored_value, how, moment)
            )
        return text.value(f"zext i1 {failed} to i64")

    def amo(self, operation: Amo, address: str, size: int, value: str) -> str:
        """What was there before, zero-extended."""
        place = self._atomic_place(address, size, Reason.STORE_MISALIGNED)
        bits = 8 * size
        new = self.text.narrow(value, bits)
        before = self.woven.before_atomic()
        old = self.text.value(
            f"atomicrmw {ATOMIC_RMW[operation]} ptr {place}, i{bits} {new} seq_cst"
        )
        if self._is_observed():
            moment, how = self.woven.after_atomic(before), self._ordered(events.AMO)
            stored = self.text.widen(self._stored_by(operation, old, new, bits), bits)
            self._observe(address, size, self.text.widen(old, bits), how, moment)
            self._observe(address, size, stored, how | events.WRITE, moment)
        return self.text.widen(old, bits)

    def _stored_by(self, operation: Amo, old: str, new: str, bits: int) -> str:
        """What an AMO left in memory."""
        if operation == "swap":
            return new
        if operation in PREDICATES:
            bit = self.text.value(f"icmp {PREDICATES[operation]} i{bits} {old}, {new}")
            return self.text.value(f"select i1 {bit}, i{bits} {old}, i{bits} {new}")
        return self.text.value(f"{operation} i{bits} {old}, {new}")

    def fence(self, predecessor: int, successor: int, mode: int) -> None:
        """A fence; the host orders all but stores before loads by itself."""
        strong = mode != 8 and predecessor & 0b0101 and successor & 0b1010
        self.text.do(f"fence {'seq_cst' if strong else 'acq_rel'}")
        sets = str(mode << 8 | predecessor << 4 | successor)
        self.woven.order(Access(self.place.pc, "0", 0, sets, events.FENCE))

    def _is_observed(self) -> bool:
        return bool(self.woven.sites.every_access)

    def _observe(
        self, address: str, size: int, value: str, how: int, moment: Moment | None = None
    ) -> None:
        if self._is_observed():
            self.woven.access(Access(self.place.pc, address, size, value, how, moment))

    def _ordered(self, how: int) -> int:
        """With the aq and rl of the atomic instruction."""
        acquire, release = self.place.word >> AQ & 1, self.place.word >> RL & 1
        return how | events.ACQUIRE * acquire | events.RELEASE * release
