"""Which new versions of pages some kept function fits: Python looks at no others.

See `native.py`; a C function made by numba, too.
"""

from numba import cfunc, njit, types

from mttcg.engine.llvm.kept.layout import KeptWord
from mttcg.engine.llvm.kept.native import FIRSTS_BYTES, SLOT_TAIL, begins_like, fits
from mttcg.engine.llvm.kept.native_words import EIGHT, ONE, TWO, ZERO, function_row
from mttcg.engine.tracking.words import NUMBER_BYTES, SLOT_STRIDE
from mttcg.engine.tracking.words import PLACES as SLOT_PLACES
from mttcg.memory.page import PAGE_SHIFT
from mttcg.native import host
from mttcg.native.words import U64, get

SLOT_PAGE, SLOT_SEEN = SLOT_PLACES["page"], SLOT_PLACES["seen"]


@njit(cache=True)
def has_fitting(words, slot, row, of_variant):
    """Whether a function of a variant, of which the number of the first and how many there are are
    at `of_variant`, fits a slot."""
    page = get(words, KeptWord.ORIGINAL) + (slot << U64(PAGE_SHIFT))
    firsts, tail = get(words, KeptWord.FIRSTS), host.load32(row + SLOT_TAIL)
    number = host.read64(of_variant)
    end = number + host.read64(of_variant + EIGHT)
    while number < end:
        if begins_like(firsts + number * FIRSTS_BYTES, page) and fits(
            words, function_row(words, number), page, tail
        ):
            return True
        number += ONE
    return False


@cfunc(types.uint64(*(types.uint64,) * 5))
def find_slots(words, begin, end, variants, found):
    """Put the slots from `begin` to `end` that are fetched from and some function fits in `found`.

    How many there are. What is fetched from is whole, so this needs no lock; of code that comes
    meanwhile it may be told or not.

    variants: host address of the number of the first function, and how many there are, of the
    variant for plain addresses, then of that for translated ones.
    """
    count, slot = ZERO, begin
    while slot < end:
        row = get(words, KeptWord.SLOTS) + slot * SLOT_STRIDE
        used = get(words, KeptWord.USED) + host.load32(row + SLOT_PAGE) * NUMBER_BYTES
        if host.load32(used) == slot + ONE:
            of_variant = variants
            if host.load64(row + SLOT_SEEN) != ZERO:
                of_variant += TWO * EIGHT
            if has_fitting(words, slot, row, of_variant):
                host.store64(found + EIGHT * count, slot)
                count += ONE
        slot += ONE
    return count
