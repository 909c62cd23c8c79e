"""Where the guest's code can be, so that what is attached elsewhere is not silently in vain."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mttcg.instrument.program.elf_segments import Placement, Placements
from mttcg.memory.address import Virtual, physical_of
from mttcg.memory.ram import RamRange


@dataclass(frozen=True)
class Reach:
    """The guest's RAM, and where the segments of its file are."""

    ram: RamRange
    placements: Placements

    def to_plain(self) -> dict[str, Any]:
        """The same as plain data, for another process."""
        return {"ram": list(self.ram), "segments": [asdict(s) for s in self.placements.segments]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Reach":
        """What `to_plain` described."""
        segments = tuple(Placement(**segment) for segment in plain["segments"])
        return cls(RamRange(*plain["ram"]), Placements(segments, None))

    def doubt(self, pc: Virtual) -> tuple[Any, str] | None:
        """Why no instruction may ever be at a pc: something that is the same for others, in words.

        Code may still come to a segment of data; to other places in RAM it may come at any time.
        """
        if not self.ram.holds(physical_of(pc)):
            used = self.placements.of_linked(pc)
            loaded = "" if used == pc else f"; what was linked for it was loaded to {used:#x}"
            where = f"{self.ram.base:#x} to {self.ram.end - 1:#x}"
            return "RAM", f"where no code can run: RAM is {where}{loaded}"
        found = self.placements.at(pc)
        if found is None or found.executable:
            return None
        return found, "in a segment that is not executable: nothing happens unless code comes there"
