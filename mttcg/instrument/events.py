"""Records that translated code writes by itself into a stream attached to it.

They are little endian, as every record on the bus; `cpu` is the index of the vCPU. Some have a
`context`, the level of privilege and the address space in which that was; the others have one with
`with_context`.
"""

from typing import Any

import numpy as np

from mttcg.isa.context import SPACE_MASK

ACCESS = np.dtype(
    [
        ("pc", "<u8"),
        ("address", "<u8"),
        ("value", "<u8"),
        ("cpu", "<u2"),
        ("size", "u1"),
        ("write", "u1"),
        ("context", "<u4"),
    ]
)
"""A load or store: `size` in bytes, `value` zero-extended, `write` 1 for a store; see `space_of`
for the `context`."""

TIMED_ACCESS = np.dtype(
    [
        ("pc", "<u8"),
        ("address", "<u8"),
        ("value", "<u8"),
        ("time", "<u8"),
        ("cpu", "<u2"),
        ("size", "u1"),
        ("how", "u1"),
        ("ticks", "<u4"),
    ]
)
"""A load, store or atomic as in `ACCESS`, and when; each fence, too, and each failed
store-conditional.

`how` has WRITE for what was stored, what it was in KIND, and ACQUIRE and RELEASE for the order that
an atomic asks for. `time` is the host's clock, one for all vCPUs, in ticks of which
`RunInfo.ticks_per_second` says how many make a second: before a store, after a load, and before an
atomic, which was over `ticks` later (at most 2^32 - 1). A read-modify-write is two records, what it
read and what it wrote, with the same times. A store-conditional that failed has FAILED, no WRITE,
and as `value` what it would have stored. A fence has address and size 0 and as `value` its fm,
predecessor and successor, four bits each. Times of one vCPU do not go back.
"""

WRITE = 0x01
"""In `how`: something was stored."""
KIND = 0x0E
"""In `how`: the bits that say what it was, one of the next; 0 is a plain load or store."""
LOAD_RESERVED, STORE_CONDITIONAL, AMO, FENCE, INTERRUPT = 0x02, 0x04, 0x06, 0x08, 0x0A
"""In KIND; AMO is an atomic read-modify-write. INTERRUPT is never recorded natively: it is for
plugins to put in by `emit`."""
ACQUIRE, RELEASE, FAILED = 0x10, 0x20, 0x40
"""In `how`: an atomic's order; a store-conditional that stored nothing."""
READS_BEFORE, WRITES_BEFORE, READS_AFTER, WRITES_AFTER = 0x20, 0x10, 0x02, 0x01
"""In the `value` of a fence: whether it orders loads and stores of memory before and after it."""

TIMED = np.dtype([("pc", "<u8"), ("time", "<u8"), ("instructions", "<u4"), ("cpu", "<u4")])
"""A block or an instruction, before it, and when; see `TIMED_ACCESS` for the clock.

`instructions` is how many a block has, and 0 for a single instruction: one stream may have both.
"""

BLOCK = np.dtype([("pc", "<u8"), ("instructions", "<u2"), ("size", "<u2"), ("cpu", "<u4")])
"""An execution of a block: where it starts, how many instructions it has, its size in bytes."""

INSTRUCTION = np.dtype([("pc", "<u8"), ("cpu", "<u8")])
"""An execution of an instruction, before it."""

RETIRED = np.dtype(
    [
        ("pc", "<u8"),
        ("value", "<u8"),
        ("word", "<u4"),
        ("cpu", "<u2"),
        ("register", "u1"),
        ("reserved", "u1"),
    ]
)
"""An instruction that was retired, after it: its 16 or 32 bits as `word`, and what it wrote.

`register` is 0 if it wrote none, 1 to 31 for x1 to x31, 32 to 63 for f0 to f31, and `value` what is
in it now. One that traps has no record; traps and interrupts are seen by where the next one is.
"""

TRANSFER = np.dtype(
    [
        ("pc", "<u8"),
        ("target", "<u8"),
        ("time", "<u8"),
        ("instructions", "<u8"),
        ("word", "<u4"),
        ("cpu", "<u4"),
    ]
)
"""A jump, call, return or return from a trap, after it: where it went, and when.

`word` is the instruction, see `instruction_class`; `instructions` is how many the vCPU has retired
with it. `time`: see `TIMED_ACCESS` for the clock. Branches are in `BRANCH`.
"""

BRANCH = np.dtype(
    [
        ("pc", "<u8"),
        ("target", "<u8"),
        ("word", "<u4"),
        ("cpu", "<u2"),
        ("taken", "u1"),
        ("reserved", "u1"),
    ]
)
"""A conditional branch, after it: where control went on, and the 16 or 32 bits of it as `word`.

`taken` is 1 if that is elsewhere than behind the branch.
"""

EXECUTIONS = np.dtype(
    [
        ("pc", "<u8"),
        ("executions", "<u8"),
        ("instructions", "<u4"),
        ("size", "<u4"),
        ("code", "u1", (64,)),
    ]
)
"""A block of a `BlockTable`: how often it ran, how many instructions it has, its size in bytes, and
the first 64 of them as `code`."""

INSTRUCTION_EXECUTIONS = np.dtype([("pc", "<u8"), ("executions", "<u8"), ("word", "<u8")])
"""An instruction of a `BlockTable`: how often it was retired, and its 16 or 32 bits as `word`.

One that lies in several blocks, or had several versions, may have several records. If the table
counts those that trap as well, it is how often it was executed.
"""

WITH_CONTEXT = (BLOCK, INSTRUCTION, TIMED, RETIRED, TRANSFER, BRANCH, TIMED_ACCESS)
"""Layouts that are there with a context as well."""


def with_context(layout: "np.dtype[Any]") -> "np.dtype[Any]":
    """A layout of this module with one more field, the `context`; ACCESS has it anyhow.

    A record has 8 bytes more, and is not written inline but by a call.
    """
    return np.dtype([*layout.descr, ("context", "<u8")])


def without_context(layout: "np.dtype[Any]") -> "np.dtype[Any]":
    """The layout of this module that a dtype is `with_context` of; else the dtype itself."""
    return _PLAIN.get(layout, layout)


_PLAIN = {with_context(layout): layout for layout in WITH_CONTEXT}


def space_of(context: Any) -> Any:
    """The address space of a `context`, or of an array of them, as `cpu.space` has it.

    `mode_name` gives the mode.
    """
    return context & SPACE_MASK
