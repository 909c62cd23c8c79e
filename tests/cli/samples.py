"""What several tests here share: paths of sample plugins, a result, a machine that runs nothing."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from mttcg.config import Config
from mttcg.supervisor.results.result import RunResult, Status, StopReason, VcpuResult, VcpuStatus

PLUGINS = Path(__file__).parent / "plugins"
SAMPLE = str(PLUGINS / "sample.py")
BARE = str(PLUGINS / "bare.py")


def vcpu_result(index: int, **changes: Any) -> VcpuResult:
    found = VcpuResult(
        index=index,
        instructions=1_000_000 + index,
        blocks=1000,
        seconds_running=0.5,
        seconds_idle=0.25,
        cache_hits=900,
        cache_misses=100,
        cache_invalidated=3,
        state="stopped",
        pc=0x8000_0040,
    )
    return replace(found, **changes)


def run_result(smp: int = 2, **changes: Any) -> RunResult:
    found = RunResult(
        guest="counter.elf",
        engine="unicorn",
        host={"processors": 2},
        exit_status=0,
        stop_reason=StopReason.GUEST_EXIT,
        vcpus=[vcpu_result(index) for index in range(smp)],
        plugins={"icount": {"instructions": 2_000_001, "vcpus": [{"index": 0, "blocks": 12}]}},
        ledger={"memtrace.access": {"emitted": 9, "delivered": 7, "dropped": 1, "in_flight": 1}},
        seconds={"run": 0.75},
    )
    return replace(found, **changes)


def status(smp: int = 2, rate: float = 250e6) -> Status:
    vcpus = tuple(VcpuStatus(index, "running", 1000, rate) for index in range(smp))
    return Status(1.5, vcpus, {"memtrace.access": {"emitted": 12_345}})


class StandInMachine:
    """Takes what Machine takes, writes to the guest's console, gives the result it was told."""

    result = run_result()
    output = b"hello from hart 0\n"
    signal_to_send: int | None = None
    made: Config
    ran: dict[str, Any]

    def __init__(self, config: Config) -> None:
        type(self).made = config

    def run(self, **keywords: Any) -> RunResult:
        type(self).ran = keywords
        keywords["console"].write(self.output)
        if self.signal_to_send is None:
            return self.result
        try:
            os.kill(os.getpid(), self.signal_to_send)
            signal.pause()
        except KeyboardInterrupt:
            return replace(self.result, stop_reason=StopReason.INTERRUPTED)
        raise AssertionError("the signal did not come")


def stand_in_machine(monkeypatch: pytest.MonkeyPatch, **attributes: Any) -> type[StandInMachine]:
    """Put a fresh stand-in where the command line imports Machine from."""
    stand_in = type("Machine", (StandInMachine,), attributes)
    module = ModuleType("mttcg.supervisor.machine")
    module.Machine = stand_in  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "mttcg.supervisor.machine", module)
    return stand_in
