"""The guest's registers in translated code, and what is known of them.

Within a block registers are SSA values; every write also goes to the register's place at once. That
is the hart's state itself, or a slot of the function that LLVM turns into SSA values across blocks.
"""

from mttcg.engine.llvm import places
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import REGISTER
from mttcg.engine.llvm.ir.values import I64, ZERO
from mttcg.engine.llvm.segment import Segment

X, F = (tuple(f"{kind}{number}" for number in range(32)) for kind in "xf")
"""Names of the integer and the floating-point registers."""
PLACES = {name: places.register(name) for name in (*X, *F)}


class RegisterAccesses:
    """Reads and writes registers.

    Args:
        builder: of the function.
        segment: that is being emitted, which may be restarted.

    Attributes:
        read, written: names of the registers that the function reads and writes.
        wrote: the value that was written last; of several registers that is the destination's.
    """

    def __init__(self, builder: Builder, segment: Segment) -> None:
        self.builder, self.segment = builder, segment
        self.known: dict[int, I64] = {}
        self.wrote: I64 = ZERO
        self.read: set[str] = set()
        self.written: set[str] = set()
        self.needed: set[str] = set()  # registers of the segment that were read before written

    def begin(self, again: bool) -> None:
        """Begin a segment; `again`: right behind itself, so that what is known still is."""
        if not again:
            self.forget()
        self.needed.clear()
        self.segment.written.clear()

    def forget(self) -> None:
        """Take registers from their places from now on."""
        self.known.clear()

    def read_x(self, register: int) -> I64:
        """An integer register; x0 reads 0."""
        if register == 0:
            return ZERO
        name = X[register]
        self.read.add(name)
        if name not in self.segment.written:
            self.needed.add(name)
        value = self.known.get(register)
        if value is None:
            value = self.known[register] = self.builder.load(PLACES[name], REGISTER, I64)
        return value

    def write_x(self, register: int, value: I64) -> None:
        """Write an integer register; x0 ignores it."""
        if register:
            self.known[register] = value
            self._write(X[register], value)

    def read_f(self, register: int) -> I64:
        """The 64 bits of a floating-point register."""
        name = F[register]
        self.read.add(name)
        if name not in self.segment.written:
            self.needed.add(name)
        return self.builder.load(PLACES[name], REGISTER, I64)

    def write_f(self, register: int, value: I64) -> None:
        """Write the 64 bits of a floating-point register."""
        self._write(F[register], value)

    def _write(self, name: str, value: I64) -> None:
        """A segment that wrote what it needs can't be restarted."""
        self.wrote = value
        self.written.add(name)
        self.segment.written.add(name)
        if name in self.needed:
            self.segment.restart = None
        self.builder.store(value, PLACES[name], REGISTER)
