"""What is attached to a page as translated code sees it: operations as rows of a table.

Code is shared by all vCPUs whose plans have the same shape; what differs, the functions and data
behind the rows, each vCPU has in its frame.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from itertools import chain
from typing import Any, NamedTuple

from mttcg.instrument.native.probe_text import name_of
from mttcg.instrument.plan.plan import Operation
from mttcg.isa.context import EVERYWHERE
from mttcg.memory.address import PageOffset

PROBE, IF, ONCE_EACH = "probe", "if", "once_table"
RECORDS = ("record", "timed", "retired", "transfer", "branch")
"""Kinds that write into an emitter's window."""


class OperationRow(NamedTuple):
    """An operation's row.

    `kind` is what it does: its `plan.Kind`; or PROBE, or IF, and the name of a probe. `python`: it
    may run Python. `order`: of accesses, it is also told of fences and of SCs that failed.
    `emitter`: of those that record, the row that has their emitter. `scoped`: it is run in some
    contexts only, which its vCPU knows. `longer`: of those that record, it is to be called.
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
    """LLVM text of the probes to be woven in, and of others, by name."""
    every_retired: Rows = ()
    """After each instruction."""
    done: tuple[PageOffset, ...] = ()
    """Blocks in which everything that runs once in each has run, in order."""

    @property
    def everywhere(self) -> Rows:
        """The rows that are attached to every page."""
        before = *self.every_block, *self.every_instruction, *self.every_access
        return (*before, *self.every_retired)

    def rows(self) -> Iterator[OperationRow]:
        """All rows."""
        at = *self.blocks.values(), *self.instructions.values()
        return chain(self.everywhere, *at)

    def __bool__(self) -> bool:
        """Whether anything is attached."""
        return bool(self.blocks or self.instructions or self.everywhere)

    def shape(self, places: int | None = None) -> int:
        """A number; code that was made for one of two equal ones is right for the other.

        places: the sum of `shape_of` its blocks and instructions, if that is known.
        """
        if places is None:
            places = sum(shape_of("block", *place) for place in self.blocks.items())
            places += sum(shape_of("instruction", *place) for place in self.instructions.items())
        everywhere = self.every_block, self.every_instruction, self.every_access
        return hash((*everywhere, self.every_retired, self.done, places % SHAPES))

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
            "probes": {name: self.probes[name] for name in self._probes_used()},
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

    def _probes_used(self) -> set[str]:
        names = {row.kind.partition(" ")[2] for row in self.rows()}
        return {name for name in names if name}


SHAPES = 1 << 64


def shape_of(kind: str, offset: PageOffset, rows: Rows) -> int:
    """What a place with rows adds to its page's shape."""
    return hash((kind, offset, rows))


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
