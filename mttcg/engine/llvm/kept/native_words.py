"""What native functions of kept code share: a function's row, and where to find what it says."""

from numba import njit

from mttcg.engine.llvm.kept.layout import FUNCTION, KeptWord
from mttcg.native import host
from mttcg.native.words import U64, get

ZERO, ONE, TWO, EIGHT = U64(0), U64(1), U64(2), U64(8)
FUNCTION_BYTES = U64(FUNCTION.itemsize)
AT = {name: U64(place) for name, (_, place, *_) in (FUNCTION.fields or {}).items()}
TAIL, PLACES_AT, HALVES_AT, COUNT = (AT[name] for name in ("tail", "places", "halves", "count"))
ENTRIES, ENTRY_COUNT = AT["entries"], AT["entry_count"]
FIXUPS, FIXUP_COUNT, CODE_AT, SIZE = AT["fixups"], AT["fixup_count"], AT["code"], AT["size"]
FIXUP_BYTES, FIXUP_ADDEND, FIXUP_SYMBOL, FIXUP_SIZE = U64(12), U64(4), U64(8), U64(4)


@njit(cache=True)
def function_row(words, number):
    """Address of the row of a function."""
    return get(words, KeptWord.FUNCTIONS) + number * FUNCTION_BYTES


@njit(cache=True)
def content_at(words, row, field):
    """Address of what a field says the place of."""
    return get(words, KeptWord.CONTENT) + host.read64(row + field)
