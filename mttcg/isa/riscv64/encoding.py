"""What can be read off an instruction word (Unprivileged ISA, chapters 2, 8, 16 and 34).

An instruction is its length, a kind, and, if it touches memory, the size of the access. The
kinds that the host runs itself, because a translator without shared-memory atomics can't, come
last: see `runs_on_host`.
"""

from enum import IntEnum

EBREAK, C_EBREAK = 0x0010_0073, 0x9002
LEFT_TO_HOST = 0x000B
"""First half of a 32-bit instruction of opcode custom-0, which no translator knows: what is fetched
for an instruction that the host runs, whatever its second half."""

MISREAD = ((0xE003, 0x8000), (0xFC63, 0x9C41), (0xFC63, 0x9C61))
"""Reserved 16-bit words (mask, value) that Unicorn takes for a nop; the host runs them, that is,
takes the trap."""

FENCE_TSO = 0x833
"""Mode TSO, predecessor RW, successor RW."""

CSR_FLOAT = range(1, 4)
"""fflags, frm, fcsr: plain user state, left to the engine."""


class Kind(IntEnum):
    """What an instruction is to a block; all but PLAIN, LOAD and STORE end it."""

    PLAIN = 0
    LOAD = 1
    STORE = 2
    BRANCH = 3
    JUMP = 4
    INDIRECT = 5
    CSR_FLOAT = 6
    BREAKPOINT = 7
    ILLEGAL = 8
    ATOMIC = 9
    FENCE = 10
    SYSTEM = 11
    EXTREME = 12  # fmin and fmax

    @property
    def ends_block(self) -> bool:
        """Whether a block ends after it."""
        return self >= Kind.BRANCH

    @property
    def runs_on_host(self) -> bool:
        """Whether the host executes it in place of the engine."""
        return self >= Kind.ATOMIC


def length(low_half: int) -> int:
    """Bytes of the instruction whose first 16 bits are given: 2 or 4."""
    return 4 if low_half & 3 == 3 else 2


def orders_stores_before_loads(word: int) -> bool:
    """Whether a FENCE asks for more than a total-store-order host gives by itself.

    Predecessor W (or O) and successor R (or I); FENCE.TSO leaves just that pair out, and every
    other mode is that of a normal fence (2.7).
    """
    predecessor, successor = word >> 24 & 15, word >> 20 & 15
    ordered = bool(predecessor & 0b0101) and bool(successor & 0b1010)
    return ordered and word >> 20 != FENCE_TSO


_MAJOR = {
    0x03: Kind.LOAD,
    0x07: Kind.LOAD,
    0x23: Kind.STORE,
    0x27: Kind.STORE,
    0x63: Kind.BRANCH,
    0x6F: Kind.JUMP,
    0x67: Kind.INDIRECT,
    0x2F: Kind.ATOMIC,
}


def _misc_memory(word: int) -> Kind:
    if word >> 12 & 7 == 0:
        return Kind.FENCE if orders_stores_before_loads(word) else Kind.PLAIN
    return Kind.SYSTEM  # fence.i


def _system(word: int) -> Kind:
    if word == EBREAK:
        return Kind.BREAKPOINT
    is_csr = word >> 12 & 3 != 0
    return Kind.CSR_FLOAT if is_csr and word >> 20 in CSR_FLOAT else Kind.SYSTEM


_COMPRESSED = {
    # quadrant << 3 | funct3
    0b00_001: Kind.LOAD,
    0b00_010: Kind.LOAD,
    0b00_011: Kind.LOAD,
    0b00_101: Kind.STORE,
    0b00_110: Kind.STORE,
    0b00_111: Kind.STORE,
    0b01_101: Kind.JUMP,
    0b01_110: Kind.BRANCH,
    0b01_111: Kind.BRANCH,
    0b10_001: Kind.LOAD,
    0b10_010: Kind.LOAD,
    0b10_011: Kind.LOAD,
    0b10_101: Kind.STORE,
    0b10_110: Kind.STORE,
    0b10_111: Kind.STORE,
}


def _compressed(half: int) -> Kind:
    key = (half & 3) << 3 | half >> 13
    if key == 0b10_100 and half >> 2 & 31 == 0 and half >> 7 & 31:
        return Kind.INDIRECT  # c.jr, c.jalr
    if half == 0:
        return Kind.ILLEGAL  # all zeros: defined so, and what memory holds where no code is
    if any(half & mask == value for mask, value in MISREAD):
        return Kind.SYSTEM
    return Kind.BREAKPOINT if half == C_EBREAK else _COMPRESSED.get(key, Kind.PLAIN)


EXTREMES = 0xFC00_607F, 0x2800_0053
"""Mask and value of fmin and fmax, of single and double precision: of a signalling NaN and a number
Unicorn gives a NaN (Unprivileged ISA 20.6: the number)."""


def classify(word: int) -> Kind:
    """The kind of an instruction, from its 16 or 32 bits."""
    if length(word) == 2:
        return _compressed(word & 0xFFFF)
    major = word & 0x7F
    if major == 0x0F:
        return _misc_memory(word)
    if major == 0x73:
        return _system(word)
    if word & EXTREMES[0] == EXTREMES[1]:
        return Kind.EXTREME
    return _MAJOR.get(major, Kind.PLAIN)
