"""Where a hart met instructions and system registers of extensions that it lacks."""

from collections.abc import Callable

from mttcg.isa.base import Isa
from mttcg.isa.code import Missing
from mttcg.isa.system import Trap
from mttcg.memory.address import Virtual
from mttcg.state.named_counts import UnsupportedCounts
from mttcg.state.vcpu_state import VcpuState

MOST_PLACES = 64
"""Places of one hart that are told of; the counts have the others as well."""


class UnsupportedPlaces:
    """Looks at what a hart traps on: counts by name, and tells of each place once.

    Args:
        hart: the hart.
        isa: its ISA.
        extensions: what it has of that.
        found: told of a place, with None of the first one beyond MOST_PLACES.
    """

    def __init__(
        self,
        hart: VcpuState,
        isa: Isa,
        extensions: tuple[str, ...],
        found: Callable[[Missing | None, Virtual], None],
    ) -> None:
        self.counts = UnsupportedCounts(hart)
        self.isa, self.extensions, self.found = isa, extensions, found
        self.told: set[tuple[Virtual, int]] = set()

    def look(self, trap: Trap) -> None:
        """Look at a trap that the hart takes."""
        word = self.isa.system.illegal_word(trap)
        missing = None if word is None else self.isa.code.missing(word, self.extensions)
        if missing is None:
            return
        self.counts.add(missing.name)
        place = trap.pc, trap.value
        if place not in self.told and len(self.told) <= MOST_PLACES:
            self.found(missing if len(self.told) < MOST_PLACES else None, trap.pc)
            self.told.add(place)
