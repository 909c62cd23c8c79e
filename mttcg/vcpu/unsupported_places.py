"""Where a hart met instructions and CSRs of extensions that it lacks."""

from collections.abc import Callable

from mttcg.isa.code import Code, Missing
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.traps import Cause, Trap
from mttcg.state.unsupported import UnsupportedCounts

MOST_PLACES = 64
"""Places of one hart that are told of; the counts have the others as well."""


class UnsupportedPlaces:
    """Looks at what a hart traps on: counts by name, and tells of each place once.

    Args:
        hart: the hart.
        code: the guest's instructions.
        extensions: what it has, see `Code.missing`.
        found: told of a place, with None of the first one beyond MOST_PLACES.
    """

    def __init__(
        self,
        hart: Hart,
        code: Code,
        extensions: tuple[str, ...],
        found: Callable[[Missing | None, int], None],
    ) -> None:
        self.counts = UnsupportedCounts(hart)
        self.code = code
        self.extensions, self.found = extensions, found
        self.told: set[tuple[int, int]] = set()

    def look(self, trap: Trap) -> None:
        """Look at a trap that the hart takes."""
        if trap.cause is not Cause.ILLEGAL_INSTRUCTION:
            return
        lacking = self.code.missing(trap.value, self.extensions)
        if lacking is None:
            return
        self.counts.add(lacking.name)
        place = trap.pc, trap.value
        if place not in self.told and len(self.told) <= MOST_PLACES:
            self.found(lacking if len(self.told) < MOST_PLACES else None, trap.pc)
            self.told.add(place)
