"""What Unicorn's translator must not see of RISC-V code, because it would get it wrong.

It translates for a single processor, without machine mode, and has faults of its own.
"""

from mttcg.isa.kind import Kind
from mttcg.tbcache.left_to_host import LeftToHost

LEFT_TO_HOST = LeftToHost(
    kinds=frozenset({Kind.ATOMIC, Kind.FENCE, Kind.SYSTEM, Kind.ALONE}),
    half=0x000B,  # of a 32-bit instruction of opcode custom-0, which no translator knows
)

MISREAD = ((0xE003, 0x8000), (0xFC63, 0x9C41), (0xFC63, 0x9C61))
"""16-bit words (mask, value) that it takes for a nop: of those that are reserved the host takes the
trap; where a guest has others, which are of Zcb, that is told."""

EXTREMES = 0xFC00_607F, 0x2800_0053
"""Mask and value of fmin and fmax, of single and double precision: of a signalling NaN and a number
it gives a NaN (Unprivileged ISA 20.6: the number)."""


def is_extreme(word: int) -> bool:
    """Whether an instruction is fmin or fmax, which the host computes."""
    return word & EXTREMES[0] == EXTREMES[1]
