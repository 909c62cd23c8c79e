"""Accesses to guest memory, and their order."""

from mttcg.engine.llvm.exits import Exits
from mttcg.engine.llvm.frame import Reason
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, GUEST
from mttcg.engine.llvm.ir.values import I1, I64, I128, INTEGERS, ZERO, Pointer, Value, constant
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.observed import Moment, ObservedAccess
from mttcg.engine.llvm.pauses import pause
from mttcg.engine.llvm.places import RESERVATION, RESERVED
from mttcg.engine.llvm.ram import Spans
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.widths import narrow, widen
from mttcg.engine.llvm.woven import Woven
from mttcg.instrument import events
from mttcg.isa.operations import PAUSE, Amo

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
PREDICATES: dict[str, str] = {"min": "slt", "max": "sgt", "minu": "ult", "maxu": "ugt"}


class Accesses:
    """The part of `Operations` that goes to memory; the plan is told of it.

    Args:
        isa: the guest's.
        builder: of the function.
        segment: that is being emitted.
        spans: what the piece accesses.
        exits: the ways out.
        woven: what the plan adds.
    """

    def __init__(
        self,
        isa: LlvmIsa,
        builder: Builder,
        segment: Segment,
        spans: Spans,
        exits: Exits,
        woven: Woven,
    ) -> None:
        self.isa, self.builder, self.segment = isa, builder, segment
        self.spans, self.exits, self.woven = spans, exits, woven
        self.translates = False

    def load(self, address: I64, size: int) -> I64:
        """Memory, zero-extended."""
        build = self.builder
        place = self.spans.place(address, size)
        value = widen(build, build.load(place, GUEST, INTEGERS[8 * size]))
        self._observe(address, size, value, 0)
        return value

    def store(self, address: I64, size: int, value: I64) -> None:
        """Store the low `size` bytes."""
        place = self.spans.place(address, size, stores=True)
        self.segment.restart = None
        low = narrow(self.builder, value, 8 * size)
        if self._is_observed():
            self._observe(address, size, widen(self.builder, low), events.WRITE)
        self.builder.store(low, place, GUEST)

    def _atomic_place(
        self, address: I64, size: int, misaligned: Reason, stores: bool = True
    ) -> tuple[Pointer, I64]:
        """Where it is made, and the physical address, by which it is reserved."""
        build = self.builder
        self.segment.restart = None
        aligned = build.compare("eq", build.binary("and", address, size - 1), 0)
        self.exits.leave_unless(aligned, misaligned, address)
        return self.find_atomic(address, size, stores)

    def find_atomic(self, address: I64, size: int, stores: bool) -> tuple[Pointer, I64]:
        """As `_atomic_place`, of an aligned address."""
        return self.spans.atomic_place(address, size, stores)

    def load_reserved(self, address: I64, size: int) -> I64:
        """See Operations."""
        build = self.builder
        misaligned = Reason.LOAD_MISALIGNED
        place, physical = self._atomic_place(address, size, misaligned, stores=False)
        _, release = self.isa.order(self.segment.place.word)
        if release:
            build.fence("seq_cst")  # a load of the host does not wait for stores before it
        before = self.woven.before_atomic()
        value = widen(build, build.load_atomic(place, "seq_cst", INTEGERS[8 * size]))
        build.store(physical, RESERVATION, COUNTER)
        build.store(value, RESERVED, COUNTER)
        moment = self.woven.after_atomic(before)
        self._observe(address, size, value, self._ordered(events.LOAD_RESERVED), moment)
        return value

    def store_conditional(self, address: I64, size: int, value: I64) -> I64:
        """A compare-and-swap against what the load that reserved read."""
        build = self.builder
        place, physical = self._atomic_place(address, size, Reason.STORE_MISALIGNED)
        reserved = build.load(RESERVATION, COUNTER, I64)
        build.store(self.isa.no_reservation, RESERVATION, COUNTER)
        same = build.compare("eq", reserved, physical)
        new = narrow(build, value, 8 * size)
        began = self.woven.before_atomic()
        done = self._exchange_if(same, place, new, 8 * size)
        failed = build.binary("xor", done, I1("true"))
        if self._is_observed():
            how, moment = events.STORE_CONDITIONAL, self.woven.after_atomic(began)
            stored = widen(build, new)
            how = self._ordered(how | events.WRITE)
            access = ObservedAccess(self.segment.place.offset, address, size, stored, how, moment)
            self.woven.access_if(done, access)
        return build.cast("zext", failed, I64)

    def _exchange_if(self, same: I1, place: Pointer, new: Value, bits: int) -> I1:
        """In `try`, if the reservation is the same, store unless memory has changed; then `no`."""
        build = self.builder
        attempt, on, before = build.new_block("try"), build.new_block("no"), build.block
        build.branch(same, attempt, on)
        build.begin(attempt)
        old = narrow(build, build.load(RESERVED, COUNTER, I64), bits)
        stored = build.extract(build.compare_and_swap(place, old, new, bits), 1, I1)
        build.goto(on)
        build.begin(on)
        return build.phi(I1, (stored, attempt), (I1("false"), before))

    def compare_and_swap(
        self, address: I64, size: int, expected: tuple[I64, ...], value: tuple[I64, ...]
    ) -> tuple[I64, ...]:
        """See Operations; the plan is told of each part."""
        build, bits, part = self.builder, 8 * size, size // len(value)
        place, _ = self._atomic_place(address, size, Reason.STORE_MISALIGNED)
        old, new = (self._joined(parts, bits) for parts in (expected, value))
        before = self.woven.before_atomic()
        pair = build.compare_and_swap(place, old, new, bits)
        found = self._divided(build.extract(pair, 0, INTEGERS[bits]), len(value))
        if self._is_observed():
            done, moment = build.extract(pair, 1, I1), self.woven.after_atomic(before)
            for number, stored in enumerate(value):
                at = build.binary("add", address, number * part)
                low = widen(build, narrow(build, stored, 8 * part))
                self._observe_exchange(at, part, found[number], low, done, moment)
        return found

    def _joined(self, parts: tuple[I64, ...], bits: int) -> Value:
        """One value, or two together."""
        build = self.builder
        if len(parts) == 1:
            return narrow(build, parts[0], bits)
        low, high = (build.cast("zext", part, I128) for part in parts)
        return build.binary("or", build.binary("shl", high, 64), low)

    def _divided(self, whole: Value, parts: int) -> tuple[I64, ...]:
        build = self.builder
        if parts == 1:
            return (widen(build, whole),)
        upper = build.cast("trunc", build.binary("lshr", whole, 64), I64)
        return build.cast("trunc", whole, I64), upper

    def _observe_exchange(
        self, address: I64, size: int, found: I64, stored: I64, done: I1, moment: Moment | None
    ) -> None:
        """Tell the plan of what was read, and of what was stored if the bit `done` is set."""
        how = self._ordered(events.AMO)
        self._observe(address, size, found, how, moment)
        place = self.segment.place.offset
        access = ObservedAccess(place, address, size, stored, how | events.WRITE, moment)
        self.woven.access_if(done, access)

    def amo(self, operation: Amo, address: I64, size: int, value: I64) -> I64:
        """What was there before, zero-extended."""
        build = self.builder
        place, _ = self._atomic_place(address, size, Reason.STORE_MISALIGNED)
        new = narrow(build, value, 8 * size)
        before = self.woven.before_atomic()
        old = build.atomic(ATOMIC_RMW[operation], place, new)
        if self._is_observed():
            moment, how = self.woven.after_atomic(before), self._ordered(events.AMO)
            stored = widen(build, self._stored_by(operation, old, new))
            self._observe(address, size, widen(build, old), how, moment)
            self._observe(address, size, stored, how | events.WRITE, moment)
        return widen(build, old)

    def _stored_by(self, operation: Amo, old: Value, new: Value) -> Value:
        """What an atomic operation left in memory."""
        if operation == "swap":
            return new
        if operation in PREDICATES:
            bit = self.builder.compare(PREDICATES[operation], old, new)
            return self.builder.select(bit, old, new, type(old))
        return self.builder.binary(operation, old, new)

    def fence(self, predecessor: int, successor: int, mode: int) -> None:
        """A fence; the host orders all but stores before loads by itself."""
        if mode == PAUSE:
            pause(self.builder)
            return
        strong = mode != 8 and predecessor & 0b0101 and successor & 0b1010
        self.builder.fence("seq_cst" if strong else "acq_rel")
        sets = constant(mode << 8 | predecessor << 4 | successor)
        self.woven.order(ObservedAccess(self.segment.place.offset, ZERO, 0, sets, events.FENCE))

    def _is_observed(self) -> bool:
        return self.woven.observes_accesses

    def _observe(
        self, address: I64, size: int, value: I64, how: int, moment: Moment | None = None
    ) -> None:
        if self._is_observed():
            self.woven.access(
                ObservedAccess(self.segment.place.offset, address, size, value, how, moment)
            )

    def _ordered(self, how: int) -> int:
        """With the order that the atomic instruction asks for."""
        acquire, release = self.isa.order(self.segment.place.word)
        return how | events.ACQUIRE * acquire | events.RELEASE * release
