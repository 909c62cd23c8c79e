r"""The kernel's own table of its symbols, found where a kernel is in memory.

Format: linux: scripts/kallsyms.c and kernel/kallsyms.c. A name is a byte string of tokens, before
it its length (two bytes if bit 7 of the first is set); what the tokens stand for begins with the
symbol's kind. Nothing says where the tables are: that of tokens is found by the digits, each of
which stands for itself, as "0\0001\0002\000...", and the others lie around it, each at a multiple
of 8:

    number of symbols, names, markers, tokens, index of tokens, offsets, base     since 6.4
    offsets, base, number of symbols, names, markers, tokens, index of tokens     before

A marker is where every 256th name begins. An offset is from the base, unsigned. So what is where
is known for certain: the index says where each token begins, the markers where names do. A kernel
that can move itself has 0 for the base, and a relocation (Elf64_Rela) says what belongs there.
"""

import re
import struct
from itertools import pairwise
from typing import NamedTuple

from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_symbol import KernelSymbol, sized

FIRST_DIGIT = ord("0")
DIGITS = b"".join(bytes((digit, 0)) for digit in b"0123456789")
TOKENS = 256
INDEX = struct.Struct(f"<{TOKENS}H")
ALIGNMENT = 8
NAMES_A_MARKER = 256
LONGEST_NAME = 1 + 511
"""Bytes of tokens and before them, at most (KSYM_NAME_LEN)."""
LOWEST_BASE = 1 << 63
"""Kernels are in the upper half of the addresses."""
LINKED_FOR = 2 << 20
"""Bytes; a kernel is linked for a multiple."""
WHAT, EXPECTED = "the kernel's table of symbols", "kallsyms as Linux 6 has it"


class TokenTable(NamedTuple):
    """The tokens, and where their table begins, and what follows its index."""

    tokens: list[bytes]
    start: int
    end: int


class NameTable(NamedTuple):
    """Where the number of symbols is, their number, and where the names begin."""

    start: int
    number: int
    names: int


def find_kallsyms(data: bytes, relative: int) -> list[KernelSymbol] | None:
    """Find the table in memory that a kernel is in, and read it; None if there is none.

    data: from the start of a page on. relative: see `KernelIsa`. Raises KernelDataError for one
    that contradicts itself.
    """
    table = _find_tokens(data)
    if table is None:
        return None
    try:
        markers, first = _find_markers(data, table.start)
        names = _find_names(data, markers, first)
        texts = _read_names(data, names, table.tokens, markers)
        offsets, base = _find_offsets(data, names, table.end, relative)
    except (IndexError, struct.error):
        raise KernelDataError(WHAT, "it is cut", EXPECTED) from None
    found = ((base + at, name[:1], name[1:]) for at, name in zip(offsets, texts, strict=True))
    return list(sized(found))


def _find_tokens(data: bytes) -> TokenTable | None:
    at = data.find(DIGITS)
    while at >= 0:
        start = at
        for _ in range(FIRST_DIGIT):
            start = data.rfind(b"\0", 0, max(start - 1, 0)) + 1
        found = _tokens_at(data, start)
        if found is not None:
            return found
        at = data.find(DIGITS, at + 1)
    return None


def _tokens_at(data: bytes, start: int) -> TokenTable | None:
    """The table of tokens, if the index behind it says the same."""
    tokens, places, at = [], [], start
    for _ in range(TOKENS):
        end = data.find(b"\0", at)
        tokens.append(data[at:end])
        places.append(at - start)
        at = end + 1
    index = _aligned(at)
    if places[-1] >= 1 << 16 or data[index : index + INDEX.size] != INDEX.pack(*places):
        return None
    return TokenTable(tokens, start, index + INDEX.size)


def _aligned(at: int) -> int:
    return -(-at // ALIGNMENT) * ALIGNMENT


def _word(data: bytes, at: int) -> int:
    if at < 0:
        raise IndexError(at)
    (word,) = struct.unpack_from("<I", data, at)
    return int(word)


def _find_markers(data: bytes, end: int) -> tuple[list[int], int]:
    """The markers, and where their table begins, from where it ends on backwards."""
    at = end - 4
    if _word(data, at) == 0:
        at -= 4
    markers = [_word(data, at)]
    while markers[-1]:
        at -= 4
        markers.append(_word(data, at))
        if markers[-1] >= markers[-2]:
            raise KernelDataError(WHAT, "its markers are in no order", EXPECTED)
    return markers[::-1], at


def _find_names(data: bytes, markers: list[int], end: int) -> NameTable:
    """Where the names are: so far before the markers as the last block of names is long."""
    most = NAMES_A_MARKER * len(markers)
    nearest = (end - markers[-1]) // ALIGNMENT * ALIGNMENT - ALIGNMENT
    for start in range(nearest, max(nearest - NAMES_A_MARKER * LONGEST_NAME, -1), -ALIGNMENT):
        count = _word(data, start)
        if most - NAMES_A_MARKER < count <= most:
            at = start + ALIGNMENT + markers[-1]
            for _ in range(count - most + NAMES_A_MARKER):
                at = _name_at(data, at)[1]
            if _aligned(at) == end:
                return NameTable(start, count, start + ALIGNMENT)
    raise KernelDataError(WHAT, "its names are not where its markers say", EXPECTED)


def _name_at(data: bytes, at: int) -> tuple[int, int]:
    """Where the tokens of a name begin, and where they end."""
    length, at = data[at], at + 1
    if length & 0x80:
        length, at = length & 0x7F | data[at] << 7, at + 1
    return at, at + length


def _read_names(
    data: bytes, names: NameTable, tokens: list[bytes], markers: list[int]
) -> list[str]:
    found, at = [], names.names
    for number in range(names.number):
        if number % NAMES_A_MARKER == 0 and at - names.names != markers[number // NAMES_A_MARKER]:
            raise KernelDataError(WHAT, "its names are not where its markers say", EXPECTED)
        start, at = _name_at(data, at)
        found.append(b"".join([tokens[token] for token in data[start:at]]).decode("latin-1"))
    return found


def _find_offsets(
    data: bytes, names: NameTable, behind: int, relative: int
) -> tuple[tuple[int, ...], int]:
    """The offsets, and what they are from: behind all other tables, or before them."""
    size = _aligned(4 * names.number)
    for start in (behind, names.start - ALIGNMENT - size):
        if start < 0 or start + size + ALIGNMENT > len(data):
            continue
        offsets = struct.unpack_from(f"<{names.number}I", data, start)
        (base,) = struct.unpack_from("<Q", data, start + size)
        base = base or _relocated(data, start + size, relative)
        if base >= LOWEST_BASE and all(a <= b for a, b in pairwise(offsets)):
            return offsets, base
    raise KernelDataError(WHAT, "it has no addresses", EXPECTED)


def _relocated(data: bytes, at: int, relative: int) -> int:
    """The addend of the relocation of a word, 0 if it has none."""
    places = re.escape(struct.pack("<Q", at)[:2]) + rb"[\s\S]{2}\xff{4}"
    for found in re.finditer(places + re.escape(struct.pack("<Q", relative)), data):
        place, _, addend = struct.unpack_from("<QQQ", data.ljust(found.end() + 8), found.start())
        if found.start() % ALIGNMENT == 0 and (place - at) % LINKED_FOR == 0:
            return int(addend)
    return 0
