"""Which instructions share a handler, and an example of each."""

from typing import NamedTuple

from mttcg.engine.llvm.interpreter.interpreted_isa import HandlerVariant, InterpretedIsa
from mttcg.errors import MttcgError
from mttcg.isa.kind import Kind
from mttcg.isa.table.row import Decoded, Row, Semantics

BY_DISTANCE = (Kind.BRANCH, Kind.JUMP)
"""Kinds with two handlers: for a target in the same page, and for any."""
SEVERAL_BITS = 0x7C | 0xF80
"""In registers of short instructions, where a row may exclude all that have one bit."""


class NoSampleError(MttcgError):
    """A row has no instruction that a handler could be made from."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no example of {name} was found")


class Key(NamedTuple):
    """What instructions with one handler have in common."""

    semantics: Semantics
    length: int
    variant: int
    far: bool


def key_of(isa: InterpretedIsa, instruction: Decoded, far: bool) -> Key:
    """The key of an instruction; `far`: its target is in another page."""
    row = instruction.row
    variant = next(one for one in isa.variants(row) if one.has(instruction.word))
    return Key(row.semantics, instruction.length, variant.number, far)


def samples_of(isa: InterpretedIsa) -> dict[Key, Decoded]:
    """An instruction for each handler, always in the same order."""
    found: dict[Key, Decoded] = {}
    for row in isa.rows:
        for variant in isa.variants(row):
            sample = sample_of(isa, row, variant)
            for far in (False, True) if is_by_distance(isa, sample) else (False,):
                found.setdefault(key_of(isa, sample, far), sample)
    return found


def is_by_distance(isa: InterpretedIsa, instruction: Decoded) -> bool:
    """Whether there are two handlers for an instruction, by where its target is."""
    return isa.code.facts(instruction.word).kind in BY_DISTANCE


def sample_of(isa: InterpretedIsa, row: Row, variant: HandlerVariant) -> Decoded:
    """The first instruction of a variant whose free bits are taken from a few patterns."""
    bits = (1 << 8 * row.length) - 1
    mask, value = variant.pattern
    for pattern in (0, *(1 << bit for bit in range(8 * row.length)), SEVERAL_BITS):
        word = row.match | value | pattern & ~(row.mask | mask) & bits
        found = isa.code.decode(word)
        if found is None or found.row is not row:
            continue
        if next(one for one in isa.variants(row) if one.has(word)).number == variant.number:
            return found
    raise NoSampleError(row.name)
