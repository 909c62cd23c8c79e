"""The status of a run while it goes on."""

import time
from collections.abc import Callable, Mapping, Sequence

from mttcg.state.vcpu_state import Activity, VcpuState
from mttcg.supervisor.results.result import Status, VcpuStatus


class StatusReader:
    """Reads the live status off the hart states, without stopping anything."""

    def __init__(
        self, harts: Sequence[VcpuState], ledger: Callable[[], Mapping[str, Mapping[str, int]]]
    ) -> None:
        self.harts, self.ledger = harts, ledger
        self.began = self.last = time.monotonic()
        self.counts = [0] * len(harts)

    def read(self) -> Status:
        """The status now; rates are over the time since the last call."""
        now = time.monotonic()
        elapsed = max(now - self.last, 1e-9)
        counts = [hart.instructions for hart in self.harts]
        vcpus = tuple(
            VcpuStatus(
                hart.index, Activity(hart.state).name.lower(), count, (count - old) / elapsed
            )
            for hart, count, old in zip(self.harts, counts, self.counts, strict=True)
        )
        self.last, self.counts = now, counts
        return Status(now - self.began, vcpus, self.ledger())
