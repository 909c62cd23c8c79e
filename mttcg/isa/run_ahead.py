"""Running instructions ahead, on a copy of a hart's registers: nothing is stored."""

from collections.abc import Callable

from mttcg.isa.interpreted_memory import LeftInstruction, Stopped
from mttcg.isa.operations import Amo


class AheadMemory:
    """Memory that is read as `read` does, and not written: what would is left.

    To come before an ISA's interpreter among the parents of a class.
    """

    read: Callable[[int, int], int]

    def load(self, address: int, size: int) -> int:
        """See Operations."""
        return self.read(address, size)

    def load_reserved(self, address: int, size: int) -> int:
        """See Operations."""
        return self.read(address, size)

    def store(self, address: int, size: int, value: int) -> None:
        """See Operations."""
        raise Stopped(LeftInstruction(0))

    def store_conditional(self, address: int, size: int, value: int) -> int:
        """See Operations."""
        raise Stopped(LeftInstruction(0))

    def amo(self, operation: Amo, address: int, size: int, value: int) -> int:
        """See Operations."""
        raise Stopped(LeftInstruction(0))
