"""What the hooks look up of an instruction that is in the table, as arrays made from its rows.

A number for every 16-bit word, and for every major opcode, funct3, funct7 and lowest bit of rs2 of
the 32-bit ones: rows that do not differ in these are alike in what is asked. For other words an
entry means nothing.
"""

from typing import Any

import numpy as np

from mttcg.isa.facts import FLOATS
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.table.decode import ROWS
from mttcg.isa.riscv64.table.layout import RD
from mttcg.isa.table.row import Row
from mttcg.native.amo import NUMBERS

Words = np.ndarray[Any, np.dtype[np.int64]]
Entries = np.ndarray[Any, np.dtype[np.uint16]]
REGISTER, WRITES_RD, JUMPS, BRANCHES = 0x3F, 0x40, 0x80, 0x100
"""Of an entry: the register that is written, numbered as by `isa.facts`; whether rd is to
be added; whether the instruction always goes elsewhere; whether it is a branch."""
CHOOSING = {2: 0xFFFF, 4: 0xFE10_707F}
"""By length, the bits that choose an entry."""

LR, SC, FIRST_AMO = 1, 2, 3
"""Entries of ATOMICS: what an atomic does, from FIRST_AMO on a number of `native.amo`; 0: none."""


def place_of_long(word: Any) -> Any:
    """Where the entry of a 32-bit word is, or of each in an array: its choosing bits together."""
    choosing = word >> 2 & 31 | (word >> 12 & 7) << 5 | (word >> 25 & 127) << 8
    return choosing | (word >> 20 & 1) << 15


def _words(row: Row) -> Words:
    """Words of a row, one for each value of the choosing bits."""
    words = np.array([row.match], dtype=np.int64)
    free = ~row.mask & CHOOSING[row.length]
    for bit in (1 << number for number in range(32) if free >> number & 1):
        words = np.concatenate((words, words | bit))
    for mask, value in row.excluded:
        if mask & ~CHOOSING[row.length] == 0:
            words = words[words & mask != value]
    return words


def _registers(row: Row, words: Any) -> Words:
    """REGISTER and WRITES_RD of words of a row."""
    writes, rd = row.behaviour.writes, row.format.rd
    first = FLOATS if writes == "f" else 0
    if not writes or rd.mask == rd.base == 0:
        return np.zeros_like(words)
    if row.length == 2:
        numbers: Words = words * 0 + rd.value(words) + first
        return numbers
    assert rd == RD, "32-bit formats have rd in one place"
    return np.full_like(words, first | WRITES_RD)


def _entries(length: int, place: Any, size: int) -> Entries:
    found = np.zeros(size, dtype=np.uint16)
    for row in (row for row in ROWS if row.length == length):
        does, words = row.behaviour, _words(row)
        jumps = does.goes_elsewhere or does.kind in (Kind.JUMP, Kind.INDIRECT)
        kind = JUMPS if jumps else BRANCHES if does.kind is Kind.BRANCH else 0
        found[place(words)] = _registers(row, words) | kind
    return found


def _atomics() -> Entries:
    found = np.zeros(1 << 8, dtype=np.uint16)
    for row in ROWS:
        memory = row.behaviour.memory
        if row.extension != "A" or memory is None:
            continue
        number = LR if memory.loads else SC
        if memory.operation is not None:
            number = FIRST_AMO + NUMBERS[memory.operation]
        found[row.match >> 27 << 3 | row.match >> 12 & 7] = number
    return found


SHORT = _entries(2, lambda words: words, 1 << 16)
"""By the word."""
LONG = _entries(4, place_of_long, 1 << 16)
"""By `place_of_long`."""
ATOMICS = _atomics()
"""By funct5 and funct3."""
