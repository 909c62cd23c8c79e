"""Show which functions call which, and where the instructions go: collapsed stacks, per vCPU.

    mttcg run examples/guests/calls.elf --set rounds=1 --plugin callgraph,out=stacks.txt,top=3

    function                  own  with callees
    sort                  141,154       237,984
    in_order_of_low_bits   54,600        54,600
    interpret              49,183       110,881

`out` gets a line for each stack: its functions from the outermost on, and how many instructions
were retired right there; `flamegraph.pl`, inferno and speedscope read it. Calls and returns are the
jumps that write, or go to, a link register; a jump to the start of another function is a tail call.
A trap is a frame of its own, "[trap]", until the guest returns from it.
"""

from collections import Counter as Tally
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import numpy as np

import mttcg_bus
from mttcg.instrument import Counter, Cpu, Stream, compiled, events, figures, instrument, option
from mttcg_bus.host.growing_file import write_whole
from mttcg_bus.run_info import RunInfo
from mttcg_bus.wire.stream import Records
from mttcg_plugins._counts.sources import lines_of
from mttcg_plugins._counts.transfers import (
    CALL,
    IN_TRAP,
    JUMP,
    RETURN,
    SWITCH,
    TRAP_RETURN,
    innermost,
    kinds_of,
)
from mttcg_plugins._files.collapsed import collapsed_line
from mttcg_plugins._files.outputs import check_output

TRAP, END = 0, 1
"""Words of the records that this plugin puts in itself; no instruction has them."""
DEEPEST = 4096
"""Frames; calls beyond that are counted in the deepest."""
TRAP_FRAME = np.uint64(1)
"""An address that no function has."""
FRAME = np.dtype([("node", "<u8"), ("back", "<u8")])
"""A frame of a stack: the number of its row in the tree, and where it returns to."""
NOWHERE = (1 << 64) - 2
"""Where the outermost frame returns to."""
transfers: Stream
instructions: Counter


@dataclass(frozen=True)
class Options:
    """Options of callgraph."""

    out: Path | None = option(None, help="file to write the collapsed stacks to")
    top: int = option(20, help="how many functions to report, 0 for all")


def plugin_init(_options: Options) -> bool:
    """Record every jump, and count instructions, of every vCPU."""
    global transfers, instructions
    transfers, instructions = Stream("transfers", events.TRANSFER), Counter("instructions")
    instrument(None, None, transfers)
    instrument(None, None, instructions)
    return True


def plugin_trap(cpu: Cpu, _cause: int, pc: int, _interrupt: bool) -> None:
    """Put a trap into the stream, between the jumps before and after it."""
    transfers.emit(cpu, (pc, cpu.pc, 0, instructions.value(cpu.index), TRAP, cpu.index))


def plugin_vcpu_exit(cpu: Cpu) -> None:
    """Say how many instructions there were in all."""
    transfers.emit(cpu, (cpu.pc, cpu.pc, 0, instructions.value(cpu.index), END, cpu.index))


@compiled
def follow(
    records: Any, kinds: Any, backs: Any, starts: Any, tree: Any, table: Any, stack: Any, at: Any
) -> int:
    """Follow jumps from record at[3] on; where it stopped, to be given more room.

    Args:
        records: a batch of `events.TRANSFER`; kinds, backs: of each, see `kinds_of`.
        starts: addresses of functions, in order.
        tree: rows of parent, function and instructions; row 0 is the root.
        table: 1 + numbers of rows, found by open addressing.
        stack: of FRAME.
        at: depth, number of rows, instructions so far, where to begin.
    """
    mask = np.int64(len(table) - 1)
    for n in range(at[3], len(records)):
        if 2 * (at[1] + 2) > len(table) or at[1] + 2 > len(tree):
            return n
        record, kind = records[n], kinds[n]
        tree[stack[at[0]].node, 2] += record.instructions - np.uint64(at[2])
        at[2] = np.int64(record.instructions)
        target = record.target
        if kind in (RETURN, SWITCH, TRAP_RETURN):
            left = innermost(
                stack, at[0] + 1, np.uint64(IN_TRAP) if kind == TRAP_RETURN else target
            )
            if left > 0:
                at[0] = left - 1
        pushes = kind in (CALL, SWITCH, TRAP)
        parent = np.int64(stack[at[0]].node)
        if kind == JUMP:
            place = np.searchsorted(starts, target)
            if place == len(starts) or starts[place] != target or tree[parent, 1] == target:
                continue
            if at[0] > 0:
                parent = np.int64(tree[parent, 0])
        elif not pushes:
            continue
        for frame in range(2 if kind == TRAP else 1):
            function = TRAP_FRAME if kind == TRAP and frame == 0 else target
            slot = np.int64((function * np.uint64(31) + np.uint64(parent)) >> np.uint64(1)) & mask
            while table[slot] != 0 and (
                tree[table[slot] - 1, 0] != parent or tree[table[slot] - 1, 1] != function
            ):
                slot = (slot + 1) & mask
            if table[slot] == 0:
                tree[at[1], 0], tree[at[1], 1] = parent, function
                at[1] += 1
                table[slot] = at[1]
            parent = np.int64(table[slot]) - 1
            if pushes and at[0] < len(stack) - 1:
                at[0] += 1
                stack[at[0]].back = backs[n]
                if kind == TRAP:
                    stack[at[0]].back = np.uint64(IN_TRAP) if frame == 0 else np.uint64(0)
            stack[at[0]].node = parent
    return len(records)


