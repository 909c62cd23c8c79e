"""What is looked at natively of a file's records, when it is read."""

from numba import cfunc, njit, types

from mttcg.engine.llvm.kept.layout import FIRST, KeptWord
from mttcg.engine.llvm.kept.native_words import (
    AT,
    COUNT,
    EIGHT,
    ENTRIES,
    ENTRY_COUNT,
    FIXUP_BYTES,
    FIXUP_COUNT,
    FIXUP_SIZE,
    FIXUP_SYMBOL,
    FIXUPS,
    HALVES_AT,
    ONE,
    PLACES_AT,
    SIZE,
    TWO,
    ZERO,
    content_at,
    function_row,
)
from mttcg.memory.code_pages import HALVES
from mttcg.memory.page import PAGE
from mttcg.native import host
from mttcg.native.words import U64, get, put

LENGTH, WINDOW, MASK, NUMBER = (AT[name] for name in ("length", "window", "mask", "number"))
LEADERS, LEADER_COUNT = AT["leaders"], AT["leader_count"]
HALF, HALF_BITS = U64(0xFFFF), U64(16)


@njit(cache=True)
def below(place, count, limit):
    """Whether `count` halves from a place are all below a limit."""
    most = ZERO
    for number in range(count):
        most = max(most, host.load16(place + TWO * U64(number)))
    return count == ZERO or most < limit


@njit(cache=True)
def in_order(place, count):
    """Whether each of `count` halves from a place is larger than the one before."""
    for number in range(ONE, count):
        at = place + TWO * U64(number)
        if host.load16(at) <= host.load16(at - TWO):
            return False
    return True


@njit(cache=True)
def right_fixups(words, row):
    """Whether a function's fixups are in its code, and of symbols that there are."""
    number, copy = words + EIGHT * U64(KeptWord.NUMBER), get(words, KeptWord.COPY)
    fixup, size = content_at(words, row, FIXUPS), host.read64(row + SIZE)
    put(words, KeptWord.NUMBER, ZERO)
    for _ in range(host.read64(row + FIXUP_COUNT)):
        host.call_copy(copy, number, fixup, FIXUP_SIZE)
        place = host.load64(number)
        host.call_copy(copy, number, fixup + FIXUP_SYMBOL, FIXUP_SIZE)
        if place + FIXUP_SIZE > size or host.load64(number) > ONE:
            return False
        fixup += FIXUP_BYTES
    return True


@njit(cache=True)
def put_window(words, row):
    """Say of a row what its first halves are, as one number, and where, see `layout.FIRST`."""
    places, halves = content_at(words, row, PLACES_AT), content_at(words, row, HALVES_AT)
    first, mask, wanted = host.load16(places), ZERO, ZERO
    for number in range(min(host.read64(row + COUNT), U64(FIRST))):
        at = TWO * U64(number)
        distance = host.load16(places + at) - first
        if distance < U64(FIRST):
            mask |= HALF << distance * HALF_BITS
            wanted |= host.load16(halves + at) << distance * HALF_BITS
    host.store64(row + WINDOW, TWO * first)
    host.store64(row + MASK, mask)
    host.store64(row + NUMBER, wanted)


@cfunc(types.void(types.uint64, types.uint64))
def check(words, count):
    """Look at the first rows: what is no function after all gets the length 0.

    As `KeptFunction.check`, and what it says of fixups; the counts are right already.
    """
    for number in range(count):
        row = function_row(words, U64(number))
        places = content_at(words, row, PLACES_AT)
        many = host.read64(row + COUNT)
        right = below(places, many, U64(HALVES)) and in_order(places, many)
        entries, leaders = content_at(words, row, ENTRIES), content_at(words, row, LEADERS)
        right = right and below(entries, host.read64(row + ENTRY_COUNT), U64(PAGE))
        right = right and below(leaders, host.read64(row + LEADER_COUNT), U64(PAGE))
        if right and right_fixups(words, row):
            put_window(words, row)
        else:
            host.store64(row + LENGTH, ZERO)
