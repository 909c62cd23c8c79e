r"""Show how long the executed blocks are: a stream of events, and an aggregator.

    mttcg run examples/guests/hello.elf --set harts_expected=1 \
        --plugin examples/plugins/block_lengths.py

    hello from hart 0 of 1
    ...
    block_lengths
      blocks        126
      instructions  500

    block_lengths: lengths
      instructions  executions
      ────────────────────────
                 1          10
                 2          12
                 3          60
    ...

The first half runs in the vCPU processes: translated code writes an `events.BLOCK` record for each
execution of a block into a ring in shared memory. The second half, the class `Aggregator`, runs in
a process of its own and gets all vCPUs' records in batches, as numpy arrays. Nothing is lost: when
the aggregator is slower than the guest, the guest waits. The same file is both halves; `mttcg
subscribe URL --plugin examples/plugins/block_lengths.py` starts one more aggregator elsewhere.
"""

from collections import Counter
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import Stream, events, instrument_block
from mttcg_bus.run_info import RunInfo


def plugin_init(_options: object) -> bool:
    instrument_block(None, None, Stream("entered", events.BLOCK))
    return True


class Aggregator(mttcg_bus.Aggregator):
    def __init__(self, options: Any, run: RunInfo) -> None:
        super().__init__(options, run)
        self.lengths: Counter[int] = Counter()

    def consume(self, stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        """Take a batch of one vCPU; `stream` is "entered", the only one here."""
        lengths, counts = np.unique(records["instructions"], return_counts=True)
        self.lengths.update(dict(zip(lengths.tolist(), counts.tolist(), strict=True)))

    def merge(self, other: Self) -> None:
        """Add what another aggregator of the same run has seen."""
        super().merge(other)
        self.lengths.update(other.lengths)

    def report(self) -> dict[str, Any]:
        """What the command shows, and --json has: numbers, and tables as lists of rows."""
        rows = [{"instructions": n, "executions": self.lengths[n]} for n in sorted(self.lengths)]
        total = sum(n * count for n, count in self.lengths.items())
        return {"blocks": self.lengths.total(), "instructions": total, "lengths": rows}
