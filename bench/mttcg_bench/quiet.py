"""How much of the machine others use: a figure taken beside them is worth little."""

import os
import resource
import time
from dataclasses import dataclass

import psutil

ACCEPTED = 0.1
"""Cores that others may use during a run for it to be accepted at once."""
LOOK_SECONDS = 0.5
IDLE_FIELDS = {"idle", "iowait", "guest", "guest_nice"}
"""Not busy, or counted in another field already (proc(5), /proc/stat)."""


def busy_seconds() -> float:
    """CPU seconds that the whole machine was busy, stolen ones included."""
    times = psutil.cpu_times()._asdict()
    return float(sum(value for name, value in times.items() if name not in IDLE_FIELDS))


def own_seconds() -> float:
    """CPU seconds of this process, and of its descendants that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class LoadMeter:
    """Measures, from its making on, how many cores others used."""

    def __init__(self) -> None:
        self.began = time.monotonic()
        self.busy, self.own = busy_seconds(), own_seconds()

    def foreign_cores(self) -> float:
        """Cores that were busy with what is not ours, on average."""
        elapsed = time.monotonic() - self.began
        foreign = (busy_seconds() - self.busy) - (own_seconds() - self.own)
        return max(0.0, foreign / elapsed) if elapsed > 0 else 0.0


@dataclass
class WaitingBudget:
    """Seconds that may go into waiting for a quiet machine and into repeated runs, all together."""

    left: float

    def wait_for_quiet(self) -> None:
        """Wait until others use next to nothing, or until the patience is at an end."""
        while self.left > 0:
            onlooker = LoadMeter()
            time.sleep(LOOK_SECONDS)
            self.left -= LOOK_SECONDS
            if onlooker.foreign_cores() <= ACCEPTED:
                return


def load() -> float:
    """Load average of the last minute."""
    return os.getloadavg()[0]
