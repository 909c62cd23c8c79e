"""Guests that take traps, made by hand: some for ever, some only for long."""

import struct

from flood_guest import A0, T0, T1, T2, X0, add_immediate, branch_not_zero
from tiny_elf import RAM_BASE, TinyElf, TinySegment, TinySymbol

S0, S1, A1 = 8, 9, 11
MTVEC, MEPC, TSELECT = 0x305, 0x341, 0x7A0
ECALL, MRET, ILLEGAL = 0x73, 0x3020_0073, 0
ROUNDS = 3500
"""More often than a trap has to be the same for a loop."""
DATA = 0x1000
"""Where the data are, from the start of RAM."""


def upper(target: int, value: int) -> int:
    return value << 12 | target << 7 | 0x37


def address_of(target: int, distance: int, at: int) -> tuple[int, int]:
    """The address so far from the start of RAM, by instructions that lie at `at`."""
    pages, rest = distance - at + 0x800 >> 12, (distance - at + 0x800 & 0xFFF) - 0x800
    return pages << 12 | target << 7 | 0x17, add_immediate(target, target, rest)


def write_csr(number: int, source: int) -> int:
    return number << 20 | source << 15 | 1 << 12 | 0x73


def read_csr(target: int, number: int) -> int:
    return number << 20 | 2 << 12 | target << 7 | 0x73


def load_word(target: int, base: int) -> int:
    return base << 15 | 2 << 12 | target << 7 | 0x03


def store_word(source: int, base: int) -> int:
    return source << 20 | base << 15 | 2 << 12 | 0x23


FINISH = (upper(A0, 0x100), upper(A1, 5), add_immediate(A1, A1, 0x555), store_word(A1, A0), 0x6F)
"""Passes, by the test finisher."""
SKIP = (read_csr(T2, MEPC), add_immediate(T2, T2, 4), write_csr(MEPC, T2), MRET)
"""A handler that goes on behind the instruction."""
HANDLER = 0x400


def guest(body: tuple[int, ...], handler: tuple[int, ...], data: int = 0) -> bytes:
    """A guest with a handler; s1 has the address of a word with `data`, t0 that of the handler."""
    start = (
        *address_of(T0, HANDLER, 0),
        *address_of(S1, DATA, 8),
        write_csr(MTVEC, T0),
    )
    code = struct.pack(f"<{len(start + body)}I", *start, *body).ljust(HANDLER, b"\0")
    code += struct.pack(f"<{len(handler)}I", *handler)
    segment = TinySegment(data=code.ljust(DATA, b"\0") + struct.pack("<Q", data))
    places = {"body": 4 * len(start), "handler": HANDLER}
    symbols = tuple(TinySymbol(name, RAM_BASE + place, HANDLER) for name, place in places.items())
    return TinyElf((segment,), symbols).content()


def spins() -> bytes:
    """A jump to itself."""
    return guest((0x6F,), ())


def spins_on_memory() -> bytes:
    """Waits for a word that nobody else is there to change."""
    return guest((load_word(T1, S1), branch_not_zero(T1, -4), *FINISH), (), 1)


def in_zeros() -> bytes:
    """Code without an end, and a handler that goes on behind what is illegal, for long."""
    return guest((add_immediate(T1, X0, 0),), SKIP)


def without_handler() -> bytes:
    """An illegal instruction with mtvec 0: from then on nothing can be fetched."""
    code = struct.pack("<II", write_csr(TSELECT, X0), 0x6F)
    return TinyElf((TinySegment(data=code),), (TinySymbol("start", RAM_BASE),)).content()


def retried() -> bytes:
    """A handler that returns to the illegal instruction."""
    return guest((ILLEGAL, *FINISH), (read_csr(T1, MEPC), MRET))


def handler_that_traps() -> bytes:
    """A handler that loads from where nothing is."""
    return guest((ECALL,), (add_immediate(T1, X0, 8), load_word(T2, T1)))


def calls() -> bytes:
    """Calls, each with the same registers, counted in memory alone."""
    count = (load_word(T1, S1), add_immediate(T1, T1, -1), store_word(T1, S1))
    body = (add_immediate(T1, X0, 0), ECALL, *count, branch_not_zero(T1, -20), *FINISH)
    return guest(body, SKIP, ROUNDS)


def counted_retries() -> bytes:
    """An illegal instruction that is tried again many times, counted in a register."""
    countdown = (add_immediate(S0, S0, -1), branch_not_zero(S0, 16))
    handler = (*countdown, *SKIP)  # or only its mret
    body = (upper(S0, 1), add_immediate(S0, S0, ROUNDS - 4096), ILLEGAL, *FINISH)
    return guest(body, handler)
