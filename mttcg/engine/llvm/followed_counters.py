"""Counters of all that a hart runs in a scope, as native code follows them.

They cost nothing while the context stays: one has the hart's count when it began to follow, and is
brought up to date when the hart comes to a context outside of its scope. The table has how many
there are, then a row of words for each.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from mttcg.instrument.plan.plan import FollowedCounter
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import WORD_BYTES, offsets_of

MASK, WANTED, WORDS, BEGAN, COUNTED = range(5)
"""Words of a row: the scope, host addresses of what was counted and of the hart's count when
counting began + 1, and where the hart's state has its count."""
ROW_WORDS = 5


def followed_counters(counters: Iterable[FollowedCounter]) -> npt.NDArray[np.uint64]:
    """The table of some counters."""
    offsets = offsets_of(VcpuState)
    rows: list[int] = []
    number = 0
    for counter in counters:
        if counter.scope.mask:
            number += 1
            began = counter.words + WORD_BYTES * counter.column
            rows += (*counter.scope, counter.words, began, offsets[counter.follows])
    return np.array([number, *rows], dtype=np.uint64)
