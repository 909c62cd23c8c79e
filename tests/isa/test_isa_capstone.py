"""The instruction table beside capstone, which reads the same words by LLVM's tables.

Where the two differ is listed, and the lists are exact.
"""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import capstone

from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.table.decode import ROWS, decode
from mttcg.isa.riscv64.table.text import text
from mttcg.isa.table.row import Decoded

NEWER = {row.extension for row in ROWS} - {*"IMAFDCS", "Zicsr", "Zifencei", "Sm"}
"""Extensions that capstone lacks."""
RANDOM_WORDS = 8000
WORDS_OF_A_ROW = 30

UNKNOWN_TO_CAPSTONE: dict[str, Callable[[Decoded], bool]] = {
    # capstone 5 is older than the B extension, and others
    **{row.name: lambda _: True for row in ROWS if row.extension in NEWER},
    # hints
    "c.slli": lambda at: at.rd == 0 or at.immediate == 0,
    "c.nop": lambda at: at.immediate != 0,
    "c.li": lambda at: at.rd == 0,
    "c.lui": lambda at: at.rd == 0,
    "c.mv": lambda at: at.rd == 0,
    "c.add": lambda at: at.rd == 0,
    # reserved fields, which the specification has ignored
    "fence": lambda at: bool(at.rd or at.rs1 or at.immediate >> 8),
    "fence.i": lambda at: bool(at.rd or at.rs1 or at.immediate),
    # rounding modes of conversions that are exact
    "fcvt.d.w": lambda at: at.rounding != 0,
    "fcvt.d.wu": lambda at: at.rounding != 0,
    "fcvt.d.s": lambda at: at.rounding != 0,
}
"""Words that the table has and capstone does not, by name."""

RESERVED_BUT_NAMED = {
    "c.unimp": "0x0000, defined to be illegal",
    "c.lui": "an immediate of 0 is reserved",
}
"""Words that capstone names and the table does not have."""

NUMBER = re.compile(r"(?<![\w.])-?(?:0x[0-9a-f]+|\d+)")


@cache
def disassembler() -> Any:
    return capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC)


def read_by_capstone(word: int) -> Any:
    code = word.to_bytes(4, "little")[: length(word)]
    return next(iter(disassembler().disasm(code, 0)), None)


def all_words() -> Iterator[int]:
    yield from (word for word in range(1 << 16) if length(word) == 2)
    source = random.Random(1)
    yield from (source.getrandbits(32) | 3 for _ in range(RANDOM_WORDS))
    for row in ROWS:
        if row.length == 4:
            for _ in range(WORDS_OF_A_ROW):
                yield row.match | source.getrandbits(32) & ~row.mask
            yield row.match


def plain(line: str) -> str:
    """Numbers in decimal, empty sets as 0, no operands for all, `jalr`'s as everywhere else."""
    line = NUMBER.sub(lambda number: str(int(number[0], 0)), line).replace("unknown", "0")
    line = line.removesuffix(" zero, zero") if line.startswith("sfence.vma") else line
    return re.sub(r"^(jalr \w+), (\w+), (-?\d+)$", r"\1, \3(\2)", line)


def without_csr(line: str) -> str:
    """The CSR's name left out: capstone knows them all, we just those of floating point."""
    return re.sub(r"^(csr\w+ \w+), \w+, ", r"\1, ", line)


def check_operands(word: int, ours: Decoded, theirs: Any) -> None:
    full = disassembler().insn_name(theirs.id)
    assert full == text(ours).split()[0], hex(word)
    calls = full in ("jal", "jalr") and theirs.op_str.count(",") < text(ours).count(",")
    if theirs.mnemonic != full or calls:
        return  # a pseudo-instruction, which leaves operands out
    ours_text, theirs_text = plain(text(ours)), plain(f"{full} {theirs.op_str}".strip())
    if ours.row.extension == "Zicsr":
        ours_text, theirs_text = without_csr(ours_text), without_csr(theirs_text)
    assert ours_text == theirs_text, hex(word)


def test_words_are_named_and_taken_apart_as_capstone_does() -> None:
    unknown: Counter[str] = Counter()
    reserved: Counter[str] = Counter()
    compared: Counter[str] = Counter()
    for word in all_words():
        ours, theirs = decode(word), read_by_capstone(word)
        if ours is not None and ours.row.extension == "Zcmop":
            assert theirs is None or disassembler().insn_name(theirs.id) == "c.lui"
            theirs = None
        if ours is not None and theirs is not None:
            compared[ours.name] += 1
            check_operands(word, ours, theirs)
        elif ours is not None:
            assert UNKNOWN_TO_CAPSTONE.get(ours.name, lambda _: False)(ours), (hex(word), ours)
            unknown[ours.name] += 1
        elif theirs is not None:
            reserved[disassembler().insn_name(theirs.id)] += 1
    assert set(unknown) == set(UNKNOWN_TO_CAPSTONE)
    assert set(reserved) <= set(RESERVED_BUT_NAMED)
    newer = {row.name for row in ROWS if row.extension in NEWER}
    assert set(compared) == {row.name for row in ROWS} - newer


def test_what_capstone_names_beyond_the_table() -> None:
    for word, name in ((0x0000, "c.unimp"), (0x6801, "c.lui")):
        assert decode(word) is None
        assert disassembler().insn_name(read_by_capstone(word).id) == name
