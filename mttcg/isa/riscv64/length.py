"""How long an instruction is (Unprivileged ISA 1.5); longer ones than 4 bytes do not exist here."""

LENGTHS = (2, 2, 2, 4)
"""Bytes of an instruction, by the lowest bits of its first 16."""
LONGEST = max(LENGTHS)


def length(low_half: int) -> int:
    """Bytes of the instruction whose first 16 bits are given: 2 or 4."""
    return 4 if low_half & 3 == 3 else 2
