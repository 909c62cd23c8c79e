"""A plan: the set of instrumentation in force on one vCPU, in the form that engines take."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal, NamedTuple

from mttcg.isa.context import EVERYWHERE, Scope
from mttcg.memory.address import HostAddress, Physical, Virtual, virtual_of

OperationKind = Literal[
    "call",
    "python",
    "count",
    "table",
    "record",
    "timed",
    "retired",
    "transfer",
    "branch",
    "after_jump",
    "after_branch",
    "once",
    "once_table",
    "if",
]
"""What an operation does, for engines that can do it without the call.

- count, table: add one to the word at `data`, or to a block's or instruction's in the table there;
- record, timed: write a record into the window of the emitter at `data`, see `emitters`;
  one of a timed layout has a time stamp;
- retired, transfer, branch: as record, after an instruction, a jump, or a branch;
- after_jump, after_branch: run Python after those instructions;
- once, once_table: nothing if the flag, or the block's flag, that `data` points to is set;
- if: nothing if the condition in `data`, whose text is `text`, answers 0, see `conditions`;
- python: run Python, which may ask for a stop.
"""


@dataclass(frozen=True)
class Operation:
    """One native thing to do: the address of `void f(data, a, b, c, d, e)`, and its data.

    `scope`: the contexts in which it is run; an engine that does not look at that itself calls
    `guarded` instead, which is a function and data as well. `text` is the same function, or the
    condition of it, for an engine that can weave it in, see `probe_text`, or "". `python`: it may
    run Python, which may ask for a stop. `order`: of accesses, it is also told of fences and of
    store-conditionals that failed. `longer`: its record has more than its kind says, so that the
    function has to write it.

    What the five arguments are depends on where it is attached:
    block: pc, instructions, slot of the code page, offset in halves, bytes;
    instruction: pc, bytes, 0, 0, 0; after one: pc, its word and 32 bits above that the register
    that it wrote (see `events.RETIRED`) and `JUMPS`, `BRANCHES` and `TAKEN` of `frames`, the value
    there, where it jumped or branched to, and, of jumps only, how many were retired with it; but a
    table gets what blocks get; access: pc, address, bytes, value, how. Bit 0 of how is 1 for a
    write. Where an operation with `order` is attached, its low 8 bits are as in
    `events.TIMED_ACCESS`, and above them are the low 56 of the clock before an atomic, or before a
    store to a device; 0 if the clock is to be read now.
    """

    function: HostAddress
    data: int
    kind: "OperationKind" = "call"
    text: str = ""
    python: bool = False
    order: bool = False
    scope: Scope = EVERYWHERE
    guarded: tuple[HostAddress, int] | None = None
    longer: bool = False

    @property
    def called(self) -> tuple[HostAddress, int]:
        """The function and data to be called in any context."""
        return self.guarded or (self.function, self.data)


class FollowedCounter(NamedTuple):
    """A count of all that a hart runs in a scope, which follows the hart's own.

    Attributes:
        scope: as a counter has one only while its hart is there.
        words: where the counter's are, see `targets.COUNTER_WORDS`.
        column: the word with the hart's count when counting began, + 1.
        follows: the field of the hart's state with its count.
    """

    scope: Scope
    words: HostAddress
    column: int
    follows: str


@dataclass(frozen=True)
class ChangedSites:
    """Where a plan differs from the one before: addresses of blocks and of instructions."""

    blocks: frozenset[Virtual]
    instructions: frozenset[Virtual]


@dataclass(frozen=True)
class Plan:
    """Operations by where they are attached; each tuple runs in order.

    The mappings of a plan that has `changed` are those of the plan before, and change with the next
    one: to put a change in force takes no longer where more is attached.

    Attributes:
        every_block: before each block.
        every_instruction: before each instruction.
        every_retired: after each instruction that did not trap.
        every_access: with each load and store; loads after they have read.
        blocks: before the block that starts at an address.
        instructions: before the instruction at an address.
        physical_blocks, physical_instructions: the same, by physical address; at one place they
            come after those by virtual address.
        counters: those of a scope that follow the hart's counts.
        changed: all that differs from the plan before; None: anything may.
    """

    every_block: tuple[Operation, ...] = ()
    every_instruction: tuple[Operation, ...] = ()
    every_access: tuple[Operation, ...] = ()
    every_retired: tuple[Operation, ...] = ()
    blocks: Mapping[Virtual, tuple[Operation, ...]] = field(default_factory=dict)
    instructions: Mapping[Virtual, tuple[Operation, ...]] = field(default_factory=dict)
    physical_blocks: Mapping[Physical, tuple[Operation, ...]] = field(default_factory=dict)
    physical_instructions: Mapping[Physical, tuple[Operation, ...]] = field(default_factory=dict)
    counters: tuple[FollowedCounter, ...] = ()
    changed: ChangedSites | None = None

    def follows(self, before: "Plan") -> bool:
        """Whether it is known what differs from that plan."""
        return self.changed is not None and self.blocks is before.blocks

    @property
    def is_anywhere(self) -> bool:
        """Whether it has anything, anywhere."""
        every = self.every_block, self.every_instruction, self.every_access, self.every_retired
        return any(every) or self.is_at_virtual or self.is_at_physical

    @property
    def is_at_virtual(self) -> bool:
        """Whether something is attached to a virtual address."""
        return bool(self.blocks or self.instructions)

    @property
    def is_at_physical(self) -> bool:
        """Whether something is attached to a physical address."""
        return bool(self.physical_blocks or self.physical_instructions)

    @property
    def every_order(self) -> tuple[Operation, ...]:
        """The operations of `every_access` that also get fences and failed store-conditionals."""
        return tuple(operation for operation in self.every_access if operation.order)

    def untranslated(self) -> "Plan":
        """The same where virtual addresses are physical ones."""
        if not self.is_at_physical:
            return self
        return replace(
            self,
            blocks=_together(self.blocks, self.physical_blocks),
            instructions=_together(self.instructions, self.physical_instructions),
            physical_blocks={},
            physical_instructions={},
            changed=None,
        )


def _together(
    virtual: Mapping[Virtual, tuple[Operation, ...]],
    physical: Mapping[Physical, tuple[Operation, ...]],
) -> dict[Virtual, tuple[Operation, ...]]:
    found = dict(virtual)
    for address, operations in physical.items():
        pc = virtual_of(address)
        found[pc] = (*found.get(pc, ()), *operations)
    return found


EMPTY = Plan()
