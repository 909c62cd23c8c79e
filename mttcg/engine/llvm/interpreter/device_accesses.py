"""Loads and stores of the second half of a handler, to where no plain RAM is: devices."""

from mttcg.engine.llvm.accesses import Accesses
from mttcg.engine.llvm.interpreter.device_functions import LOAD, LOOK, STORE
from mttcg.engine.llvm.ir.forms import COUNTER, GUEST
from mttcg.engine.llvm.ir.values import I64, INTEGERS, ZERO, Pointer
from mttcg.engine.llvm.places import COUNT, FRAME, HART, SINCE
from mttcg.engine.llvm.widths import narrow, widen
from mttcg.instrument import events


class DeviceAccesses(Accesses):
    """Accesses that native code makes to registers of devices, or leaves to the host."""

    def load(self, address: I64, size: int) -> I64:
        """A register, zero-extended."""
        build = self.builder
        found = build.call(I64, LOAD, HART, FRAME, address, size)
        self._leave_unless(found, address)
        place = build.cast("inttoptr", found, Pointer)
        value = widen(build, build.load(place, GUEST, INTEGERS[8 * size]))
        self._observe(address, size, value, 0)
        return value

    def store(self, address: I64, size: int, value: I64) -> None:
        """Store the low `size` bytes to a register."""
        build = self.builder
        low = widen(build, narrow(build, value, 8 * size))
        how = build.call(I64, STORE, HART, FRAME, address, size, low)
        self._leave_unless(how, address)
        self._observe(address, size, low, events.WRITE)
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
