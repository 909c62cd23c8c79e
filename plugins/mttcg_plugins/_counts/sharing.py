"""Lines that several vCPUs use, from counts of who accessed what."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np


@dataclass
class Users:
    """How often each vCPU read and wrote something."""

    reads: Counter[int] = field(default_factory=Counter)
    writes: Counter[int] = field(default_factory=Counter)

    def add(self, cpu: int, write: bool, count: int) -> None:
        """Count accesses of a vCPU."""
        (self.writes if write else self.reads)[cpu] += count

    @property
    def moves(self) -> int:
        """How often it may have moved: of every two vCPUs, the fewer of writes and accesses."""
        return sum(
            min(written, self.reads[other] + self.writes[other])
            for cpu, written in self.writes.items()
            for other in self.reads.keys() | self.writes.keys()
            if other != cpu
        )


@dataclass
class Variable(Users):
    """Bytes of a line that are accessed as one, or that overlapping accesses join."""

    address: int = 0
    size: int = 0


@dataclass
class SharedLine(Users):
    """A line: its variables, and by (pc, vCPU) the reads and writes of code."""

    start: int = 0
    variables: list[Variable] = field(default_factory=list)
    code: dict[tuple[int, int], list[int]] = field(default_factory=dict)

    @property
    def true(self) -> int:
        """Moves that would be there if each variable had a line of its own."""
        return min(self.moves, sum(variable.moves for variable in self.variables))

    @property
    def false(self) -> int:
        """The others."""
        return self.moves - self.true

    @property
    def sharing(self) -> str:
        """Which kind it is; one that is a tenth of the other or less is not named."""
        true, false = self.true, self.false
        kinds = {"true": true * 10 > false, "false": false * 10 > true}
        return " and ".join(name for name, counts in kinds.items() if counts)

    @property
    def used(self) -> list[Variable]:
        """The variables with a hundredth of the line's accesses or more."""
        total = self.reads.total() + self.writes.total()
        return [v for v in self.variables if 100 * (v.reads.total() + v.writes.total()) >= total]


def shared_lines(accesses: Mapping[int, Any], size: int) -> list[SharedLine]:
    """The lines of `size` bytes that a vCPU writes and another accesses, by address.

    Args:
        accesses: of each vCPU, rows (address, pc << 8 | bytes << 1 | write), and their counts.
        size: a power of two.
    """
    rows = [
        _rows(cpu, keys, counts, size) for cpu, (keys, counts) in accesses.items() if len(counts)
    ]
    if not rows:
        return []
    table = np.concatenate(rows)
    order = np.lexsort((table["bytes"], table["address"], table["line"]))
    table = table[order]
    starts = np.flatnonzero(np.diff(table["line"], prepend=table["line"][0] + np.uint64(1)))
    several = np.maximum.reduceat(table["cpu"], starts) != np.minimum.reduceat(table["cpu"], starts)
    written = np.maximum.reduceat(table["write"], starts) > 0
    ends = np.append(starts[1:], len(table))
    wanted = np.flatnonzero(several & written)
    lines = [_line(table[starts[n] : ends[n]]) for n in wanted.tolist()]
    return [line for line in lines if line.moves]


ROW = np.dtype(
    [
        ("line", "<u8"),
        ("address", "<u8"),
        ("pc", "<u8"),
        ("count", "<i8"),
        ("bytes", "<u2"),
        ("cpu", "<u2"),
        ("write", "u1"),
    ]
)


def _rows(cpu: int, keys: Any, counts: Any, size: int) -> Any:
    """One vCPU's accesses as rows of a table; one that goes over a line's end is in both lines."""
    rows = np.zeros(len(counts), ROW)
    rows["address"], rows["count"], rows["cpu"] = keys[:, 0], counts, cpu
    # the upper bits of a pc are all as the highest that is kept: addresses of kernels
    pcs = keys[:, 1].view(np.int64) >> np.int64(8)
    rows["pc"], rows["write"] = pcs.view(np.uint64), keys[:, 1] & np.uint64(1)
    rows["bytes"] = keys[:, 1] >> np.uint64(1) & np.uint64(0x7F)
    mask = np.uint64(size - 1)
    pieces = []
    while len(rows):
        rows["line"] = rows["address"] & ~mask
        room = (np.uint64(size) - (rows["address"] & mask)).astype(np.int64)
        over = rows["bytes"] > room
        rest = rows[over].copy()
        rest["address"] += room[over].astype(np.uint64)
        rest["bytes"] -= room[over].astype(np.uint16)
        rows["bytes"][over] = room[over]
        pieces.append(rows)
        rows = rest
    return np.concatenate(pieces)


def _line(rows: Any) -> SharedLine:
    line = SharedLine(start=int(rows["line"][0]))
    for _, address, pc, count, size, cpu, write in rows.tolist():
        line.add(cpu, write, count)
        line.code.setdefault((pc, cpu), [0, 0])[write] += count
        last = line.variables[-1] if line.variables else None
        if last is None or address >= last.address + last.size:
            last = Variable(address=address, size=size)
            line.variables.append(last)
        last.size = max(last.size, address + size - last.address)
        last.add(cpu, write, count)
    return line
