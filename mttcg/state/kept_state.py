"""What of a vCPU's state a snapshot keeps, by name; all else begins anew with each run."""

from collections.abc import Mapping, Sequence

from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import MASK, fields_of

KEPT = (
    *("pc", "instructions", "power", "start_pc", "start_argument"),
    *("lines", "timer_deadline", "stood", "call_began"),
)
"""Fields of no ISA."""


def kept_fields(kind: type[VcpuState]) -> tuple[str, ...]:
    """Names of the fields that are kept of an ISA's state: these, and all of its own."""
    own = fields_of(kind).keys() - fields_of(VcpuState).keys()
    return (*KEPT, *sorted(own))


def words_of(state: VcpuState) -> dict[str, tuple[int, ...]]:
    """What is kept of a hart that stands still, as words by field."""
    fields = fields_of(type(state))
    return {
        name: tuple(state.words[fields[name].index : fields[name].end // state.words.itemsize])
        for name in kept_fields(type(state))
    }


def take_words(state: VcpuState, kept: Mapping[str, Sequence[int]]) -> None:
    """Give a hart that has not begun what was kept; KeyError and ValueError if it is not that."""
    fields = fields_of(type(state))
    for name in kept_fields(type(state)):
        first, words = fields[name].index, kept[name]
        if len(words) != fields[name].count or kept.keys() - fields.keys():
            raise ValueError(f"{name} has {len(words)} words")
        for at, word in enumerate(words):
            state.words[first + at] = word & MASK
