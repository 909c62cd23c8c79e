"""Records branches, and all that is retired, to compare one with the other."""

from collections import defaultdict
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import Stream, events, instrument
from mttcg_bus.run_info import RunInfo


def plugin_init(_options: None) -> bool:
    instrument(None, None, Stream("branches", events.BRANCH))
    instrument(None, None, Stream("retired", events.RETIRED))
    return True


class Aggregator(mttcg_bus.Aggregator):
    """Compares the branches of each vCPU with what the order of instructions shows of them."""

    def __init__(self, options: None, run: RunInfo) -> None:
        super().__init__(options, run)
        self.records: dict[tuple[str, int], list[Any]] = defaultdict(list)

    def consume(self, stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        self.records[stream, cpu].append(records.copy())

    def report(self) -> dict[str, Any]:
        return {str(cpu): self._compared(cpu) for cpu in sorted({cpu for _, cpu in self.records})}

    def _compared(self, cpu: int) -> dict[str, Any]:
        rows = np.concatenate(self.records["branches", cpu])
        recorded = [rows[field].astype(int) for field in ("pc", "word", "target", "taken", "cpu")]
        followed = [*self._followed(cpu), np.full(len(rows), cpu)]
        same = all(np.array_equal(*pair) for pair in zip(recorded, followed, strict=True))
        return {"same": same, "branches": len(rows), "taken": int(rows["taken"].sum())}

    def _followed(self, cpu: int) -> list[Any]:
        rows = np.concatenate(self.records["retired", cpu])
        words, pcs = rows["word"].astype(int), rows["pc"].astype(int)
        long, quadrant = words & 0x7F == 0x63, words & 3
        compressed = (quadrant == 1) & np.isin(words >> 13 & 7, (6, 7))
        at = np.flatnonzero((long | compressed)[:-1])
        behind = pcs[at] + np.where(quadrant[at] == 3, 4, 2)
        taken = (pcs[at + 1] != behind).astype(int)
        return [pcs[at], words[at], pcs[at + 1], taken]
