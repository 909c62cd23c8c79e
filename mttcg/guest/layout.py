"""Where in RAM what is loaded is, and that no two parts overlap."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mttcg.errors import GuestFileError
from mttcg.guest.image import GuestImage, ram_text
from mttcg.memory.address import Physical, page_start
from mttcg.memory.ram import RamRange


@dataclass(frozen=True)
class LoadedPart:
    """A part of RAM that something is loaded to: what, its first address, bytes."""

    what: str
    start: Physical
    size: int

    @property
    def end(self) -> Physical:
        """The first address behind it."""
        return Physical(self.start + self.size)

    def overlaps(self, other: "LoadedPart") -> bool:
        """Whether two parts have an address in common."""
        return self.start < other.end and other.start < self.end

    def __str__(self) -> str:
        """Name it, with its addresses."""
        return f"{self.what} at {self.start:#x} to {self.end - 1:#x}"


@dataclass
class RamLayout:
    """The parts of RAM that are taken."""

    ram: RamRange
    parts: list[LoadedPart] = field(default_factory=list)

    def take(self, path: Path, part: LoadedPart) -> None:
        """Take a part; `path` is what is wrong if it overlaps another. Raises `GuestFileError`."""
        if not self.ram.holds(part.start, part.size):
            raise GuestFileError(path, f"{part} is outside RAM", ram_text(self.ram))
        for other in self.parts:
            if part.overlaps(other):
                raise GuestFileError(path, f"{part} overlaps {other}", "parts that are apart")
        self.parts.append(part)

    def take_image(self, image: GuestImage) -> None:
        """Take what an image is loaded to."""
        for segment in image.segments:
            if segment.memory_size:
                name = f"the segment of {image.path.name}"
                self.take(image.path, LoadedPart(name, segment.address, segment.memory_size))

    def take_highest(self, path: Path, what: str, size: int) -> Physical:
        """Take the highest whole pages that are free; where they are. Raises `GuestFileError`."""
        for start in self._highest(size):
            part = LoadedPart(what, start, size)
            if self.ram.holds(start, size) and not any(map(part.overlaps, self.parts)):
                self.parts.append(part)
                return start
        raise GuestFileError(
            path, f"there is no room for {what}, {size} bytes", "more RAM (see --memory)"
        )

    def _highest(self, size: int) -> Iterator[Physical]:
        """Give the highest places that end where RAM does, or below a part."""
        ends = sorted({self.ram.end, *(part.start for part in self.parts)}, reverse=True)
        for end in ends:
            if end - size >= self.ram.base:
                yield page_start(Physical(end - size))
