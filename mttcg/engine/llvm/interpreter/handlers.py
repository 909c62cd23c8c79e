"""All handlers of an ISA, and which one is an instruction's."""

from collections.abc import Iterator
from typing import NamedTuple

from mttcg.engine.llvm.interpreter.handler import Handler
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa, Variant
from mttcg.engine.llvm.interpreter.shared import shared_functions
from mttcg.engine.llvm.surroundings import TAIL, TARGET
from mttcg.isa.kind import Kind
from mttcg.isa.table.row import Decoded, Semantics

BY_DISTANCE = (Kind.BRANCH, Kind.JUMP)
"""Kinds with two handlers: for a target in the same page, and for any."""


class Key(NamedTuple):
    """What instructions with one handler have in common."""

    semantics: Semantics
    length: int
    variant: Variant
    far: bool


def key_of(isa: InterpretedIsa, instruction: Decoded, far: bool) -> Key:
    """The key of an instruction; `far`: its target is in another page."""
    variant = isa.variant(instruction)
    return Key(instruction.row.semantics, instruction.length, variant, far)


def samples_of(isa: InterpretedIsa) -> dict[Key, Decoded]:
    """An instruction for each handler, always in the same order."""
    found: dict[Key, Decoded] = {}
    for row in isa.rows:
        for word in isa.samples(row):
            sample = isa.code.decode(word)
            assert sample is not None
            by_distance = isa.code.facts(word).kind in BY_DISTANCE
            for far in (False, True) if by_distance else (False,):
                found.setdefault(key_of(isa, sample, far), sample)
    return found


def name_of(number: int) -> str:
    """The name of a handler, by its place among all."""
    return f"handler_{number}"


def source(isa: InterpretedIsa) -> str:
    """The whole module."""
    return "\n".join([TARGET, *_functions(isa), *TAIL])


def _functions(isa: InterpretedIsa) -> Iterator[str]:
    yield from shared_functions(isa)
    for number, (key, sample) in enumerate(samples_of(isa).items()):
        yield Handler(isa, name_of(number), sample, key.far).source()
