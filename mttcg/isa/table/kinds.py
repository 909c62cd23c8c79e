"""The kinds of many words at a time."""

from collections.abc import Callable, Iterable, Mapping
from functools import cache, lru_cache
from typing import NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mttcg.isa.kind import Kind
from mttcg.isa.table.lookup import DECODED_WORDS
from mttcg.isa.table.row import Pattern, Row

Words: TypeAlias = npt.NDArray[np.int64]
Kinds: TypeAlias = npt.NDArray[np.uint8]
FindKinds: TypeAlias = Callable[[Words, Words], Kinds]
ALL_BITS = (1 << 32) - 1


class Telling(NamedTuple):
    """Encodings of a length, by mask and value, and the bits that tell whether a word is of them,
    and its kind if so."""

    length: int
    mask: int
    value: int
    bits: int


def make_kinds(
    rows: Iterable[Row],
    selectors: Mapping[int, int],
    reserved: Iterable[Pattern],
    kind: Callable[[int], Kind],
) -> FindKinds:
    """A function that gives the kinds of words, given these, and their lengths in bytes.

    Only some bits of a word say what kind it is: those by which the rows, and the reserved
    encodings, of its bucket are told apart. So `kind` is asked once for all words that have the
    same there. No bit above a word's length may be set.

    Args:
        rows: the table.
        selectors: by length, the bits that choose a bucket, see `make_find`.
        reserved: the encodings of which `kind` asks where a word has no row.
        kind: that of one word.
    """
    told = [_told(row) for row in rows]
    told += [Telling(size, *each, each[0]) for size in selectors for each in reserved]

    @cache
    def deciding_bits(size: int, bucket: int) -> int:
        bits = selectors[size]
        for each in told:
            if each.length == size and not (each.value ^ bucket) & each.mask & selectors[size]:
                bits |= each.bits
        return bits

    kind_of = lru_cache(maxsize=DECODED_WORDS)(kind)

    def kinds_of(words: Words, size: int) -> Kinds:
        buckets, in_bucket = np.unique(words & selectors[size], return_inverse=True)
        bits = [deciding_bits(size, bucket) for bucket in buckets.tolist()]
        deciding, same = np.unique(words & np.array(bits)[in_bucket], return_inverse=True)
        return np.array([kind_of(word) for word in deciding.tolist()], np.uint8)[same]

    def find(words: Words, lengths: Words) -> Kinds:
        found = np.zeros(len(words), np.uint8)
        for size in selectors:
            here = np.flatnonzero(lengths == size)
            if len(here):
                found[here] = kinds_of(words[here], size)
        return found

    return find


def _told(row: Row) -> Telling:
    bits = row.mask
    for mask, _ in row.excluded:
        bits |= mask
    return Telling(
        row.length, row.mask, row.match, ALL_BITS if callable(row.behaviour.kind) else bits
    )
