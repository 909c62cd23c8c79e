"""Where fields of records lie in their 64-bit words, for native code that writes whole words."""

from typing import Any

import numpy as np

from mttcg.instrument import events


def shift_of(layout: "np.dtype[Any]", field: str) -> int:
    """How many bits above the start of its word a field of a record begins."""
    places: Any = layout.fields
    return int(8 * (places[field][1] % 8))


CPU_SHIFT, SIZE_SHIFT = (shift_of(events.ACCESS, field) for field in ("cpu", "size"))
CONTEXT_SHIFT = shift_of(events.ACCESS, "context")
HOW_SHIFT = shift_of(events.ACCESS, "write")
"""Of the last word of an `events.ACCESS` or `events.TIMED_ACCESS`."""
TICKS_SHIFT = shift_of(events.TIMED_ACCESS, "ticks")
BLOCK_SIZE_SHIFT, BLOCK_CPU_SHIFT = (shift_of(events.BLOCK, field) for field in ("size", "cpu"))
TIMED_CPU_SHIFT = shift_of(events.TIMED, "cpu")
RETIRED_CPU_SHIFT, RETIRED_REGISTER_SHIFT = (
    shift_of(events.RETIRED, field) for field in ("cpu", "register")
)
TRANSFER_CPU_SHIFT = shift_of(events.TRANSFER, "cpu")
BRANCH_CPU_SHIFT, BRANCH_TAKEN_SHIFT = (
    shift_of(events.BRANCH, field) for field in ("cpu", "taken")
)
