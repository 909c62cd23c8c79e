"""Instruction tests as data: the reader of the files `*.ins` beside this one.

One line is one case; `#` begins a comment, a line of its own:

    00c58533 "add a0, a1, a2" a1=5 a2=-7 => a0=-2
    0020f553 "fadd.s fa0, ft1, ft2" ft1=s:1 ft2=s:0x1p-24 => fa0=s:1 (NX)

- the instruction's 16 or 32 bits in hex, and its text as `table.text` spells it ("reserved" if no
  instruction has that encoding);
- what is set before, then `=>`, then everything that differs after; what is not named is as it
  was (registers before: 0; pc: 0x8000 before, the next instruction after; MEMORY before: 0);
- at the end, in parentheses, the flags in fflags after, if there are any.

Names: registers by their ABI names, `pc`, `frm`, `fflags` (before), `float=off` (mstatus.FS),
`byte[address]`, `half[..]`, `word[..]`, `double[..]` in MEMORY, `reserved=address/value` (an LR
read that value there; `none` after). Instead of what differs, `trap=cause` with `tval=`
(see Cause), or `leaves`: for the host to run.

Values: numbers, decimal or hex, modulo 2**64; `h:1.5` a boxed half, `s:1.5` a boxed single and
`d:1.5` a double, where the number is decimal, or like 0x1.8p-3, or inf, nan (canonical), snan, or
bits as `s:#7f800001`.
"""

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

MEMORY, MEMORY_SIZE = 0x1000, 256
PC = 0x8000
MASK = (1 << 64) - 1
FILES = sorted(Path(__file__).parent.glob("*.ins"))

_LINE = re.compile(r'([0-9a-f]{4}|[0-9a-f]{8}) "([^"]*)"(.*?) => (.*?)(?: \(([A-Z ]+)\))?$')
_ITEM = re.compile(r"([a-z]\w*(?:\[\w+\])?)=(\S+)")
_SPECIAL = {
    "s": {"nan": 0x7FC0_0000, "snan": 0x7F80_0001},
    "d": {"nan": 0x7FF8 << 48, "snan": (0x7FF0 << 48) + 1},
    "h": {"nan": 0x7E00, "snan": 0x7C01},
}
_PACKED = {"s": ("<f", "<I"), "d": ("<d", "<Q"), "h": ("<e", "<H")}
_BOX = {"s": 0xFFFF_FFFF << 32, "d": 0, "h": 0xFFFF_FFFF_FFFF << 16}
FLAGS = {"NX": 1, "UF": 2, "OF": 4, "DZ": 8, "NV": 16}


@dataclass(frozen=True)
class Case:
    """One line. Memory items have names like "word[0x1000]"."""

    place: str
    word: int
    length: int
    text: str
    before: dict[str, str]
    after: dict[str, str]
    leaves: bool
    flags: int


def _float_bits(kind: str, text: str) -> int:
    if text.startswith("#"):
        return int(text[1:], 16)
    if text in _SPECIAL[kind]:
        return _SPECIAL[kind][text]
    number = float.fromhex(text) if "0x" in text else float(text)
    as_float, as_bits = _PACKED[kind]
    packed = struct.pack(as_float, number)
    if struct.unpack(as_float, packed)[0] != number:
        raise ValueError(f"{kind}:{text} is not exact")
    return int(struct.unpack(as_bits, packed)[0])


def value(text: str) -> int:
    """The number that a value stands for, 64 bits."""
    kind, colon, rest = text.partition(":")
    if colon:
        return _BOX[kind] | _float_bits(kind, rest)
    return int(text, 0) & MASK


def place_in_memory(name: str) -> tuple[int, int] | None:
    """Address and size of a memory item."""
    found = re.fullmatch(r"(byte|half|word|double)\[(\w+)\]", name)
    if found is None:
        return None
    size = {"byte": 1, "half": 2, "word": 4, "double": 8}[found[1]]
    return int(found[2], 0), size


def _items(text: str, place: str) -> dict[str, str]:
    rest = _ITEM.sub("", text).replace("leaves", "").strip()
    if rest:
        raise ValueError(f"{place}: what is {rest!r}?")
    return dict(_ITEM.findall(text))


def read_cases(path: Path) -> Iterator[Case]:
    """The cases of a file."""
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        place = f"{path.stem}:{number}"
        found = _LINE.match(line)
        if found is None:
            raise ValueError(f"{place}: no case: {line}")
        word, text, before, after, flags = found.groups()
        yield Case(
            place,
            int(word, 16),
            len(word) // 2,
            text,
            _items(before, place),
            _items(after, place),
            "leaves" in after,
            sum(FLAGS[flag] for flag in (flags or "").split()),
        )
