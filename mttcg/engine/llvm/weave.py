"""A plan as translated code sees it: which operations stand where, as rows of a table.

Code is shared by all vCPUs whose plans have the same shape; what differs, the functions and data
behind the rows, each vCPU has in its frame.
"""

import ctypes
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np

from mttcg.instrument.native.frames import FLAGS
from mttcg.instrument.native.probe_text import name_of
from mttcg.instrument.plan.plan import EMPTY, Operation, Plan
from mttcg.isa.context import EVERYWHERE
from mttcg.memory.address import HostAddress, PageOffset, Physical, Virtual, offset_in_page
from mttcg.memory.code_pages import HALVES
from mttcg.memory.page import PAGE

PROBE, IF, ONCE_EACH = "probe", "if", "once_table"
RECORDS = ("record", "timed", "retired", "transfer")
"""Kinds that write into an emitter's window."""


class OperationRow(NamedTuple):
    """An operation's row.

    `kind` is what it does: its `plan.Kind`; or PROBE, or IF, and the name of a probe. `python`: it
    may run Python. `order`: of accesses, it is also told of fences and of SCs that failed.
    `emitter`: of those that record, the first row with the same emitter, which they share.
    `scoped`: it is run in some contexts only, which its vCPU knows. `longer`: of those that record,
    it is to be called.
    """

    number: int
    kind: str
    python: bool = False
    order: bool = False
    emitter: int = -1
    scoped: bool = False
    longer: bool = False


Rows = tuple[OperationRow, ...]


@dataclass(frozen=True)
class Sites:
    """The rows for a page, by where in it they are attached."""

    every_block: Rows = ()
    every_instruction: Rows = ()
    every_access: Rows = ()
    blocks: Mapping[PageOffset, Rows] = field(default_factory=dict)
    instructions: Mapping[PageOffset, Rows] = field(default_factory=dict)
    probes: Mapping[str, str] = field(default_factory=dict)
    """LLVM text of the probes to be woven in, by name."""
    every_retired: Rows = ()
    """After each instruction."""
    done: tuple[PageOffset, ...] = ()
    """Blocks in which everything that runs once in each has run, in order."""

    def rows(self) -> Rows:
        """All rows."""
        at = [*self.blocks.values(), *self.instructions.values()]
        everywhere = (*self.every_block, *self.every_instruction, *self.every_access)
        return (*everywhere, *self.every_retired, *sum(at, ()))

    def shape(self) -> int:
        """A number; code that was made for one of two equal ones is right for the other."""
        sites = [tuple(sites.items()) for sites in (self.blocks, self.instructions)]
        everywhere = self.every_block, self.every_instruction, self.every_access
        return hash((*everywhere, self.every_retired, *sites, self.done))

    @property
    def at_places(self) -> bool:
        """Whether anything is attached to single blocks or instructions."""
        return bool(self.blocks or self.instructions)

    @property
    def every_order(self) -> Rows:
        """Operations of `every_access` that are told of fences and failed SCs as well."""
        return tuple(row for row in self.every_access if row.order)

    def at_block(self, leader: PageOffset) -> Rows:
        """Operations before the block of a leader."""
        rows = self.every_block + self.blocks.get(leader, ())
        return tuple(row for row in rows if row.kind != ONCE_EACH) if leader in self.done else rows

    def at_instruction(self, offset: PageOffset) -> Rows:
        """Operations before the instruction at an offset."""
        return self.every_instruction + self.instructions.get(offset, ())

    def call_python(self) -> bool:
        """Whether anything here may run Python."""
        return any(row.python for row in self.rows())

    def to_plain(self) -> dict[str, Any]:
        """For a message between processes."""
        return {
            "everywhere": [self.every_block, self.every_instruction, self.every_access],
            "blocks": list(self.blocks.items()),
            "instructions": list(self.instructions.items()),
            "probes": dict(self.probes),
            "retired": self.every_retired,
            "done": self.done,
        }

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "Sites":
        """Back from `to_plain`, through JSON."""
        block, instruction, access = (_rows(rows) for rows in plain["everywhere"])
        blocks, instructions = (
            {offset: _rows(rows) for offset, rows in plain[name]}
            for name in ("blocks", "instructions")
        )
        done = tuple(plain["done"])
        retired = _rows(plain["retired"])
        probes = plain["probes"]
        return cls(block, instruction, access, blocks, instructions, probes, retired, done)


