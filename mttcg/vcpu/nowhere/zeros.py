"""Noticing that a hart has run off its code, into memory that nothing was put into."""

from collections.abc import Callable
from typing import Any

from mttcg.instrument.errors import NotRamError
from mttcg.isa.system import System, Trap
from mttcg.memory.address import Virtual

ENOUGH = 16
"""Bytes that are zero: programs have one such instruction where they are not to come to."""


class Zeros:
    """Looks at traps for zeros where instructions are illegal.

    Args:
        system: of the hart's ISA.
        read: bytes of the guest's memory; raises NotRamError.
        found: told of the first such place.
    """

    def __init__(
        self,
        system: System[Any],
        read: Callable[[Virtual, int], bytes],
        found: Callable[[Virtual], None],
    ) -> None:
        self.system, self.read, self.found, self.told = system, read, found, False

    def look(self, trap: Trap) -> None:
        """Look at a trap."""
        if self.told or self.system.illegal_word(trap) != 0:
            return
        try:
            code = self.read(trap.pc, ENOUGH)
        except NotRamError:
            return
        if not any(code):
            self.told = True
            self.found(trap.pc)
