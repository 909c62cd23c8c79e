"""Loads and stores in handlers: where no plain RAM is, the registers of a device may be."""

from mttcg.engine.llvm.accesses import Accesses
from mttcg.engine.llvm.interpreter.device_functions import LOAD, LOOK, STORE
from mttcg.engine.llvm.interpreter.plain_ram import PlainRam
from mttcg.engine.llvm.ir.forms import COUNTER, GUEST
from mttcg.engine.llvm.ir.values import I64, INTEGERS, ZERO, Pointer
from mttcg.engine.llvm.places import COUNT, FRAME, HART, SINCE
from mttcg.engine.llvm.widths import narrow, widen
from mttcg.instrument import events


class DeviceAccesses(Accesses):
    """Accesses that native code makes to devices as well, as far as it can."""

    spans: PlainRam

    def load(self, address: I64, size: int) -> I64:
        """Memory, or a register, zero-extended."""
        build = self.builder
        outside, given, leave, there = (
            build.new_block(word) for word in ("outside", "given", "leave", "there")
        )
        self.spans.split(address, size, outside)
        plain, end = self.spans.host_address(address), build.block
        build.goto(there)
        with build.cold():
            build.begin(outside)
            found = build.call(I64, LOAD, HART, FRAME, address, size)
            build.branch(build.compare("ne", found, 0), given, leave)
            build.begin(given)
            register = build.cast("inttoptr", found, Pointer)
            build.goto(there)
            build.begin(leave)
            self.exits.leave_at_access(address)
        build.begin(there)
        place = build.phi(Pointer, (plain, end), (register, given))
        value = widen(build, build.load(place, GUEST, INTEGERS[8 * size]))
        self._observe(address, size, value, 0)
        return value

    def store(self, address: I64, size: int, value: I64) -> None:
        """Store the low `size` bytes to memory, or to a register."""
        build = self.builder
        low = narrow(build, value, 8 * size)
        outside, made, soon, leave, done = (
            build.new_block(word) for word in ("outside", "made", "soon", "leave", "done")
        )
        self.spans.split(address, size, outside)
        self._observe(address, size, widen(build, low), events.WRITE)
        build.store(low, self.spans.host_address(address), GUEST)
        build.goto(done)
        with build.cold():
            build.begin(outside)
            how = build.call(I64, STORE, HART, FRAME, address, size, widen(build, low))
            build.branch(build.compare("ne", how, 0), made, leave)
            build.begin(made)
            self._observe(address, size, widen(build, low), events.WRITE)
            build.branch(build.compare("eq", how, LOOK), soon, done)
            build.begin(soon)
            self._look_soon()
            build.goto(done)
            build.begin(leave)
            self.exits.leave_at_access(address)
        build.begin(done)

    def _look_soon(self) -> None:
        """Have the next block look for requests: the running count begins anew at zero."""
        build = self.builder
        since = build.load(SINCE, COUNTER, I64)
        running = build.load(COUNT, COUNTER, I64)
        build.store(build.binary("sub", since, running), SINCE, COUNTER)
        build.store(ZERO, COUNT, COUNTER)
