"""Accesses of the second half of a handler: to devices, and to pages that have no row."""

from mttcg.engine.llvm.accesses import Accesses
from mttcg.engine.llvm.address_rows import ACCESS_SHIFT, LOADS, STORES, TranslationOutcome
from mttcg.engine.llvm.counts import INSTRUCTION_SHIFT
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.interpreter.device_functions import LOAD, LOOK, STORE
from mttcg.engine.llvm.ir.forms import COUNTER, GUEST, UNKNOWN
from mttcg.engine.llvm.ir.values import I64, INTEGERS, ZERO, BasicBlock, Pointer
from mttcg.engine.llvm.observed import Moment
from mttcg.engine.llvm.places import COUNT, DETAIL, FRAME, HART, SINCE
from mttcg.engine.llvm.widths import narrow, widen
from mttcg.instrument import events

FAULTS_OF = {
    LOADS: (Reason.LOAD_PAGE_FAULT, Reason.LOAD_FAULT),
    STORES: (Reason.STORE_PAGE_FAULT, Reason.STORE_FAULT),
}
"""By the kind of an access, the reasons for its page fault and its access fault."""


class DeviceAccesses(Accesses):
    """Accesses that native code makes to registers of devices, or leaves to the host.

    With address translation it translates first, so RAM comes here as well.
    """

    def load(self, address: I64, size: int) -> I64:
        """Memory or a register, zero-extended."""
        build = self.builder
        if not self.translates:
            return self._load_from(self._register(address, address, size), address, size)
        ram, device, on = (build.new_block(word) for word in ("ram", "device", "on"))
        physical = self._translate(address, size, LOADS, ram, device)
        build.begin(device)
        register = self._register(physical, address, size)
        end = build.block
        build.goto(on)
        build.begin(ram)
        plain = self.spans.host_address(physical)
        build.goto(on)
        build.begin(on)
        return self._load_from(build.phi(Pointer, (register, end), (plain, ram)), address, size)

    def _register(self, physical: I64, address: I64, size: int) -> Pointer:
        """Where a register's value is."""
        build = self.builder
        running, since = build.load(COUNT, COUNTER, I64), build.load(SINCE, COUNTER, I64)
        counted = build.binary("sub", running, since)
        with_this = build.binary("add", build.binary("ashr", counted, INSTRUCTION_SHIFT), 1)
        build.store(with_this, build.offset(FRAME, 8 * Word.UNCOUNTED), COUNTER)
        found = build.call(I64, LOAD, HART, FRAME, physical, size)
        self._leave_unless(found, address)
        return build.cast("inttoptr", found, Pointer)

    def _load_from(self, place: Pointer, address: I64, size: int) -> I64:
        build = self.builder
        value = widen(build, build.load(place, GUEST, INTEGERS[8 * size]))
        self._observe(address, size, value, 0)
        return value

    def _translate(
        self, address: I64, size: int, kind: int, ram: BasicBlock, device: BasicBlock
    ) -> I64:
        """Go on where the access is to be made; the physical address. Or leave, or trap."""
        build = self.builder
        page, refused, host = (build.new_block(word) for word in ("page", "refused", "host"))
        function = build.load(build.offset(FRAME, 8 * Word.TRANSLATE), COUNTER, Pointer)
        what = size | kind << ACCESS_SHIFT
        outcome = build.call(I64, function, HART, FRAME, address, what)
        physical = build.load(build.offset(FRAME, 8 * Word.PHYSICAL), UNKNOWN, I64)
        ways = {
            TranslationOutcome.RAM: ram,
            TranslationOutcome.DEVICE: device,
            TranslationOutcome.PAGE_FAULT: page,
            TranslationOutcome.ACCESS_FAULT: refused,
        }
        build.switch(outcome, host, {int(number): block for number, block in ways.items()})
        for block, reason in zip((page, refused), FAULTS_OF[kind], strict=True):
            build.begin(block)
            self.exits.leave(reason, build.load(DETAIL, UNKNOWN, I64), self.segment.place.left)
        build.begin(host)
        self.exits.leave_at_access(address)
        return physical

    def find_atomic(self, address: I64, size: int, stores: bool) -> tuple[Pointer, I64]:
        """Where an aligned atomic is made, and the physical address.

        It is in RAM, also in a page with a device: no device has atomics.
        """
        if not self.translates:
            return super().find_atomic(address, size, stores)
        build = self.builder
        ram, device, outside = (build.new_block(word) for word in ("ram", "device", "outside"))
        physical = self._translate(address, size, STORES if stores else LOADS, ram, device)
        build.begin(device)
        build.branch(self.spans.inside(physical, size), ram, outside)
        build.begin(outside)
        self.exits.leave(Reason.ATOMIC_ACCESS, address, self.segment.place.left)
        build.begin(ram)
        return self.spans.host_address(physical), physical

    def store(self, address: I64, size: int, value: I64) -> None:
        """Store the low `size` bytes."""
        build = self.builder
        if not self.translates:
            self._store_to_register(address, address, size, value)
            return
        ram, device, on = (build.new_block(word) for word in ("ram", "device", "on"))
        physical = self._translate(address, size, STORES, ram, device)
        build.begin(device)
        self._store_to_register(physical, address, size, value)
        build.goto(on)
        build.begin(ram)
        low = narrow(build, value, 8 * size)
        if self._is_observed():
            self._observe(address, size, widen(build, low), events.WRITE)
        build.store(low, self.spans.host_address(physical), GUEST)
        build.goto(on)
        build.begin(on)

    def _store_to_register(self, physical: I64, address: I64, size: int, value: I64) -> None:
        """Store the low `size` bytes to a register.

        The plan is told once it is known that the access is made here, of the time before it:
        another hart may see it at once.
        """
        build = self.builder
        began = self.woven.before_atomic() if self._is_observed() else None
        low = widen(build, narrow(build, value, 8 * size))
        how = build.call(I64, STORE, HART, FRAME, physical, size, low)
        self._leave_unless(how, address)
        moment = None if began is None else Moment(began, ZERO)
        self._observe(address, size, low, events.WRITE, moment)
        soon, done = build.new_block("soon"), build.new_block("done")
        build.branch(build.compare("eq", how, LOOK), soon, done)
        build.begin(soon)
        self._look_soon()
        build.goto(done)
        build.begin(done)

    def _leave_unless(self, answered: I64, address: I64) -> None:
        build = self.builder
        made, leave = build.new_block("made"), build.new_block("leave")
        build.branch(build.compare("ne", answered, 0), made, leave)
        build.begin(leave)
        self.exits.leave_at_access(address)
        build.begin(made)

    def _look_soon(self) -> None:
        """Have the next block look for requests: the running count begins anew at zero."""
        build = self.builder
        since = build.load(SINCE, COUNTER, I64)
        running = build.load(COUNT, COUNTER, I64)
        build.store(build.binary("sub", since, running), SINCE, COUNTER)
        build.store(ZERO, COUNT, COUNTER)
