"""A plan: the set of instrumentation in force on one vCPU, in the form that engines take."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["call", "python", "count", "table", "record"]
"""What an operation does, where an engine can do it without the call: add one to the word at
`data`, or to a block's word in the table there; write a record into the window of the emitter at
`data`, see `emitters`. "python" may ask for a stop."""


@dataclass(frozen=True)
class Operation:
    """One native thing to do: the address of `void f(data, a, b, c, d, e)`, and its data.

    `text` is the same function for an engine that can weave it in, see `probe_text`, or "".

    What the five arguments are depends on where it is attached:
    block: pc, instructions, slot of the code page, offset in halves, 0;
    instruction: pc, bytes, 0, 0, 0; access: pc, address, bytes, value, 1 for a write.
    """

    function: int
    data: int
    kind: "Kind" = "call"
    text: str = ""


@dataclass(frozen=True)
class Plan:
    """Operations by where they are attached; each tuple runs in order.

    Attributes:
        every_block: before each block.
        every_instruction: before each instruction.
        every_access: with each load and store; loads after they have read.
        blocks: before the block that starts at an address.
        instructions: before the instruction at an address.
    """

    every_block: tuple[Operation, ...] = ()
    every_instruction: tuple[Operation, ...] = ()
    every_access: tuple[Operation, ...] = ()
    blocks: Mapping[int, tuple[Operation, ...]] = field(default_factory=dict)
    instructions: Mapping[int, tuple[Operation, ...]] = field(default_factory=dict)


EMPTY = Plan()
