"""The scoreboards of a run as the supervisor has them: their segments, and what counters say."""

import os
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from mttcg.instrument.api.targets import counted
from mttcg.processes.segments import create_segment, map_words, scoreboard_bytes
from mttcg.state.vcpu_state import VcpuState
from mttcg.vcpu.protocol.needs import NeededScoreboard


class Scoreboards:
    """Some plugins' scoreboards; each is a segment with a part for every vCPU.

    `descriptors` are by plugin and name, `described` as the vCPU host describes them.
    """

    def __init__(self) -> None:
        self.descriptors: dict[tuple[str, str], int] = {}
        self.described: dict[tuple[str, str], NeededScoreboard] = {}

    def add(self, described: Iterable[NeededScoreboard], smp: int) -> None:
        """Make the segments of scoreboards."""
        for scoreboard in described:
            key = scoreboard.plugin, scoreboard.name
            size = scoreboard_bytes(scoreboard.words, smp)
            self.descriptors[key] = create_segment(scoreboard.name, size)
            self.described[key] = scoreboard

    def take_out(self, plugin: str) -> "Scoreboards":
        """The scoreboards of a plugin, which are not among these any more."""
        taken = Scoreboards()
        for key in [key for key in self.descriptors if key[0] == plugin]:
            taken.descriptors[key] = self.descriptors.pop(key)
            taken.described[key] = self.described.pop(key)
        return taken

    def words(self, plugin: str, name: str, cpu: int) -> Any:
        """A vCPU's words of a scoreboard, read-only in intent: its vCPU writes them."""
        words = self.described[plugin, name].words
        memory = map_words(self.descriptors[plugin, name], words, cpu)
        return np.frombuffer(memory, dtype=np.uint64)

    def counters(self, harts: Sequence[VcpuState]) -> dict[str, dict[str, Any]]:
        """Per plugin with Counters: a row per vCPU, and the sums."""
        reports: dict[str, dict[str, Any]] = {}
        for (plugin, name), scoreboard in self.described.items():
            if scoreboard.kind != "counter":
                continue
            rows = {"total": {}, "vcpus": [{"cpu": hart.index} for hart in harts]}
            report: dict[str, Any] = reports.setdefault(plugin, rows)
            for row, hart in zip(report["vcpus"], harts, strict=True):
                words = self.words(plugin, name, hart.index)
                row[name] = counted(words, hart.instructions, hart.blocks)
            report["total"][name] = sum(row[name] for row in report["vcpus"])
        return reports

    def close(self) -> None:
        """Let go of all segments."""
        for descriptor in self.descriptors.values():
            os.close(descriptor)
        self.descriptors.clear()
