"""How long an instruction is (Unprivileged ISA 1.5); longer ones than 4 bytes do not exist here."""

LONGEST = 4
"""Bytes."""


def length(low_half: int) -> int:
    """Bytes of the instruction whose first 16 bits are given: 2 or 4."""
    return 4 if low_half & 3 == 3 else 2
