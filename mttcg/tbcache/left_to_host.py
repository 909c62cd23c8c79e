"""Instructions that are fetched in another form, so that the engine comes back for them."""

from typing import NamedTuple

from mttcg.isa.kind import Kind


class LeftToHost(NamedTuple):
    """What an engine can't be given as it is.

    Attributes:
        kinds: the kinds of these instructions, each of which ends its block.
        half: what is fetched as the first 16 bits of one, whatever follows.
    """

    kinds: frozenset[Kind]
    half: int


NOTHING_LEFT = LeftToHost(frozenset(), 0)
"""Of an engine that takes everything, and of who only reads what others decoded."""
