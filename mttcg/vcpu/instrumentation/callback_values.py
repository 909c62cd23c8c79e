"""What Python callbacks are given of what happens, made of an operation's arguments.

The arguments are those of `mttcg.instrument.plan.plan.Operation`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mttcg.instrument.api.changes import Where
from mttcg.instrument.api.cpu import CallbackPhase
from mttcg.instrument.events import WRITE
from mttcg.instrument.native.frames import TAKEN
from mttcg.instrument.program.instructions import InstructionClass, instruction_class

WORD = (1 << 32) - 1
"""Where the instruction is in what operations after it are told of it."""


@dataclass(frozen=True)
class MemoryAccess:
    """A load or store."""

    pc: int
    address: int
    size: int
    value: int
    write: bool


@dataclass(frozen=True)
class BlockEntry:
    """A block that is about to run."""

    pc: int
    instructions: int


@dataclass(frozen=True)
class BranchDone:
    """A conditional branch, and where control goes on."""

    pc: int
    target: int
    taken: bool


@dataclass(frozen=True)
class JumpDone:
    """An instruction that always goes elsewhere, where to, and what it is: CALL, RETURN, ..."""

    pc: int
    target: int
    kind: InstructionClass


def _access(arguments: tuple[int, ...]) -> MemoryAccess:
    pc, address, size, value, how = arguments
    return MemoryAccess(pc, address, size, value, bool(how & WRITE))


def _block(arguments: tuple[int, ...]) -> BlockEntry:
    return BlockEntry(*arguments[:2])


def _branch(arguments: tuple[int, ...]) -> BranchDone:
    pc, what, _, target, _ = arguments
    return BranchDone(pc, target, bool(what & TAKEN))


def _jump(arguments: tuple[int, ...]) -> JumpDone:
    pc, what, _, target, _ = arguments
    return JumpDone(pc, target, instruction_class(what & WORD))


SEEN: Mapping[Where, Callable[[tuple[int, ...]], Any]] = {
    Where.ACCESS: _access,
    Where.BLOCK: _block,
    Where.BRANCH: _branch,
    Where.JUMP: _jump,
}
"""What makes it, by where the callback is attached; before an instruction there is nothing."""
HALF_DONE: Mapping[Where, str] = {
    Where.ACCESS: CallbackPhase.MEMORY,
    Where.BRANCH: CallbackPhase.BEHIND,
    Where.JUMP: CallbackPhase.BEHIND,
}
"""Where control can't go elsewhere any more, and registers can't be written; and how that is
told."""
