"""What a profile is made of: records of vCPUs, and weighted stacks of named places."""

import os
from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.lib.recfunctions import repack_fields

from mttcg.instrument import ElfFileError, GuestProcess, MappedArea, ModuleSymbol
from mttcg_bus.wire.stream import Records
from mttcg_plugins._linux.program_names import KERNEL, Area, NamedPlace, ProgramNames
from mttcg_plugins._linux.unwinding import DEEPEST

LONGEST_NAME, LONGEST_PATH = 16, 256
SAMPLE = np.dtype(
    [
        ("time", "<u8"),
        ("space", "<u8"),
        ("pid", "<u4"),
        ("tgid", "<u4"),
        ("cpu", "<u4"),
        ("depth", "<u4"),
        ("comm", "u1", (LONGEST_NAME,)),
        ("stack", "<u8", (DEEPEST,)),
    ]
)
"""A vCPU was at `stack`, `depth` of it, the innermost first, in a thread."""
TALLY = np.dtype(
    [
        ("pc", "<u8"),
        ("instructions", "<u8"),
        ("space", "<u8"),
        ("tgid", "<u4"),
        ("cpu", "<u4"),
        ("comm", "u1", (LONGEST_NAME,)),
    ]
)
"""How many instructions a process retired in a block, as the table of a vCPU had it."""
AREA = np.dtype(
    [
        ("start", "<u8"),
        ("end", "<u8"),
        ("offset", "<u8"),
        ("space", "<u8"),
        ("tgid", "<u4"),
        ("bytes", "<u4"),
        ("path", "u1", (LONGEST_PATH,)),
        ("file_bytes", "<u4"),
        ("other", "<u4"),
        ("file", "u1", (LONGEST_PATH,)),
    ]
)
"""A process has code of a file mapped; a longer path is cut, and no file's. `file` is the same
here, if it is there; `other` is 1 if what is there is another."""

MODULE = np.dtype([("address", "<u8"), ("size", "<u4"), ("bytes", "<u4"), ("name", "u1", (88,))])
"""A function of a module of the kernel's, called as the kernel does: "name [module]"."""


class Who(NamedTuple):
    """A process, as long as it is one program."""

    tgid: int
    space: int
    comm: str

    @classmethod
    def of(cls, process: GuestProcess) -> "Who":
        """The process that a thread is of."""
        return cls(process.tgid, process.space, process.comm)


def comm_bytes(comm: str) -> "np.ndarray[Any, np.dtype[np.uint8]]":
    """A name as records have it."""
    found = np.zeros(LONGEST_NAME, np.uint8)
    text = comm.encode()[:LONGEST_NAME]
    found[: len(text)] = list(text)
    return found


def area_records(
    process: GuestProcess,
    areas: Iterable[MappedArea],
    file_of: Callable[[MappedArea], Path | None],
) -> "np.ndarray[Any, Any]":
    """Records of those that have code of a file.

    file_of: gives the file here, None if there is none; raises ElfFileError if it is another.
    """
    with_code = [each for each in areas if each.path and "x" in each.access]
    found = np.zeros(len(with_code), AREA)
    for record, area in zip(found, with_code, strict=True):
        text, here = area.path.encode()[:LONGEST_PATH], b""
        try:
            file = file_of(area)
            here = b"" if file is None else os.fsencode(file.absolute())[:LONGEST_PATH]
        except ElfFileError:
            record["other"] = 1
        record["file_bytes"], record["file"][: len(here)] = len(here), list(here)
        record["start"], record["end"], record["offset"] = area.start, area.end, area.offset
        record["tgid"], record["space"], record["bytes"] = process.tgid, process.space, len(text)
        record["path"][: len(text)] = list(text)
    return found


def module_records(symbols: Iterable[ModuleSymbol]) -> "np.ndarray[Any, Any]":
    """Records of functions of modules."""
    rows = list(symbols)
    found = np.zeros(len(rows), MODULE)
    for record, symbol in zip(found, rows, strict=True):
        text = f"{symbol.name} [{symbol.module}]".encode()[: MODULE["name"].shape[0]]
        record["address"], record["size"], record["bytes"] = symbol.address, symbol.size, len(text)
        record["name"][: len(text)] = list(text)
    return found


def add_modules(names: ProgramNames, records: Records) -> None:
    """Have names know the functions of modules."""
    for record in records:
        name = record["name"][: record["bytes"]].tobytes().decode("utf-8", "replace")
        names.module_functions[int(record["address"])] = int(record["size"]), name


def add_areas(names: ProgramNames, records: Records) -> None:
    """Have names know what is mapped."""
    for record in records:
        path = record["path"][: record["bytes"]].tobytes().decode("utf-8", "replace")
        start, end, offset = (int(record[name]) for name in ("start", "end", "offset"))
        file = os.fsdecode(record["file"][: record["file_bytes"]].tobytes())
        area = Area(start, end, offset, path, file)
        if record["other"]:
            names.others.add(path)
        names.areas[int(record["tgid"]), int(record["space"])].add(area)


class WeightedStack(NamedTuple):
    """A stack, the innermost first, and how many instructions it stands for."""

    who: Who
    pid: int
    cpu: int
    time: int
    instructions: int
    frames: tuple[tuple[int, NamedPlace], ...]

    @property
    def names(self) -> tuple[str, ...]:
        """For a flame graph, the outermost first, below the process and what is run."""
        inner = self.frames[0][1]
        file = inner.file if inner.file == KERNEL else inner.file.rpartition("/")[2]
        calls = [place.shown for _, place in reversed(self.frames) if place.function]
        return (self.who.comm, file, *calls)


def _who(record: Any) -> Who:
    comm = record["comm"].tobytes().split(b"\0")[0].decode("utf-8", "replace")
    return Who(int(record["tgid"]), int(record["space"]), comm)


def sampled(
    names: ProgramNames, batches: Iterable[Records], period: int
) -> Iterator[WeightedStack]:
    """The stacks of samples, in the order of their times."""
    together = [*batches]
    if not together:
        return
    records = np.concatenate(together)
    for record in records[np.lexsort((records["cpu"], records["time"]))]:
        who, depth = _who(record), int(record["depth"])
        pcs = record["stack"][:depth].tolist()
        process = who.tgid, who.space
        # a frame further out is where a call returns to: the call is before it
        places = tuple((pc, names.at(process, pc - (at > 0))) for at, pc in enumerate(pcs))
        where = int(record["pid"]), int(record["cpu"]), int(record["time"])
        yield WeightedStack(who, *where, period, places)


def counted(names: ProgramNames, batches: Iterable[Records]) -> Iterator[WeightedStack]:
    """What was counted by block, added up by function."""
    sums: Tally[tuple[Who, int, NamedPlace]] = Tally()
    together = [*batches]
    if not together:
        return
    records = np.concatenate(together)
    keys = repack_fields(records[["pc", "space", "tgid", "comm"]])
    # as plain bytes, which are compared at once
    found, places = np.unique(keys.view(f"V{keys.itemsize}"), return_inverse=True)
    totals = np.zeros(len(found), np.uint64)
    np.add.at(totals, places, records["instructions"])
    for record, instructions in zip(found.view(keys.dtype), totals.tolist(), strict=True):
        who, pc = _who(record), int(record["pc"])
        place = names.at((who.tgid, who.space), pc)
        start = pc - place.offset if place.function else pc
        sums[who, start, place._replace(offset=0)] += instructions
    for (who, pc, place), instructions in sorted(sums.items()):
        yield WeightedStack(who, who.tgid, 0, 0, instructions, ((pc, place),))
