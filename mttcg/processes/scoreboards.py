"""The scoreboards of a run as a vCPU process has them: mapped when they are first asked for."""

import os
from typing import Any

import numpy as np

from mttcg.instrument.api.targets import VcpuWords
from mttcg.processes.segments import map_words


class MappedScoreboards:
    """The scoreboards of a vCPU process, by plugin and name.

    Args:
        descriptors: of the scoreboards' segments.
    """

    def __init__(self, descriptors: dict[tuple[str, str], int]) -> None:
        self.descriptors = descriptors
        self.mapped: dict[tuple[str, str, int], Any] = {}

    def words(self, declared: VcpuWords, cpu: int) -> Any:
        """A scoreboard's words of a vCPU, which is the only one to write there."""
        key = declared.plugin, declared.name, cpu
        if key not in self.mapped:
            descriptor = self.descriptors[declared.plugin, declared.name]
            memory = map_words(descriptor, declared.words, cpu, guarded=True)
            self.mapped[key] = np.frombuffer(memory, dtype=np.uint64)
        return self.mapped[key]

    def drop(self, plugin: str) -> None:
        """Let go of a plugin's; the memory goes with whoever still looks at the words."""
        for key in [key for key in self.mapped if key[0] == plugin]:
            del self.mapped[key]
        for place in [place for place in self.descriptors if place[0] == plugin]:
            os.close(self.descriptors.pop(place))