def _rows(plain: Iterable[Any]) -> Rows:
    return tuple(OperationRow(*row) for row in plain)


def kind_of(operation: Operation) -> str:
    """What is woven in for an operation."""
    if not operation.text:
        return "call" if operation.kind == IF else operation.kind
    return f"{IF if operation.kind == IF else PROBE} {name_of(operation.text)}"


class Way(IntEnum):
    """How the interpreter runs an operation; the engine's part of what a row says."""

    CALL = 0  # its function, as guests and hosts have floating-point controls of their own
    COUNT = 1  # add one to the word at its data
    TABLE = 2  # add one to a word of the table at its data
    RECORD = 3  # its function, which computes with integers alone while the window has room
    PYTHON = 4  # its function, which may look at the hart, and ask for something


WAY_BITS = 3
ORDER, RUNS_ONCE, IN_EACH_BLOCK, SCOPED = (1 << WAY_BITS + bit for bit in range(4))
"""A row's way has so many bits; above them is whether it is told of what orders accesses, whether
it does nothing if its flag, or that of the block, is set, and whether it has a scope."""
WAYS: dict[str, Way] = {
    "count": Way.COUNT,
    "table": Way.TABLE,
    **dict.fromkeys(RECORDS, Way.RECORD),
}


def way_of(operation: Operation) -> int:
    """The way of an operation, and the bits above it."""
    way = Way.PYTHON if operation.python else WAYS.get(operation.kind, Way.CALL)
    flags = {"once": RUNS_ONCE, ONCE_EACH: RUNS_ONCE | IN_EACH_BLOCK}.get(operation.kind, 0)
    scoped = SCOPED * (operation.scope != EVERYWHERE)
    return way | ORDER * operation.order | flags | scoped


def packed(rows: Rows) -> int:
    """Rows that follow one another as a word: the number of the first, how many from bit 32 on."""
    return rows[0].number | len(rows) << 32 if rows else 0


class Places:
    """What is attached to places, by virtual and by physical address.

    Rows of a place follow one another, so those of two addresses that may be one place, as they
    have the same offset in a page, are there once more.

    Args:
        virtual, physical: operations by address.
        make_rows: makes rows of operations.
    """

    def __init__(
        self,
        virtual: Mapping[Virtual, tuple[Operation, ...]],
        physical: Mapping[Physical, tuple[Operation, ...]],
        make_rows: Callable[[tuple[Operation, ...]], Rows],
    ) -> None:
        self.virtual = {pc: make_rows(found) for pc, found in virtual.items()}
        self.physical = {pc: make_rows(found) for pc, found in physical.items()}
        by_offset: dict[PageOffset, list[Virtual]] = defaultdict(list)
        for pc in virtual if physical else ():
            by_offset[offset_in_page(pc)].append(pc)
        self.both = {
            (pc, there): make_rows((*virtual[pc], *physical[there]))
            for there in physical
            for pc in by_offset.get(offset_in_page(there), ())
        }

    def in_page(self, start: Virtual, physical: Physical) -> dict[PageOffset, Rows]:
        """The rows of a page that is at two addresses, by where in it they are, in order."""
        found = {
            PageOffset(pc - start): rows
            for pc, rows in self.virtual.items()
            if start <= pc < start + PAGE
        }
        for there, rows in self.physical.items():
            if physical <= there < physical + PAGE:
                offset = PageOffset(there - physical)
                found[offset] = self.both.get((Virtual(start + offset), there), rows)
        return dict(sorted(found.items()))


