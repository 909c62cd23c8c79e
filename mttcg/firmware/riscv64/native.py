"""The calls that a kernel makes all the time, natively; as `sbi.Sbi` answers them.

TIME's timer, IPI's interrupts, and RFENCE's fences of translations, as long as each asked hart does
them soon. A C function made by numba; for its words see `mttcg.memory.native_registers`. Whatever
is not usual is left to the host, which answers the call from its beginning: it may then ask for a
fence a second time.
"""

import numpy as np
from numba import cfunc, njit, types

from mttcg.firmware.riscv64.call import A0, A1
from mttcg.firmware.riscv64.machine import TIMER
from mttcg.firmware.riscv64.others import (
    INTERPROCESSOR,
    OF_ALL_SPACES,
    OF_SPACE,
    REMOTE_FENCES,
    SPACE_ARGUMENT,
    is_in_space,
)
from mttcg.isa.riscv64.interrupts import SUPERVISOR_SOFTWARE
from mttcg.isa.riscv64.state import OFFSET
from mttcg.memory.native_registers import CallOutcome, FunctionWord
from mttcg.native import host
from mttcg.native.words import get, put
from mttcg.state.vcpu_state import FENCE_TRANSLATIONS, STATE_BYTES, Activity, Power

U64 = np.uint64
ZERO, ONE, EIGHT = U64(0), U64(1), U64(8)
EVERY_HART = ~ZERO
MOST_SPINS = 4_000
"""Looks at harts that were asked for a fence: some 50 us, in which one that runs comes to look."""
X = U64(OFFSET["x"])
FUNCTION, EXTENSION = U64(16), U64(17)
TIME = U64(OFFSET["stimecmp"])
LINE = U64(OFFSET["lines"]) + EIGHT * U64(SUPERVISOR_SOFTWARE)
LEFT, ANSWERED, FENCED = (U64(one) for one in CallOutcome)


@njit(cache=True)
def field(hart, name):
    """A word of a hart's state, which others may write."""
    return host.load64(hart + U64(name))


@njit(cache=True)
def register(hart, number):
    """An integer register of the calling hart."""
    return host.read64(hart + X + EIGHT * U64(number))


@njit(cache=True)
def hart_at(words, number):
    """Where the state of a hart is."""
    return get(words, FunctionWord.HARTS) + number * U64(STATE_BYTES)


@njit(cache=True)
def named(words, hart):
    """The harts of the mask in a0 and its base in a1, a bit each; 0 if one is not there."""
    count = get(words, FunctionWord.HART_COUNT)
    every = EVERY_HART >> (U64(64) - count)
    mask, base = register(hart, A0), register(hart, A1)
    if base == EVERY_HART:
        return every
    if base >= count or mask << base >> base != mask or mask << base & ~every != ZERO:
        return ZERO
    return mask << base


@njit(cache=True)
def answer_success(hart):
    """No error, and no value."""
    host.store64(hart + X + EIGHT * U64(A0), ZERO)
    host.store64(hart + X + EIGHT * U64(A1), ZERO)


POWER = OFFSET["power"]


@njit(cache=True)
def is_awake(hart):
    """Whether a hart can be interrupted, see `others.AWAKE`."""
    power = field(hart, POWER)
    return power == U64(Power.STARTED) or power == U64(Power.SUSPENDED)


@njit(cache=True)
def interrupt(words, harts):
    """Raise the software interrupt of harts that are on; they are to be alerted."""
    alerts = ZERO
    for index in range(get(words, FunctionWord.HART_COUNT)):
        number = U64(index)
        hart = hart_at(words, number)
        if harts >> number & ONE != ZERO and is_awake(hart):
            host.swap64(hart + LINE, ONE)  # which nothing passes
            alerts |= ONE << number
    put(words, FunctionWord.ALERTS, alerts)


ASKED, BEGUN, DONE = (OFFSET[f"fences_{name}"] for name in ("asked", "begun", "done"))
ALERT, STATE = OFFSET["alert"], OFFSET["state"]
RUNNING, TRANSLATIONS = U64(Activity.RUNNING), U64(FENCE_TRANSLATIONS)
SATP = OFFSET["satp"]
in_space = njit(cache=True)(is_in_space)


@njit(cache=True)
def in_named_space(words, hart, harts):
    """Those of some harts that are in the space of the call; see `others._fence_space`."""
    space, found = register(hart, A0 + SPACE_ARGUMENT), ZERO
    host.full_fence()
    for index in range(get(words, FunctionWord.HART_COUNT)):
        number = U64(index)
        if in_space(field(hart_at(words, number), SATP), space):
            found |= ONE << number
    return harts & found


@njit(cache=True)
def ask(words, harts):
    """Ask harts to drop their translations."""
    for index in range(get(words, FunctionWord.HART_COUNT)):
        number = U64(index)
        if harts >> number & ONE != ZERO:
            hart = hart_at(words, number)
            host.or64(hart + U64(ASKED), TRANSLATIONS)
            host.swap64(hart + U64(ALERT), ONE)


@njit(cache=True)
def is_waited_for(hart):
    """Whether a hart runs, and has not done all that it was asked for; see `RemoteFences`."""
    if field(hart, STATE) != RUNNING:
        return False
    # in this order: it counts what it begins before it clears the word
    return field(hart, ASKED) != ZERO or field(hart, DONE) < field(hart, BEGUN)


@njit(cache=True)
def is_pending(words, harts):
    """Whether one of some harts is waited for."""
    for index in range(get(words, FunctionWord.HART_COUNT)):
        number = U64(index)
        if harts >> number & ONE != ZERO and is_waited_for(hart_at(words, number)):
            return True
    return False


@njit(cache=True)
def fence(words, own, harts):
    """Have other harts drop their translations; False if it takes long, or this one is asked."""
    ask(words, harts)
    for _ in range(MOST_SPINS):
        if not is_pending(words, harts):
            return True
        if field(own, ASKED) != ZERO:
            return False
    return False


@cfunc(types.uint64(types.uint64, types.uint64))
def answer(words, hart):
    """Answer the call that the hart's registers have, see `CallOutcome`."""
    put(words, FunctionWord.ALERTS, ZERO)
    extension, function = register(hart, EXTENSION), register(hart, FUNCTION)
    if extension == U64(TIMER) and function == ZERO:
        host.store64(hart + TIME, register(hart, A0))
        answer_success(hart)
        return ANSWERED
    of_space = function == U64(OF_SPACE)
    is_fence = extension == U64(REMOTE_FENCES) and (of_space or function == U64(OF_ALL_SPACES))
    if not is_fence and (extension != U64(INTERPROCESSOR) or function != ZERO):
        return LEFT
    harts = named(words, hart)
    if harts == ZERO:
        return LEFT
    if not is_fence:
        interrupt(words, harts)
        answer_success(hart)
        return ANSWERED
    if of_space:
        harts = in_named_space(words, hart, harts)
    own = ONE << ((hart - get(words, FunctionWord.HARTS)) // U64(STATE_BYTES))
    if not fence(words, hart, harts & ~own):
        return LEFT
    answer_success(hart)
    return FENCED if harts & own != ZERO else ANSWERED
