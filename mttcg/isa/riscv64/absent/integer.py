"""Bit manipulation, cryptography, and atomics of shadow stacks.

Unprivileged ISA, chapters "B" (Zbc, Zbkb, Zbkx), of scalar cryptography, and Zicfiss.
"""

from mttcg.isa.riscv64.absent.row import (
    AMO,
    OP,
    OP_32,
    OP_IMM,
    Absent,
    registers,
    unary,
)

BIT_MANIPULATION = (
    *registers("Zbc", ("clmul", OP, 1, 0x05), ("clmulr", OP, 2, 0x05), ("clmulh", OP, 3, 0x05)),
    *registers("Zbkb", ("pack", OP, 4, 0x04), ("packh", OP, 7, 0x04), ("packw", OP_32, 4, 0x04)),
    *unary("Zbkb", ("brev8", OP_IMM, 5, 0x34, 7)),
    *registers("Zbkx", ("xperm4", OP, 2, 0x14), ("xperm8", OP, 4, 0x14)),
)
BY_BYTE = 0x3E00_707F
"""Fixed bits where the upper two choose a byte."""
ROUND = 0xFF00_707F
"""Fixed bits where the low four of the immediate are a round's number."""
CRYPTOGRAPHY = (
    *registers("Zknd", ("aes64ds", OP, 0, 0x1D), ("aes64dsm", OP, 0, 0x1F)),
    *unary("Zknd", ("aes64im", OP_IMM, 1, 0x18, 0)),
    *registers("Zkne", ("aes64es", OP, 0, 0x19), ("aes64esm", OP, 0, 0x1B)),
    *registers("Zknd/Zkne", ("aes64ks2", OP, 0, 0x3F)),
    *unary("Zknd/Zkne", ("aes64ks1i", OP_IMM, 1, 0x18, 0x10), mask=ROUND),
    *unary(
        "Zknh",
        ("sha256sum0", OP_IMM, 1, 0x08, 0),
        ("sha256sum1", OP_IMM, 1, 0x08, 1),
        ("sha256sig0", OP_IMM, 1, 0x08, 2),
        ("sha256sig1", OP_IMM, 1, 0x08, 3),
        ("sha512sum0", OP_IMM, 1, 0x08, 4),
        ("sha512sum1", OP_IMM, 1, 0x08, 5),
        ("sha512sig0", OP_IMM, 1, 0x08, 6),
        ("sha512sig1", OP_IMM, 1, 0x08, 7),
    ),
    *registers("Zksed", ("sm4ed", OP, 0, 0x18), ("sm4ks", OP, 0, 0x1A), mask=BY_BYTE),
    *unary("Zksh", ("sm3p0", OP_IMM, 1, 0x08, 8), ("sm3p1", OP_IMM, 1, 0x08, 9)),
)

ORDERED = 0xF800_707F
"""Fixed bits of an atomic: aq and rl are free."""
ATOMICS = registers(
    "Zicfiss", ("ssamoswap.w", AMO, 2, 0x24), ("ssamoswap.d", AMO, 3, 0x24), mask=ORDERED
)

ROWS: tuple[Absent, ...] = (
    *BIT_MANIPULATION,
    *CRYPTOGRAPHY,
    *ATOMICS,
)
