"""Calls Python behind branches and jumps, and records both as well, to compare them."""

from collections import defaultdict
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    Cpu,
    InstructionClass,
    Stream,
    events,
    instruction_class,
    instrument,
    instrument_branch,
    instrument_jump,
    uninstrument_branch,
)
from mttcg_bus.run_info import RunInfo

CALLED = np.dtype(
    [("pc", "<u8"), ("target", "<u8"), ("taken", "<u8"), ("kind", "<u8"), ("ra", "<u8")]
)
called_branches = Stream("called_branches", CALLED)
called_jumps = Stream("called_jumps", CALLED)
few = [0]


def plugin_init(_options: None) -> bool:
    instrument(None, None, Stream("branches", events.BRANCH))
    instrument(None, None, Stream("jumps", events.TRANSFER))
    instrument_branch(None, on_branch)
    instrument_jump(None, on_jump)
    for cpu in range(2):
        instrument_branch(cpu, on_few, "few")
    return True


def on_branch(cpu: Cpu, branch: Any, _opaque: None) -> None:
    called_branches.emit(cpu, (branch.pc, branch.target, branch.taken, 0, cpu.read_register("ra")))


def on_few(cpu: Cpu, _branch: Any, opaque: str) -> None:
    few[0] += 1
    if few[0] == 10:
        uninstrument_branch(cpu, on_few, opaque)


def on_jump(cpu: Cpu, jump: Any, _opaque: None) -> None:
    called_jumps.emit(cpu, (jump.pc, jump.target, 1, int(jump.kind), cpu.read_register("ra")))


def plugin_vcpu_exit(cpu: Cpu) -> None:
    called_branches.emit(cpu, (0, few[0], 0, 0, 0))


class Aggregator(mttcg_bus.Aggregator):
    """Compares what was called with what was recorded, on each vCPU."""

    def __init__(self, options: None, run: RunInfo) -> None:
        super().__init__(options, run)
        self.records: dict[tuple[str, int], list[Any]] = defaultdict(list)

    def consume(self, stream: str, cpu: int, records: "np.ndarray[Any, Any]") -> None:
        self.records[stream, cpu].append(records.copy())

    def report(self) -> dict[str, Any]:
        return {str(cpu): self._compared(cpu) for cpu in sorted({cpu for _, cpu in self.records})}

    def _all(self, stream: str, cpu: int) -> Any:
        return np.concatenate(self.records[stream, cpu])

    def _compared(self, cpu: int) -> dict[str, Any]:
        branches, called = self._all("branches", cpu), self._all("called_branches", cpu)
        called, last = called[:-1], called[-1]
        jumps, jumped = self._all("jumps", cpu), self._all("called_jumps", cpu)
        kinds = np.array([int(instruction_class(int(word))) for word in jumps["word"]])
        calls = (kinds == InstructionClass.CALL) & (jumps["word"] >> 7 & 31 == 1)
        long = jumps["word"] & 3 == 3
        behind = jumps["pc"] + np.where(long, 4, 2)
        return {
            "branches": [
                bool(np.array_equal(branches[name], called[name]))
                for name in ("pc", "target", "taken")
            ],
            "jumps": [bool(np.array_equal(jumps[name], jumped[name])) for name in ("pc", "target")],
            "kinds": bool(np.array_equal(kinds, jumped["kind"])),
            "links": bool(np.array_equal(jumped["ra"][calls & long], behind[calls & long])),
            "some": [len(branches), len(jumps), int(calls.sum())],
            "few": int(last["target"]),
        }
