"""Writes a kernel's table of symbols, as linux: scripts/kallsyms.c does, and memory around it."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

BASE = 0xFFFF_FFFF_8000_0000
LONG = "T" + "very_" * 60 + "long"
"""A name whose length takes two bytes: of so many tokens."""
TOKENS = [chr(code) if 0x20 <= code < 0x7F else "" for code in range(256)]
PAIRS = {1: "sys_", 2: "_of_", 0x80: "do_", 0xFE: "init", 0xFF: "trap"}
for code, text in PAIRS.items():
    TOKENS[code] = text


def some_symbols(count: int, seed: int = 1) -> list[tuple[int, str]]:
    """Offsets in order, and names with their kinds."""
    random = Random(seed)
    at, found = 0, []
    for number in range(count):
        at += random.choice((0, 4, 16, 4096)) if number else 0
        words = random.choices(("sys_", "do_", "init", "trap", "x9", "_of_", "q"), k=3)
        found.append((at, random.choice("TtDdBbRr") + "".join(words) + str(number)))
    return found


def packed(name: str) -> bytes:
    """A name in tokens, the longest first."""
    codes = bytearray()
    while name:
        fitting = [code for code, text in enumerate(TOKENS) if text and name.startswith(text)]
        codes.append(max(fitting, key=lambda code: len(TOKENS[code])))
        name = name[len(TOKENS[codes[-1]]) :]
    length = len(codes)
    head = bytes((length,)) if length < 0x80 else bytes((length & 0x7F | 0x80, length >> 7))
    return head + bytes(codes)


@dataclass(frozen=True)
class Built:
    """Memory with the tables, and where each of them is."""

    memory: bytes
    places: dict[str, int]


def built_kallsyms(
    symbols: Sequence[tuple[int, str]], base: int = BASE, offsets_first: bool = False
) -> Built:
    """The tables, in memory that has other things as well."""
    names, markers = bytearray(), []
    for number, (_, name) in enumerate(symbols):
        if number % 256 == 0:
            markers.append(len(names))
        names += packed(name)
    tokens, index = bytearray(), []
    for text in TOKENS:
        index.append(len(tokens))
        tokens += text.encode() + b"\0"
    addresses = {
        "offsets": struct.pack(f"<{len(symbols)}I", *(at for at, _ in symbols)),
        "base": struct.pack("<Q", base),
    }
    rest = {
        "count": struct.pack("<I", len(symbols)),
        "names": bytes(names),
        "markers": struct.pack(f"<{len(markers)}I", *markers),
        "tokens": bytes(tokens),
        "index": struct.pack("<256H", *index),
    }
    memory = bytearray(b"\x13\0\0\0" * 64 + b"0\x001\x002\x003\x004\x005\x006\x007\x008\x009\0" * 2)
    places = {}
    for name, part in (addresses | rest if offsets_first else rest | addresses).items():
        memory += b"\0" * (-len(memory) % 8)
        places[name] = len(memory)
        memory += part
    return Built(bytes(memory + b"\0" * 64 + b"behind"), places)
