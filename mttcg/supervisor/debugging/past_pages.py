"""RAM as it was at several moments: what did not change in between is there once."""

from collections.abc import Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mttcg.memory.page import PAGE
from mttcg.snapshot.writer import extents

WORDS = PAGE // 8
PIECE = 2048
"""Pages that are compared at a time."""
FIRST_ROOM = 4096
"""Pages that there is room for at first."""
Rows: TypeAlias = npt.NDArray[np.int64]
"""For each page of RAM, the row that has its content."""


class PastPages:
    """Rows of page contents, and which of them RAM was made of when it was last taken.

    Args:
        ram: where RAM is mapped; it stands still while it is taken, or put back.
        file: which file that is of. What is a hole there is all zeros.
    """

    def __init__(self, ram: memoryview, file: int) -> None:
        self.ram, self.file, self.size = np.frombuffer(ram, dtype=np.uint64), file, ram.nbytes
        self.pages = self.ram.reshape(-1, WORDS)
        self.content = np.zeros((FIRST_ROOM, WORDS), dtype=np.uint64)  # row 0 is all zeros
        self.free = list(range(FIRST_ROOM - 1, 0, -1))
        self.latest: Rows = np.zeros(len(self.pages), dtype=np.int64)

    @property
    def used(self) -> int:
        """Bytes of the contents that are kept."""
        return (len(self.content) - len(self.free)) * PAGE

    def take(self) -> Rows:
        """Keep RAM as it is now."""
        rows = self.latest.copy()
        for part, changed in self._differing(self.latest):
            places = self._room(len(changed))
            self.content[places] = self.pages[part][changed]
            rows[part][changed] = places
        self.latest = rows
        return rows

    def put_back(self, rows: Rows) -> None:
        """Make RAM what it was when these were taken."""
        for part, changed in self._differing(rows):
            self.pages[part][changed] = self.content[rows[part][changed]]
        self.latest = rows

    def forget_all_but(self, kept: list[Rows]) -> None:
        """Let go of contents that none of these has, nor RAM when it was taken last."""
        used = np.zeros(len(self.content), dtype=np.bool_)
        used[0] = True
        for rows in (*kept, self.latest):
            used[rows] = True
        self.free = np.flatnonzero(~used)[::-1].tolist()

    def _differing(self, rows: Rows) -> Iterator[tuple[slice, Any]]:
        """Parts of RAM, and which of their pages are others than these."""
        for start, end in extents(self.file, self.size):
            for first in range(start // PAGE, -(-end // PAGE), PIECE):
                part = slice(first, min(first + PIECE, -(-end // PAGE)))
                differ = (self.pages[part] != self.content[rows[part]]).any(axis=1)
                changed = np.flatnonzero(differ)
                if len(changed):
                    yield part, changed

    def _room(self, count: int) -> list[int]:
        """So many rows that nobody uses."""
        if len(self.free) < count:
            had = len(self.content)
            more = max(had, count)
            self.content = np.concatenate((self.content, np.zeros((more, WORDS), dtype=np.uint64)))
            self.free = [*range(had + more - 1, had - 1, -1), *self.free]
        taken = self.free[-count:]
        del self.free[-count:]
        return taken
