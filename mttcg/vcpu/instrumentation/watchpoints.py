"""Accesses behind which a hart stops for a debugger, as long as there are some.

A probe compares each access with the places that are watched, natively, and another looks behind
each instruction whether one was met. So all code is run with these meanwhile, and a hart stops
exactly behind the instruction that made the access.
"""

from collections.abc import Collection
from typing import Any

import numpy as np

from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.instrument.api.targets import Probe, Scoreboard, When
from mttcg.vcpu.protocol.stop_point import MOST_WATCHED, OWNER, Reason, StopPoint

READ, WRITTEN = 1, 2
KINDS = {Reason.READ: READ, Reason.WRITE: WRITTEN, Reason.ACCESS: READ | WRITTEN}
MET, AT, END, FIRST, ROW = 0, 1, 2, 3, 3
"""Words: whether a place was met, and which; where the rows end, and begin, and their length: the
place's address, its last address, and how it is accessed."""


def note_access(cpu: Any, pc: Any, address: Any, size: Any, value: Any, write: Any, words: Any):  # type: ignore[no-untyped-def]
    """Look whether an access is to a place that is watched: a probe."""
    row = np.uint64(FIRST)
    while row < words[END]:
        last = address + size - np.uint64(1)
        meets = address <= words[row + np.uint64(1)] and words[row] <= last
        if meets and words[row + np.uint64(2)] & (write + np.uint64(1)) != np.uint64(0):
            words[MET] = np.uint64(1)
            words[AT] = words[row]
        row += np.uint64(ROW)


def was_met(cpu: Any, pc: Any, words: Any):  # type: ignore[no-untyped-def]
    """Whether the instruction before met such a place: a condition."""
    return words[MET] != np.uint64(0)


NOTE, WAS_MET = Probe(note_access), Probe(was_met)


class OwnWords(Scoreboard):
    """Words of this process alone."""

    def __init__(self, words: int) -> None:
        self.name, self.plugin, self.words = "watched", OWNER, words
        self.array = np.zeros(words, dtype=np.uint64)


class Watchpoints:
    """Those of one vCPU."""

    def __init__(self) -> None:
        self.words = OwnWords(FIRST + ROW * MOST_WATCHED)
        condition = When(WAS_MET, self.words)
        everywhere = OWNER, Where.STOP, None, None, Reason.ACCESS
        self.attachments = (
            Attachment(OWNER, Where.ACCESS, None, None, NOTE, self.words),
            Attachment(*everywhere, when=condition),
        )

    def watch(self, places: Collection[StopPoint]) -> tuple[Change, ...]:
        """Watch some places in the place of others; what is to be attached, or taken away."""
        words = self.words.array
        rows = [
            (place.address, place.address + place.size - 1, KINDS[Reason(place.kind)])
            for place in places
        ]
        words[:] = 0
        words[FIRST : FIRST + ROW * len(rows)] = np.array(rows, dtype=np.uint64).ravel()
        words[END] = FIRST + ROW * len(rows)
        return tuple(Change(bool(rows), attachment) for attachment in self.attachments)

    def is_met(self) -> bool:
        """Whether a place was met, and not taken yet."""
        return bool(self.words.array[MET])

    def take_met(self) -> int:
        """Address of the place that was met."""
        words = self.words.array
        words[MET] = 0
        return int(words[AT])
