"""Bit manipulation, cryptography, atomics, cache blocks and may-be-operations.

Unprivileged ISA, chapters of Zicond, Zimop and Zcmop, Zawrs, Zacas, Zabha, CMO, Zcb, "B" (Zbc,
Zbkb, Zbkx) and of scalar cryptography.
"""

from mttcg.isa.riscv64.absent.row import (
    AMO,
    MISC_MEM,
    OP,
    OP_32,
    OP_IMM,
    Absent,
    exact,
    registers,
    unary,
)

BIT_MANIPULATION = (
    *registers("Zbc", ("clmul", OP, 1, 0x05), ("clmulr", OP, 2, 0x05), ("clmulh", OP, 3, 0x05)),
    *registers("Zbkb", ("pack", OP, 4, 0x04), ("packh", OP, 7, 0x04), ("packw", OP_32, 4, 0x04)),
    *unary("Zbkb", ("brev8", OP_IMM, 5, 0x34, 7)),
    *registers("Zbkx", ("xperm4", OP, 2, 0x14), ("xperm8", OP, 4, 0x14)),
    *registers("Zicond", ("czero.eqz", OP, 5, 0x07), ("czero.nez", OP, 7, 0x07)),
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

_AMOS = (
    # name, funct5
    ("amoadd", 0x00),
    ("amoswap", 0x01),
    ("amoxor", 0x04),
    ("amoor", 0x08),
    ("amoand", 0x0C),
    ("amomin", 0x10),
    ("amomax", 0x14),
    ("amominu", 0x18),
    ("amomaxu", 0x1C),
    ("amocas", 0x05),
)
ORDERED = 0xF800_707F
"""Fixed bits of an atomic: aq and rl are free."""
ATOMICS = (
    *(
        row
        for name, funct5 in _AMOS
        for row in registers(
            "Zabha",
            (f"{name}.b", AMO, 0, funct5 << 2),
            (f"{name}.h", AMO, 1, funct5 << 2),
            mask=ORDERED,
        )
    ),
    *registers(
        "Zacas",
        ("amocas.w", AMO, 2, 0x14),
        ("amocas.d", AMO, 3, 0x14),
        ("amocas.q", AMO, 4, 0x14),
        mask=ORDERED,
    ),
    *registers(
        "Zicfiss", ("ssamoswap.w", AMO, 2, 0x24), ("ssamoswap.d", AMO, 3, 0x24), mask=ORDERED
    ),
    *exact("Zawrs", ("wrs.nto", 0x00D0_0073), ("wrs.sto", 0x01D0_0073)),
)

BLOCK = 0xFFF0_7FFF
"""Fixed bits of an operation on a cache block: rs1 alone is free."""
CACHE_BLOCKS = (
    *unary(
        "Zicbom",
        ("cbo.inval", MISC_MEM, 2, 0, 0),
        ("cbo.clean", MISC_MEM, 2, 0, 1),
        ("cbo.flush", MISC_MEM, 2, 0, 2),
        mask=BLOCK,
    ),
    *unary("Zicboz", ("cbo.zero", MISC_MEM, 2, 0, 4), mask=BLOCK),
)


def _may_be(number: int) -> int:
    """Bits of mop.r.N: N[4] at 30, N[3:2] at 26, N[1:0] at 20."""
    return 0x81C0_4073 | (number >> 4) << 30 | (number >> 2 & 3) << 26 | (number & 3) << 20


def _may_be_of_two(number: int) -> int:
    """Bits of mop.rr.N: N[2] at 30, N[1:0] at 26."""
    return 0x8200_4073 | (number >> 2) << 30 | (number & 3) << 26


MAY_BE_OPERATIONS = (
    *exact("Zimop", *((f"mop.r.{n}", _may_be(n)) for n in range(32)), mask=0xFFF0_707F),
    *exact("Zimop", *((f"mop.rr.{n}", _may_be_of_two(n)) for n in range(8)), mask=0xFE00_707F),
    *exact("Zcmop", *((f"c.mop.{n}", 0x6081 | n >> 1 << 8) for n in range(1, 16, 2)), mask=0xFFFF),
)
COMPRESSED = (
    *exact("Zcb", ("c.lbu", 0x8000), ("c.sb", 0x8800), mask=0xFC03),
    *exact("Zcb", ("c.lhu", 0x8400), ("c.lh", 0x8440), ("c.sh", 0x8C00), mask=0xFC43),
    *exact("Zcb", ("c.mul", 0x9C41), mask=0xFC63),
    *exact(
        "Zcb",
        ("c.zext.b", 0x9C61),
        ("c.sext.b", 0x9C65),
        ("c.zext.h", 0x9C69),
        ("c.sext.h", 0x9C6D),
        ("c.zext.w", 0x9C71),
        ("c.not", 0x9C75),
        mask=0xFC7F,
    ),
)

ROWS: tuple[Absent, ...] = (
    *BIT_MANIPULATION,
    *CRYPTOGRAPHY,
    *ATOMICS,
    *CACHE_BLOCKS,
    *MAY_BE_OPERATIONS,
    *COMPRESSED,
)
