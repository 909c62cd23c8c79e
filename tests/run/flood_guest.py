"""A guest that writes much, made by hand: 64 KiB at a time through HTIF, and then the end."""

import struct

from tiny_elf import RAM_BASE, TinyElf, TinySegment, TinySymbol

TO_HOST, FROM_HOST, CALL, TEXT = 0x1000, 0x1040, 0x1080, 0x2000
"""Places of the HTIF words, of a system call's block and of the text, from the start of RAM."""
WRITE = 64
X0, T0, T1, T2, T3, T4, A0 = 0, 5, 6, 7, 28, 29, 10
PARK = 0x1050_0073, 0xFFDF_F06F  # wfi; j -4
LINE = b"%07d all work and no play makes a dull guest, so it writes line after line.\n"
PIECE = b"".join(LINE % number for number in range(840))


def add_immediate(target: int, source: int, value: int) -> int:
    return (value & 0xFFF) << 20 | source << 15 | target << 7 | 0x13


def load(target: int, base: int, offset: int) -> int:
    return offset << 20 | base << 15 | 3 << 12 | target << 7 | 0x03


def store(source: int, base: int, offset: int) -> int:
    return offset >> 5 << 25 | source << 20 | base << 15 | 3 << 12 | (offset & 31) << 7 | 0x23


def branch_not_zero(source: int, distance: int) -> int:
    bits = distance & 0x1FFF
    high = (bits >> 12) << 31 | (bits >> 5 & 63) << 25
    return high | source << 15 | 1 << 12 | (bits >> 1 & 15) << 8 | (bits >> 11 & 1) << 7 | 0x63


def program(pieces: int) -> tuple[int, ...]:
    return (
        branch_not_zero(A0, 60),  # all but hart 0 park
        1 << 12 | T0 << 7 | 0x17,  # auipc t0, 1
        add_immediate(T0, T0, -4),
        add_immediate(T1, X0, pieces),
        add_immediate(T2, T0, CALL - TO_HOST),
        add_immediate(T3, X0, WRITE),
        store(T3, T0, CALL - TO_HOST),  # the result of the last call was there
        store(T2, T0, 0),
        load(T4, T0, 0),
        branch_not_zero(T4, -4),
        store(X0, T0, FROM_HOST - TO_HOST),
        add_immediate(T1, T1, -1),
        branch_not_zero(T1, -28),
        add_immediate(T4, X0, 1),  # exit with 0
        store(T4, T0, 0),
        *PARK,
    )


def flood_guest(pieces: int) -> bytes:
    """The ELF of a guest that writes PIECE so many times, up to 2047."""
    code = struct.pack("<17I", *program(pieces))
    call = struct.pack("<4Q", WRITE, 1, RAM_BASE + TEXT, len(PIECE))
    data = code.ljust(CALL, b"\0") + call
    segment = TinySegment(data=data.ljust(TEXT, b"\0") + PIECE)
    words = (("tohost", TO_HOST), ("fromhost", FROM_HOST))
    symbols = tuple(TinySymbol(name, RAM_BASE + place) for name, place in words)
    return TinyElf(segments=(segment,), symbols=symbols).content()
