"""What native code does of the PLIC: claims, completions, and its lines, as `plic.Plic` defines it.

C functions made by numba; `words` are a device's, see `native_registers.FunctionWord`, and `plic`
is the host address of the controller's state.
"""

import errno

import numpy as np
from numba import cfunc, njit, types

from mttcg.hardware.interrupts.plic import (
    BITS,
    CLAIM,
    CONTEXT_STRIDE,
    CONTEXTS_PER_HART,
    SOURCE_WORDS,
    SOURCES,
    WORD,
)
from mttcg.memory.native_registers import FunctionWord
from mttcg.native import host
from mttcg.native.words import get, put
from mttcg.state.vcpu_state import STATE_BYTES, VcpuState
from mttcg.state.words import offsets_of

U64 = np.uint64
ZERO, ONE, EIGHT = U64(0), U64(1), U64(8)
MADE, LEFT = ONE, ZERO
LINES = U64(offsets_of(VcpuState)["lines"])
OWNER_DIED = errno.EOWNERDEAD
SHIFT, PLACE = U64(BITS.bit_length() - 1), U64(BITS - 1)
LEVEL, PENDING, CLAIMED = U64(WORD.level), U64(WORD.pending), U64(WORD.claimed)
PRIORITY, THRESHOLD = U64(WORD.priority), U64(WORD.threshold)
ENABLE, EDGES, INPUTS = U64(WORD.enable), U64(WORD.edges), U64(WORD.inputs)
PER_HART, PER_CONTEXT = U64(CONTEXTS_PER_HART), U64(SOURCE_WORDS)


@njit(cache=True)
def word_at(plic, number):
    """A word of the state; other processes write it only with the lock."""
    return host.load64(plic + EIGHT * number)


@njit(cache=True)
def has_bit(plic, first, source):
    """Whether a source's bit is set in the words that begin with `first`."""
    return word_at(plic, first + (source >> SHIFT)) >> (source & PLACE) & ONE != ZERO


@njit(cache=True)
def set_bit(plic, first, source, value):
    """Set a source's bit; whether it was another."""
    number, bit = first + (source >> SHIFT), ONE << (source & PLACE)
    before = word_at(plic, number)
    after = before | bit if value else before & ~bit
    host.store64(plic + EIGHT * number, after)
    return before != after


@njit(cache=True)
def take(words, plic):
    """Take the controller's lock; whether it was given."""
    answer = host.call_mutex(get(words, FunctionWord.TAKE), plic)
    if answer == OWNER_DIED:
        answer = host.call_mutex(get(words, FunctionWord.MEND), plic)
    return answer == 0


@njit(cache=True)
def release(words, plic):
    """Release it."""
    host.call_mutex(get(words, FunctionWord.RELEASE), plic)


@njit(cache=True)
def most_urgent(plic, context):
    """The source that a context would claim, 0 if there is none, and its priority."""
    best, highest = ZERO, ZERO
    for index in range(SOURCE_WORDS):
        number = U64(index)
        bits = word_at(plic, PENDING + number) & ~word_at(plic, CLAIMED + number)
        bits &= word_at(plic, ENABLE + PER_CONTEXT * context + number)
        source = number << SHIFT
        while bits != ZERO:
            if bits & ONE != ZERO:
                priority = word_at(plic, PRIORITY + source)
                if priority > highest:
                    best, highest = source, priority
            bits >>= ONE
            source += ONE
    return best, highest


@njit(cache=True)
def look_at_context(words, plic, context):
    """Bring the line of a context to what the rest of the state says."""
    _, priority = most_urgent(plic, context)
    due = U64(priority > word_at(plic, THRESHOLD + context))
    hart = context // PER_HART
    number = word_at(plic, INPUTS + context % PER_HART)
    line = get(words, FunctionWord.HARTS) + hart * U64(STATE_BYTES) + LINES + EIGHT * number
    if host.load64(line) == due:
        return
    # by an exchange, which nothing passes: the hart is told to look behind it
    host.swap64(line, due)
    if due != ZERO:
        put(words, FunctionWord.ALERTS, get(words, FunctionWord.ALERTS) | ONE << hart)


@njit(cache=True)
def look(words, plic, source):
    """Bring the lines of the contexts that enable a source to what the state says."""
    for index in range(get(words, FunctionWord.HART_COUNT) * PER_HART):
        context = U64(index)
        if has_bit(plic, ENABLE + PER_CONTEXT * context, source):
            look_at_context(words, plic, context)


@njit(cache=True)
def claim(words, plic, context):
    """See `Plic._claim`. With the lock."""
    source, _ = most_urgent(plic, context)
    if source != ZERO:
        set_bit(plic, CLAIMED, source, True)
        set_bit(plic, PENDING, source, False)
        look(words, plic, source)
    return source


@njit(cache=True)
def complete(words, plic, context, source):
    """See `Plic._complete`. With the lock."""
    if source == ZERO or source > U64(SOURCES):
        return
    if not has_bit(plic, ENABLE + PER_CONTEXT * context, source):
        return
    if not set_bit(plic, CLAIMED, source, False):
        return
    if has_bit(plic, LEVEL, source) and not has_bit(plic, EDGES, source):
        set_bit(plic, PENDING, source, True)
    look(words, plic, source)


@njit(cache=True)
def drive(words, plic, source, raised):
    """Raise or lower a source's line, as `Plic.drive`; whether the lock was given."""
    if not take(words, plic):
        return False
    changed = set_bit(plic, LEVEL, source, raised)
    edge = has_bit(plic, EDGES, source)
    if raised and (changed or edge) and (edge or not has_bit(plic, CLAIMED, source)):
        set_bit(plic, PENDING, source, True)
        look(words, plic, source)
    release(words, plic)
    return True


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64))
def access(words, distance, value, stores):
    """Claim or complete; other registers of contexts are left."""
    put(words, FunctionWord.ALERTS, ZERO)
    context, plic = distance // U64(CONTEXT_STRIDE), get(words, FunctionWord.STATE)
    if distance % U64(CONTEXT_STRIDE) != U64(CLAIM):
        return LEFT
    if context >= get(words, FunctionWord.HART_COUNT) * PER_HART or not take(words, plic):
        return LEFT
    if stores != ZERO:
        complete(words, plic, context, value)
    else:
        put(words, FunctionWord.VALUE, claim(words, plic, context))
    release(words, plic)
    return MADE