class Weave:
    """A plan's sites, and the functions and data of its rows.

    Attributes:
        everywhere: what is attached to each page.
        blocks, instructions: what else is, by address.
        table: uint64, a row (function, data) for each operation; those for everywhere first.
        ways: uint64, how the interpreter runs each.
        scopes: uint64, a row (mask, wanted) for each: the contexts in which it is run.
    """

    def __init__(self, plan: Plan = EMPTY) -> None:
        self.plan = plan
        self.operations: list[Operation] = []
        self.emitters: dict[int, int] = {}
        everywhere = Sites(
            self._rows(plan.every_block),
            self._rows(plan.every_instruction),
            self._rows(plan.every_access),
        )
        self.blocks = Places(plan.blocks, plan.physical_blocks, self._rows)
        self.instructions = Places(plan.instructions, plan.physical_instructions, self._rows)
        self.everywhere = replace(everywhere, every_retired=self._rows(plan.every_retired))
        self.probes = {name_of(o.text): o.text for o in self.operations if o.text}
        pairs = [(operation.function, operation.data) for operation in self.operations]
        self.table = np.array(pairs or [(HostAddress(0), 0)], dtype=np.uint64)
        self.ways = np.array([*map(way_of, self.operations)] or [0], dtype=np.uint64)
        scopes = [operation.scope for operation in self.operations]
        self.scopes = np.array(scopes or [EVERYWHERE], dtype=np.uint64)
        self.pages: dict[tuple[Virtual, Physical], tuple[Sites, int]] = {}

    def _rows(self, operations: tuple[Operation, ...]) -> Rows:
        rows = []
        for number, operation in enumerate(operations, len(self.operations)):
            kind = kind_of(operation)
            emitter = self.emitters.setdefault(operation.data, number) if kind in RECORDS else -1
            how = (
                operation.python,
                operation.order,
                emitter,
                operation.scope != EVERYWHERE,
                operation.longer,
            )
            rows.append(OperationRow(number, kind, *how))
        self.operations.extend(operations)
        return tuple(rows)

    @property
    def depends_on_virtual(self) -> bool:
        """Whether what is attached to a page depends on where the hart sees it."""
        return bool(self.blocks.virtual or self.instructions.virtual)

    def page(self, start: Virtual, physical: Physical) -> tuple[Sites, int]:
        """What is attached to a page that the hart sees at `start`, and its shape."""
        if (start, physical) not in self.pages:
            sites = self._within(start, physical)
            self.pages[start, physical] = sites, sites.shape()
        return self.pages[start, physical]

    def _within(self, start: Virtual, physical: Physical) -> Sites:
        """What is attached to a page."""
        blocks, instructions = (
            places.in_page(start, physical) for places in (self.blocks, self.instructions)
        )
        found = self.everywhere
        if blocks or instructions:  # most pages of a kernel have none
            found = replace(found, blocks=blocks, instructions=instructions)
        names = [row.kind.partition(" ")[2] for row in found.rows()]
        probes = {name: self.probes[name] for name in names if name}
        return replace(found, probes=probes) if probes else found

    def specialised(self, start: Virtual, physical: Physical, slot: int) -> tuple[Sites, int]:
        """As `page`, less what runs once where it has run on this vCPU.

        `slot`: of the block cache, in which the page's version is.
        """
        sites, shape = self.page(start, physical)
        flags = [
            _flags_of(operation, slot)
            for operation in self.plan.every_block
            if operation.kind == ONCE_EACH
        ]
        if not flags:
            return sites, shape
        done = np.flatnonzero(np.all(flags, axis=0))
        specialised = replace(sites, done=tuple(map(PageOffset, (2 * done).tolist())))
        return specialised, specialised.shape()


def _flags_of(operation: Operation, slot: int) -> "np.ndarray[Any, np.dtype[np.uint64]]":
    """A copy of the flags of a slot; this vCPU alone writes them, and is not in native code now."""
    words = (ctypes.c_uint64 * (FLAGS + 1)).from_address(operation.data)
    flags = (ctypes.c_uint64 * HALVES).from_address(words[FLAGS] + 8 * HALVES * slot)
    return np.array(flags, dtype=np.uint64)
