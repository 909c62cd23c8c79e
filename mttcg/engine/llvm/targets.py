"""Where direct jumps and branches go."""

from mttcg.isa.riscv64.encoding import Kind, classify, length


def _field(word: int, *parts: tuple[int, int, int]) -> int:
    """Gather (from bit, width, to bit) parts of a word."""
    return sum((word >> low & (1 << width) - 1) << to for low, width, to in parts)


def _signed(value: int, bits: int) -> int:
    return value - (value >> bits - 1 << bits)


FORMATS = {
    (4, Kind.BRANCH): (13, ((8, 4, 1), (25, 6, 5), (7, 1, 11), (31, 1, 12))),
    (4, Kind.JUMP): (21, ((21, 10, 1), (20, 1, 11), (12, 8, 12), (31, 1, 20))),
    (2, Kind.BRANCH): (9, ((3, 2, 1), (10, 2, 3), (2, 1, 5), (5, 2, 6), (12, 1, 8))),
    (2, Kind.JUMP): (
        12,
        (
            (3, 3, 1),
            (11, 1, 4),
            (2, 1, 5),
            (7, 1, 6),
            (6, 1, 7),
            (9, 2, 8),
            (8, 1, 10),
            (12, 1, 11),
        ),
    ),
}


def target_of(word: int, pc: int) -> int | None:
    """The address a branch or direct jump at pc names; None for anything else."""
    row = FORMATS.get((length(word), classify(word)))
    if row is None:
        return None
    bits, parts = row
    return pc + _signed(_field(word, *parts), bits) & (1 << 64) - 1