class VcpuCalls:
    """The calls of one vCPU."""

    def __init__(self, entry: int, rows: int = 1 << 10) -> None:
        self.tree = np.zeros((rows, 3), dtype=np.uint64)
        self.tree[0, 1] = entry
        self.table = np.zeros(4 * rows, dtype=np.int64)
        self.stack = np.zeros(DEEPEST, FRAME)
        self.stack["back"][0] = NOWHERE
        self.at = np.array([0, 1, 0, 0], dtype=np.int64)

    def add(self, records: Records, starts: Any) -> None:
        """Follow a batch."""
        kinds, backs = kinds_of(records, END + 1)
        self.at[3] = 0
        while self._follow(records, kinds, backs, starts) < len(records):
            self._grow()

    def _follow(self, records: Records, kinds: Any, backs: Any, starts: Any) -> int:
        self.at[3] = follow(
            records, kinds, backs, starts, self.tree, self.table, self.stack, self.at
        )
        return int(self.at[3])

    def _grow(self) -> None:
        self.tree = np.concatenate([self.tree, np.zeros_like(self.tree)])
        self.table = np.zeros(2 * len(self.table), dtype=np.int64)
        mask = len(self.table) - 1
        for number in range(1, int(self.at[1])):
            parent, function = (int(word) for word in self.tree[number, :2])
            slot = (function * 31 + parent & (1 << 64) - 1) >> 1 & mask
            while self.table[slot]:
                slot = slot + 1 & mask
            self.table[slot] = number + 1

    def stacks(self) -> Tally[tuple[int, ...]]:
        """Instructions retired in each stack of functions."""
        rows = self.tree[: int(self.at[1])].tolist()
        paths: list[tuple[int, ...]] = []
        for number, (parent, function, _) in enumerate(rows):
            paths.append((*paths[parent], function) if number else (function,))
        found: Tally[tuple[int, ...]] = Tally()
        for path, (_, _, count) in zip(paths, rows, strict=True):
            found[path] += count
        return +found


class Aggregator(mttcg_bus.Aggregator):
    """Follows each vCPU's stack; merging adds what the stacks have."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.calls: dict[int, VcpuCalls] = {}
        self.merged: Tally[tuple[int, tuple[int, ...]]] = Tally()
        self.starts = np.array(sorted({s[0] for s in run.symbols if s[1]}), dtype=np.uint64)

    @classmethod
    def check(cls, options: Options, run: RunInfo) -> None:
        """Refuse a file that can't be written."""
        check_output("out", options.out)

    def consume(self, _stream: str, cpu: int, records: Records) -> None:
        """Follow the jumps of one vCPU."""
        self.calls.setdefault(cpu, VcpuCalls(self.run.entry)).add(records, self.starts)

    def merge(self, other: Self) -> None:
        """Add another's stacks."""
        super().merge(other)
        self.merged.update(other.stacks())

    def stacks(self) -> Tally[tuple[int, tuple[int, ...]]]:
        """Instructions by vCPU and stack."""
        found = self.merged.copy()
        for cpu, calls in self.calls.items():
            found.update({(cpu, path): count for path, count in calls.stacks().items()})
        return found

    def save(self) -> None:
        """Write the collapsed stacks."""
        if self.options.out is not None:
            lines = sorted(
                collapsed_line([f"vCPU {cpu}", *map(self._name, path)], count)
                for (cpu, path), count in self.stacks().items()
            )
            write_whole(self.options.out, "".join(lines).encode())

    def _name(self, address: int) -> str:
        if address == int(TRAP_FRAME):
            return "[trap]"
        return self.run.symbol_at(address) or hex(address)

    def report(self) -> dict[str, Any]:
        """Instructions of each function by itself, and with what it calls."""
        own: Tally[str] = Tally()
        within: Tally[str] = Tally()
        stacks = sorted(self.stacks().items())
        starts: dict[str, int] = {}
        for (_, path), count in stacks:
            names = [self._name(address) for address in path]
            starts |= zip(names, path, strict=True)
            own[names[-1]] += count
            for name in set(names):
                within[name] += count
        order = sorted(within, key=lambda name: (-own[name], -within[name], name))
        shown = order[: self.options.top or None]
        lines, _ = lines_of(self.run, (starts[name] for name in shown))
        rows = [
            {"function": name, "own": own[name], "with callees": within[name]}
            | ({"source": lines[starts[name]]} if any(lines.values()) else {})
            for name in shown
        ]
        named: Tally[tuple[str, ...]] = Tally()
        for (cpu, path), count in stacks:
            named[f"vCPU {cpu}", *map(self._name, path)] += count
        report = {
            "instructions": own.total(),
            "stacks": len(stacks),
            "flame graph": figures.flame_graph(named, "instructions"),
            "functions": rows,
        }
        return report | ({"file": str(self.options.out)} if self.options.out else {})
