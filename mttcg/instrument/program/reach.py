"""Where the guest's code can be, so that what is attached elsewhere is not silently in vain."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from mttcg.instrument.program.elf_segments import Placement, Placements


@dataclass(frozen=True)
class Reach:
    """The guest's RAM, as base and bytes, and where the segments of its file are."""

    ram: tuple[int, int]
    placements: Placements

    def to_plain(self) -> dict[str, Any]:
        """The same as plain data, for another process."""
        return {"ram": list(self.ram), "segments": [asdict(s) for s in self.placements.segments]}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "Reach":
        """What `to_plain` described."""
        segments = tuple(Placement(**segment) for segment in plain["segments"])
        base, size = plain["ram"]
        return cls((base, size), Placements(segments, None))

    def doubt(self, pc: int) -> tuple[Any, str] | None:
        """Why no instruction may ever be at a pc: something that is the same for others, in words.

        Code may still come to a segment of data; to other places in RAM it may come at any time.
        """
        base, size = self.ram
        if not base <= pc < base + size:
            used = self.placements.of_linked(pc)
            loaded = "" if used == pc else f"; what was linked for it was loaded to {used:#x}"
            end = base + size - 1
            return "RAM", f"where no code can run: RAM is {base:#x} to {end:#x}{loaded}"
        found = self.placements.at(pc)
        if found is None or found.executable:
            return None
        return found, "in a segment that is not executable: nothing happens unless code comes there"
