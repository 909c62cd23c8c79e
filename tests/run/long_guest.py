"""A guest of straight lines, made by hand: each hart says that it is there, and runs its own."""

import struct

from tiny_elf import RAM_BASE, TinyElf, TinySegment

LINES_AT, HART_SHIFT = 0x1_0000, 16
"""Where the lines of hart 0 begin in RAM; the power of two from one hart's to the next one's."""
BLOCK = 500
"""Instructions of a long one."""
ADD, NEXT, STAY = 0x0505, 0xA009, 0xA001
"""c.addi a0, 1; c.j +2; c.j 0."""
FINISH = (
    0x0010_0537,  # lui a0, 0x100: the finisher
    0x0000_55B7,  # lui a1, 5
    0x5555_8593,  # addi a1, a1, 0x555
    0x00B5_2023,  # sw a1, 0(a0)
)
HIGH_PRODUCTS = 0x02B5_3533, 0x02B5_35B3
"""mulhu a0, a0, a1; mulhu a1, a0, a1."""
START = (
    0x1000_02B7,  # lui t0, 0x10000: the UART
    0x0780_0313,  # li t1, 'x'
    0x0062_8023,  # sb t1, 0(t0)
    0x0105_1393,  # slli t2, a0, HART_SHIFT
    0x0001_0E17,  # auipc t3, LINES_AT >> 12
    0x007E_0E33,  # add t3, t3, t2
    0xFF0E_0067,  # jr -16(t3): auipc is the fifth
)


def long_guest(harts: int, blocks: int, block: int = BLOCK) -> bytes:
    """The ELF; each hart has so many blocks, and half of one of products of products before.

    block: instructions of one, with the jump that ends it.

    One hart alone ends the guest.
    """
    line = struct.pack("<2I", *HIGH_PRODUCTS) * (block // 4) + struct.pack("<H", NEXT)
    line += struct.pack(f"<{block}H", *[ADD] * (block - 1), NEXT) * blocks
    line += struct.pack("<4I", *FINISH) if harts == 1 else b""
    line += struct.pack("<H", STAY)
    assert len(line) <= 1 << HART_SHIFT
    code = struct.pack(f"<{len(START)}I", *START).ljust(LINES_AT, b"\0")
    lines = line.ljust(1 << HART_SHIFT, b"\0") * harts
    return TinyElf(segments=(TinySegment(address=RAM_BASE, data=code + lines),)).content()


def instructions_of(blocks: int, block: int = BLOCK) -> int:
    """How many a guest of one hart executes."""
    return len(START) + block // 4 * 2 + 1 + block * blocks + len(FINISH)
