"""Where a hart met instructions and CSRs of extensions that it lacks."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.traps import Cause, Trap
from mttcg.state.unsupported import UnsupportedCounts

if TYPE_CHECKING:
    from mttcg.isa.riscv64.absent.row import Absent

MOST_PLACES = 64
"""Places of one hart that are told of; the counts have the others as well."""


class UnsupportedPlaces:
    """Looks at what a hart traps on: counts by name, and tells of each place once.

    Args:
        hart: the hart.
        extensions: what it has, see `absent`.
        found: told of a place, with None of the first one beyond MOST_PLACES.
    """

    def __init__(
        self, hart: Hart, extensions: tuple[str, ...], found: "Callable[[Absent | None, int], None]"
    ) -> None:
        self.counts = UnsupportedCounts(hart)
        self.extensions, self.found = extensions, found
        self.told: set[tuple[int, int]] = set()

    def look(self, trap: Trap) -> None:
        """Look at a trap that the hart takes."""
        if trap.cause is not Cause.ILLEGAL_INSTRUCTION:
            return
        from mttcg.isa.riscv64.absent.lookup import absent  # long tables, which few guests need

        lacking = absent(trap.value, self.extensions)
        if lacking is None:
            return
        self.counts.add(lacking.name)
        place = trap.pc, trap.value
        if place not in self.told and len(self.told) <= MOST_PLACES:
            self.found(lacking if len(self.told) < MOST_PLACES else None, trap.pc)
            self.told.add(place)
