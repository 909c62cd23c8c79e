"""Samples: where vCPUs spend time in slow code, for the translator, in a segment that all share.

A sample is the place at which a vCPU was at a look for requests outside of the best code: its pc
or, where that is translated, the physical address with `TRANSLATED_PLACE`. A vCPU has a ring of
them, in which it overwrites the oldest: what the translator has not read by then was of a time that
matters less.

| word | written by | read by |
|---|---|---|
| asleep | the translator sets it; who wakes it clears it | vCPUs, with each sample |
| question: a place and `ASKED`, or 0 | the translator; its vCPU clears it | its vCPU |
| position: how many samples there were | its vCPU | the translator |
| the ring | its vCPU | the translator |

Words that different processes write are in cache lines of their own. A vCPU stores a sample, then
the position, then looks whether the translator is asleep; nothing orders these for the others: one
sample is read late then, or one of before in its place.
"""

from typing import Any

import numpy as np

from mttcg.memory.address import HostAddress, Virtual
from mttcg.memory.host import address_of_buffer
from mttcg.state.words import WORD_BYTES

RING = 1 << 14
"""Samples of a vCPU that are kept: those of half a second, when it is fast."""
LINE = 64
LINE_WORDS = LINE // WORD_BYTES
QUESTION, POSITION, PLACES = 0, LINE_WORDS, 2 * LINE_WORDS
"""Word index of each in a vCPU's part."""
PART_WORDS = PLACES + RING
ASKED = 1
"""Set in a question, whose place is even."""
TRANSLATED_PLACE = 1 << 63
"""Set in a place whose pc was translated; no physical address has the bit."""


def samples_bytes(vcpus: int) -> int:
    """Size of the segment."""
    return LINE + vcpus * PART_WORDS * WORD_BYTES


class Samples:
    """The samples of all vCPUs.

    Args:
        segment: mapped, `samples_bytes` of it.
        vcpus: how many there are.
    """

    def __init__(self, segment: memoryview, vcpus: int) -> None:
        self.start = address_of_buffer(segment)
        words = np.frombuffer(segment, np.uint64, samples_bytes(vcpus) // WORD_BYTES)
        self.first = words[:LINE_WORDS]
        self.parts = words[LINE_WORDS:].reshape(vcpus, PART_WORDS)
        self.taken = [0] * vcpus

    @property
    def asleep(self) -> bool:
        """Whether the translator waits to be told of samples."""
        return bool(self.first[0])

    @asleep.setter
    def asleep(self, asleep: bool) -> None:
        self.first[0] = asleep

    def asleep_address(self) -> HostAddress:
        """Address of the word that says so."""
        return HostAddress(self.start)

    def part_address(self, vcpu: int) -> HostAddress:
        """Address of a vCPU's part."""
        return HostAddress(self.start + LINE + vcpu * PART_WORDS * WORD_BYTES)

    def take(self, vcpu: int) -> "np.ndarray[Any, np.dtype[np.uint64]]":
        """The places that came since the last time, but for those that are overwritten by now."""
        part = self.parts[vcpu]
        end = int(part[POSITION])
        first = max(self.taken[vcpu], end - RING)
        self.taken[vcpu] = end
        taken: np.ndarray[Any, np.dtype[np.uint64]] = part[PLACES + np.arange(first, end) % RING]
        return taken

    def ask(self, vcpu: int, place: Virtual) -> None:
        """Ask a vCPU for the page of a place; it then has to be made to look."""
        self.parts[vcpu, QUESTION] = place | ASKED

    def question(self, vcpu: int) -> Virtual | None:
        """Take what the translator asked a vCPU for, if it did."""
        question = int(self.parts[vcpu, QUESTION])
        if not question:
            return None
        self.parts[vcpu, QUESTION] = 0
        return Virtual(question - ASKED)
