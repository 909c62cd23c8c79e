"""What happens to records when somebody is slower than the guest: a stream's policy, by name.

`block`: the guest waits, and nothing is lost. `drop` (or `drop:newest`): what comes while there is
no room is given up; `drop:oldest`: what has waited longest is. `sample:N`: every N-th record of
each vCPU, and the guest waits for these.
"""

import re
from dataclasses import dataclass
from typing import Literal

POLICIES = ("block", "drop", "drop:newest", "drop:oldest", "sample:N")
LARGEST_STEP = 1 << 32

_SAMPLE = re.compile(r"sample:([1-9][0-9]{0,9})")


@dataclass(frozen=True)
class Policy:
    """A policy, taken apart.

    waits: whether the guest waits for who has no room. gives_up: which records go otherwise.
    step: 1, or of how many records one is kept: those whose number it divides.
    """

    waits: bool = True
    gives_up: Literal["newest", "oldest"] = "newest"
    step: int = 1

    @property
    def whole(self) -> bool:
        """Whether every record is delivered."""
        return self.waits and self.step == 1

    def numbers_below(self, number: int) -> int:
        """Return how many of the records before `number` are kept."""
        return -(-number // self.step)


def parse_policy(text: str) -> Policy | None:
    """Return the policy that `text` names, None if there is none of this name."""
    match text.split(":"):
        case ["block"]:
            return Policy()
        case ["drop"] | ["drop", "newest"]:
            return Policy(waits=False)
        case ["drop", "oldest"]:
            return Policy(waits=False, gives_up="oldest")
    found = _SAMPLE.fullmatch(text)
    if found and int(found[1]) <= LARGEST_STEP:
        return Policy(step=int(found[1]))
    return None
