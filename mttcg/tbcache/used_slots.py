"""Which slot of the block cache a vCPU fetches each page from."""

from collections.abc import Iterator, Mapping

import numpy as np

from mttcg.memory.address import PhysicalPage


class UsedSlots(Mapping[PhysicalPage, int]):
    """From pages to slots; arrays, so that native code can read and write it.

    Attributes:
        numbers: of each page of RAM its slot's number plus one, or 0.
        pages: those that have a slot, in the order in which they were first fetched from.
        count: how many there are, in an array.
    """

    def __init__(self, pages: int) -> None:
        self.numbers = np.zeros(pages, dtype=np.uint32)
        self.pages = np.zeros(pages, dtype=np.uint64)
        self.count = np.zeros(1, dtype=np.uint64)

    def put(self, page: PhysicalPage, slot: int) -> None:
        """Fetch a page from a slot."""
        if not self.numbers[page]:
            self.pages[int(self.count[0])] = page
            self.count += np.uint64(1)
        self.numbers[page] = slot + 1

    def leave(self, page: PhysicalPage) -> None:
        """Fetch a page no more; raises KeyError if it has no slot."""
        _, count = self[page], len(self)
        place = int(np.flatnonzero(self.pages[:count] == page)[0])
        self.pages[place : count - 1] = self.pages[place + 1 : count]
        self.count -= np.uint64(1)
        self.numbers[page] = 0

    def __getitem__(self, page: PhysicalPage) -> int:
        number = int(self.numbers[page]) if 0 <= page < len(self.numbers) else 0
        if not number:
            raise KeyError(page)
        return number - 1

    def __iter__(self) -> Iterator[PhysicalPage]:
        return map(PhysicalPage, self.pages[: len(self)].tolist())

    def __len__(self) -> int:
        return int(self.count[0])
