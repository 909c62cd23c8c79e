"""The table by which native code takes instructions apart: an ISA's rows, as bytes.

Some bits of a word, which differ by its length, select a bucket: the candidates among which its row
is. They are tried in order, and the first whose pattern the word has says what it is. An encoding
that a row excludes is a candidate before that row: as the row that it belongs to, or as none.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.keys import is_by_distance, key_of, sample_of, samples_of
from mttcg.isa.table.layout import Layout, Piece
from mttcg.isa.table.row import Pattern, Row

EMPTY_NUMBER, LEFT_NUMBER, FIRST_HANDLER = 0, 1, 2
"""Numbers of handlers: of a place without a record, of what is left to the host, and of the first
that runs an instruction."""
ENDS, DISCARDS = 1, 2
"""Flags: the instruction ends its block; it writes an integer register, of which the first is not
written."""
CANDIDATE = np.dtype(
    [
        ("mask", "<u4"),
        ("match", "<u4"),
        ("near", "<u2"),  # number of its handler
        ("far", "<u2"),  # the same, if its target is in another page
        ("layout", "u1"),  # place among `layouts_of`
        ("flags", "u1"),
        ("length", "<u2"),  # bytes
    ]
)
"""One candidate."""
CANDIDATE_PLACES = {name: place for name, (_, place, *_) in (CANDIDATE.fields or {}).items()}
"""Byte offset of each of its fields."""
BUCKET_BYTES = 2
"""A bucket is the number of its first candidate."""


class Candidate(NamedTuple):
    """See CANDIDATE."""

    mask: int
    match: int
    near: int
    far: int
    layout: int
    flags: int
    length: int


def layouts_of(isa: InterpretedIsa) -> list[Layout]:
    """The formats of its instructions, always in the same order."""
    return list(dict.fromkeys(row.format for row in isa.rows))


def runs_of(selector: int) -> tuple[Piece, ...]:
    """Bits that are set, gathered in one number: as pieces of a field."""
    found: list[Piece] = []
    taken = 0
    for low in range(selector.bit_length()):
        if not selector >> low & 1:
            continue
        if low and selector >> low - 1 & 1:
            first, width, to = found.pop()
            found.append((first, width + 1, to))
        else:
            found.append((low, 1, taken))
        taken += 1
    return tuple(found)


def buckets_before(isa: InterpretedIsa, length: int) -> int:
    """How many buckets there are of shorter instructions."""
    shorter = (bits for size, bits in isa.selectors.items() if size < length)
    return sum(1 << bits.bit_count() for bits in shorter)


def first_candidate(isa: InterpretedIsa) -> int:
    """Byte offset of the candidates, behind all buckets."""
    return BUCKET_BYTES * buckets_before(isa, max(isa.lengths) + 1)


def decoding_table(isa: InterpretedIsa, uncovered: frozenset[str] = frozenset()) -> bytes:
    """The table of an ISA; `uncovered`: names of instructions to leave out."""
    found = _Candidates(isa, uncovered)
    buckets: list[int] = []
    candidates: list[Candidate] = []
    places: dict[tuple[Candidate, ...], int] = {}
    for length in sorted(isa.selectors):
        for selected in _values_of(isa.selectors[length]):
            bucket = tuple(found.of(length, (isa.selectors[length], selected)))
            if bucket not in places:
                places[bucket] = len(candidates)
                candidates += bucket
            buckets.append(places[bucket])
    numbers = np.array(buckets, dtype="<u2").tobytes()
    return numbers + np.array(candidates, dtype=CANDIDATE).tobytes()


def _values_of(selector: int) -> Iterator[int]:
    """The values of the selected bits in a word, in the order of their buckets."""
    runs = runs_of(selector)
    for number in range(1 << selector.bit_count()):
        yield sum((number >> to & (1 << width) - 1) << low for low, width, to in runs)


def _joined(one: Pattern, other: Pattern) -> Pattern | None:
    """The words that have both patterns; None if there are none."""
    if (one[1] ^ other[1]) & one[0] & other[0]:
        return None
    return one[0] | other[0], one[1] | other[1]


class _Candidates:
    """Makes the candidates of buckets."""

    def __init__(self, isa: InterpretedIsa, uncovered: frozenset[str]) -> None:
        self.isa, self.uncovered = isa, uncovered
        numbers = enumerate(samples_of(isa), FIRST_HANDLER)
        self.numbers = {key: number for number, key in numbers}
        self.layouts = {layout: place for place, layout in enumerate(layouts_of(isa))}
        self.rows = {
            length: [row for row in isa.rows if row.length == length] for length in isa.lengths
        }
        self.made = {row: list(self._variants(row)) for row in isa.rows}

    def of(self, length: int, selected: Pattern) -> Iterator[Candidate]:
        """Those of a bucket; every word has the pattern of the last."""
        yield from self._among(self.rows[length], selected)
        yield from self._reserved(selected, length)

    def _among(self, rows: list[Row], pattern: Pattern) -> Iterator[Candidate]:
        """Those of the words that have a pattern, among some rows."""
        for number, row in enumerate(rows):
            own = _joined(pattern, (row.mask, row.match))
            if own is None:
                continue
            for excluded in row.excluded:
                without = _joined(own, excluded)
                if without is not None:
                    yield from self._among(rows[number + 1 :], without)
                    yield from self._reserved(without, row.length)
            for candidate in self.made[row]:
                both = _joined(own, (candidate.mask, candidate.match))
                if both is not None:
                    yield candidate._replace(mask=both[0], match=both[1])

    def _variants(self, row: Row) -> Iterator[Candidate]:
        """Those of a row's variants, without the row's own pattern."""
        isa = self.isa
        for variant in isa.variants(row):
            sample = sample_of(isa, row, variant)
            near = self.numbers[key_of(isa, sample, far=False)]
            by_distance = is_by_distance(isa, sample)
            far = self.numbers[key_of(isa, sample, far=True)] if by_distance else near
            ends = ENDS * isa.code.facts(sample.word).kind.ends_block
            if row.name in self.uncovered:
                yield self._left(variant.pattern, row.length, ends)
                continue
            flags = ends | DISCARDS * (row.behaviour.writes == "x")
            layout = self.layouts[row.format]
            yield Candidate(*variant.pattern, near, far, layout, flags, row.length)

    def _reserved(self, pattern: Pattern, length: int) -> Iterator[Candidate]:
        """Those of words that have a pattern and are in no row; the last is of all of them."""
        for own, kind in self.isa.reserved:
            both = _joined(pattern, own)
            if both is not None:
                yield self._left(both, length, ENDS * kind.ends_block)

    def _left(self, pattern: Pattern, length: int, ends: int) -> Candidate:
        return Candidate(*pattern, LEFT_NUMBER, LEFT_NUMBER, len(self.layouts), ends, length)
