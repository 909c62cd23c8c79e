"""What the records of `events.TRANSFER` are, for those who follow a vCPU's stack of calls."""

from typing import Any

import numpy as np

from mttcg.instrument import (
    InstructionClass,
    compiled,
    instruction_class,
    instruction_length,
    returns_from_trap,
)
from mttcg_bus.wire.stream import Records

FIRST_CLASS = 100
"""What is added to a class, to tell it from the words that a plugin puts in itself."""
CALL, RETURN, JUMP, SWITCH = (
    FIRST_CLASS + int(getattr(InstructionClass, name))
    for name in ("CALL", "RETURN", "JUMP", "SWITCH")
)
TRAP_RETURN = 98
IN_TRAP = (1 << 64) - 1
"""Where a trap returns to: no instruction is there."""


def kind_of(word: int, marks: int) -> int:
    """What a record is: its word if below `marks`, TRAP_RETURN, or FIRST_CLASS and its class."""
    if word < marks:
        return word
    return TRAP_RETURN if returns_from_trap(word) else FIRST_CLASS + int(instruction_class(word))


def kinds_of(records: Records, marks: int) -> tuple[Any, Any]:
    """What each record is, and where it returns to if it is a call.

    marks: words below it are what a plugin puts in itself; no instruction has them.
    """
    words, places = np.unique(records["word"], return_inverse=True)
    kinds = np.array([kind_of(word, marks) for word in words.tolist()], dtype=np.int64)
    lengths = np.array([instruction_length(word) for word in words.tolist()], dtype=np.uint64)
    return kinds[places], records["pc"] + lengths[places]


@compiled
def innermost(frames: Any, depth: Any, back: Any) -> Any:
    """The innermost of so many frames that returns to an address; -1 if none does."""
    for at in range(depth - 1, -1, -1):
        if frames[at].back == back:
            return at
    return -1
