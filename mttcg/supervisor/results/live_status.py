"""The status of a run while it goes on."""

import time
from collections.abc import Callable, Mapping, Sequence

from mttcg.state.vcpu_state import Activity, VcpuState
from mttcg.supervisor.results.result import Status, VcpuStatus

VCPUS_SHOWN = 8
"""vCPUs that are shown one by one; of more, only the sum."""


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


def status_text(status: Status) -> str:
    """Write a status in one line: time, speed in all and per vCPU, events on the bus."""
    total = sum(vcpu.rate for vcpu in status.vcpus)
    parts = [f"{status.seconds:.1f} s", f"{total / 1e6:,.1f} M instr/s"]
    if len(status.vcpus) <= VCPUS_SHOWN:
        parts.append("  ".join(vcpu_text(vcpu) for vcpu in status.vcpus))
    else:
        states = [vcpu.state for vcpu in status.vcpus]
        counts = {state: states.count(state) for state in dict.fromkeys(states)}
        parts.append("  ".join(f"{count} {state}" for state, count in counts.items()))
    emitted = sum(counts.get("emitted", 0) for counts in status.ledger.values())
    if status.ledger:
        parts.append(f"{emitted:,} events")
    return " | ".join(parts)


def vcpu_text(vcpu: VcpuStatus) -> str:
    """Write one vCPU's part: its speed while it runs, else its state."""
    shown = f"{vcpu.rate / 1e6:,.1f}" if vcpu.rate > 0 else vcpu.state
    return f"{vcpu.index}: {shown}"
