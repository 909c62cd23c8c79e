"""The drcov format, version 3 with module table version 5, as DynamoRIO's drcovlib writes it.

Text, then an array of basic blocks, each { u32 start; u16 size; u16 module }, little endian, its
start counted from that of its module. Source: ext/drcovlib/drcovlib.h and modules.c of DynamoRIO.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mttcg.instrument import printable

BLOCK = np.dtype([("start", "<u4"), ("size", "<u2"), ("module", "<u2")])
REACH = 1 << 32
"""How far from its module's start a block can be."""


class Module(NamedTuple):
    """A piece of memory, from `start` to before `end`, and what file is there."""

    start: int
    end: int
    offset: int
    linked: int
    path: str


def modules_of(
    guest: str, segments: Iterable[tuple[int, int, int, int]], ram: tuple[int, int]
) -> list[Module]:
    """The segments of a guest, then RAM, for code that was put there later."""
    found = [
        Module(address, address + size, offset, linked, guest)
        for address, size, offset, linked in segments
        if size
    ]
    base, size = ram
    pieces = range(base, base + size, REACH)
    return [*found, *(Module(at, min(at + REACH, base + size), 0, at, "[ram]") for at in pieces)]


def drcov_bytes(blocks: Iterable[tuple[int, int]], modules: Sequence[Module], entry: int) -> bytes:
    """A file with the blocks, (address, size) each; those in no module are left out."""
    rows = [row for block in blocks if (row := _row(block, modules)) is not None]
    lines = [
        "DRCOV VERSION: 3",
        "DRCOV FLAVOR: drcov-64",
        f"Module Table: version 5, count {len(modules)}",
        "Columns: id, containing_id, start, end, entry, offset, preferred_base, path",
    ]
    for number, module in enumerate(modules):
        inside = entry if module.start <= entry < module.end else 0
        places = [f"{place:#018x}" for place in (module.start, module.end, inside)]
        columns = [f"{number:3}", f"{number:3}", *places, f"{module.offset:016x}"]
        lines.append(", ".join([*columns, f"{module.linked:#018x}", f" {printable(module.path)}"]))
    lines.append(f"BB Table: {len(rows)} bbs\n")
    return "\n".join(lines).encode() + np.array(rows, dtype=BLOCK).tobytes()


def _row(block: tuple[int, int], modules: Sequence[Module]) -> tuple[int, int, int] | None:
    address, size = block
    for number, module in enumerate(modules):
        if module.start <= address < module.end:
            return address - module.start, size, number
    return None


def read_drcov(path: Path) -> tuple[list[Module], list[tuple[int, int]]]:
    """Modules and blocks, (address, size) each, of a file of this version."""
    content = path.read_bytes()
    head, table, rest = content.partition(b"BB Table: ")
    count, _, data = rest.partition(b" bbs\n")
    lines = head.decode().splitlines()
    if lines[0] != "DRCOV VERSION: 3" or not table:
        raise ValueError(f"{path} is not of version 3: {lines[0]}")
    modules = []
    for line in lines[4:]:
        columns = [column.strip() for column in line.split(",", 7)]
        start, end, offset, linked = (int(columns[n], 16) for n in (2, 3, 5, 6))
        modules.append(Module(start, end, offset, linked, columns[7]))
    rows = np.frombuffer(data, BLOCK, int(count))
    return modules, [(modules[m].start + start, size) for start, size, m in rows.tolist()]
