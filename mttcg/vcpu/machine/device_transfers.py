"""What devices read and write in guest memory by themselves, told by the device process to a vCPU.

The log is memory that the vCPU host makes before it forks them. The device process puts in what it
has done before it tells the driver of the request, and then has the vCPU look; when the log is full
it waits for room. The vCPU tells its plugins, and says whether anybody wants to know.
"""

import mmap
import os
import select
from collections.abc import Callable, Iterable
from typing import NamedTuple

from mttcg.memory.address import Physical
from mttcg.memory.fence import full_fence
from mttcg.state.words import WordField

READER = 0
"""The vCPU that is told."""
CAPACITY = 1 << 10
ENTRIES, ENTRY_WORDS = 64, 3
LONGEST_WAIT = 1.0
"""Seconds, after which the device process looks whether the machine still runs."""


class Transfer(NamedTuple):
    """Bytes of RAM that a device read, or wrote; the device is named by its row."""

    device: str
    address: Physical
    size: int
    write: bool


class TransferLog:
    """The log: the device process alone puts in, the vCPU READER alone takes out.

    Args:
        devices: names of the rows that there are.

    Attributes:
        wanted: whether somebody wants to know.
    """

    wanted = WordField(0)
    taken = WordField(128)
    """Written by the reader: how many were taken out."""
    put = WordField(256)
    """Written by the device process, after the entries: how many there were."""
    waits = WordField(384)
    """1 while the device process waits for room, or is about to; the reader clears it."""

    def __init__(self, devices: Iterable[str]) -> None:
        self.devices = tuple(devices)
        self.memory = mmap.mmap(-1, 8 * (ENTRIES + CAPACITY * ENTRY_WORDS))
        self.words = memoryview(self.memory).cast("Q")
        self.room = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)

    def append(
        self,
        device: int,
        pieces: Iterable[tuple[Physical, int]],
        write: bool,
        ask: Callable[[], bool],
    ) -> None:
        """Put pieces in that a device read, or wrote.

        Args:
            device: its place among the rows.
            pieces: of guest memory: where, and how many bytes.
            write: whether they were written.
            ask: has the reader look; whether it will.
        """
        for piece in pieces:
            while self.put - self.taken == CAPACITY:
                self.waits = 1
                full_fence()  # the reader takes out, and then looks whether somebody waits
                if self.put - self.taken < CAPACITY:
                    break
                if not ask():
                    return
                if select.select([self.room], [], [], LONGEST_WAIT)[0]:
                    os.eventfd_read(self.room)
            at = ENTRIES + self.put % CAPACITY * ENTRY_WORDS
            for offset, word in enumerate((device << 1 | write, *piece)):
                self.words[at + offset] = word
            self.put += 1

    def take(self) -> list[Transfer]:
        """Take out what there is."""
        found = []
        while self.taken != self.put:
            at = ENTRIES + self.taken % CAPACITY * ENTRY_WORDS
            what, address, size = self.words[at : at + ENTRY_WORDS]
            device = self.devices[what >> 1]
            found.append(Transfer(device, Physical(address), size, bool(what & 1)))
            self.taken += 1
        full_fence()  # whoever waits has said so, or sees the room
        if self.waits:
            self.waits = 0
            os.eventfd_write(self.room, 1)
        return found
