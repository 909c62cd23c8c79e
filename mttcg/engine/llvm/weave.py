"""A plan as translated code sees it: which operations stand where, as rows of a table.

Code is shared by all vCPUs whose plans have the same shape; what differs, the functions and data
behind the rows, each vCPU has in its frame.
"""

from dataclasses import dataclass, field

import numpy as np

from mttcg.instrument.plan import EMPTY, Kind, Operation, Plan

Row = tuple[int, Kind]
"""Number of an operation's row, and what it does."""


@dataclass
class Weave:
    """The rows of a plan, by where they are attached."""

    plan: Plan = EMPTY
    operations: list[Operation] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Number the operations, those for everywhere first."""
        plan = self.plan
        self.every_block = self._rows(plan.every_block)
        self.every_instruction = self._rows(plan.every_instruction)
        self.every_access = self._rows(plan.every_access)
        self.blocks = {pc: self._rows(found) for pc, found in plan.blocks.items()}
        self.instructions = {pc: self._rows(found) for pc, found in plan.instructions.items()}
        pairs = [(operation.function, operation.data) for operation in self.operations]
        self.table = np.array(pairs or [(0, 0)], dtype=np.uint64)

    def _rows(self, operations: tuple[Operation, ...]) -> tuple[Row, ...]:
        first = len(self.operations)
        self.operations.extend(operations)
        return tuple((first + n, operation.kind) for n, operation in enumerate(operations))

    def shape(self, start: int, end: int) -> int:
        """A number for what is attached to the code from `start` to `end`; equal shapes share."""
        inside = [
            tuple((pc, rows) for pc, rows in sites.items() if start <= pc < end)
            for sites in (self.blocks, self.instructions)
        ]
        return hash((self.every_block, self.every_instruction, self.every_access, *inside))

    def at_block(self, pc: int) -> tuple[Row, ...]:
        """Operations before the block at pc."""
        return self.every_block + self.blocks.get(pc, ())

    def at_instruction(self, pc: int) -> tuple[Row, ...]:
        """Operations before the instruction at pc."""
        return self.every_instruction + self.instructions.get(pc, ())

    def calls_python(self, start: int, end: int) -> bool:
        """Whether anything from `start` to `end` may run Python."""
        everywhere = self.every_block + self.every_instruction + self.every_access
        sites = (self.blocks, self.instructions)
        inside = [
            r for found in sites for pc, rows in found.items() if start <= pc < end for r in rows
        ]
        return any(kind == "python" for _, kind in (*everywhere, *inside))
