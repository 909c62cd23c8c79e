"""The guest's registers in translated code, and what is known of them.

Within a block registers are SSA values; every write also goes to the register's place at once,
which `surroundings` says: the hart state itself, or a slot that LLVM turns into SSA values across
blocks.
"""

from mttcg.engine.llvm.ram import Spans
from mttcg.engine.llvm.text import REGISTER, Text


class Registers:
    """Reads and writes registers.

    Args:
        text: where to.
        spans: what the piece accesses, which may begin it anew.

    Attributes:
        read, written: names of the registers that the function reads and writes.
        wrote: the value that was written last.
    """

    def __init__(self, text: Text, spans: Spans) -> None:
        self.text, self.spans = text, spans
        self.known: dict[int, str] = {}
        self.wrote = "0"
        self.read: set[str] = set()
        self.written: set[str] = set()
        self.needed: set[str] = set()  # registers of the segment that were read before written
        self.overwritten: set[str] = set()

    def begin(self, again: bool) -> None:
        """Begin a segment; `again`: right behind itself, so that what is known still is."""
        if not again:
            self.forget()
        self.needed.clear()
        self.overwritten.clear()

    def forget(self) -> None:
        """Take registers from their places from now on."""
        self.known.clear()

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

    def _needs(self, register: str) -> None:
        if register not in self.overwritten:
            self.needed.add(register)

    def _changes(self, register: str) -> None:
        """A segment that wrote what it needs can't begin anew."""
        self.overwritten.add(register)
        if register in self.needed:
            self.spans.retreat = ""
