"""What native code does of virtio's registers: QueueNotify, InterruptStatus and InterruptACK.

As `transport.VirtioMmio` defines them. A C function made by numba; for its words see
`native_registers.FunctionWord`.
"""

import numpy as np
from numba import cfunc, njit, types

from mttcg.hardware.devices.virtio.layout import BackWord, DeviceKind, FrontWord, Interrupt
from mttcg.hardware.devices.virtio.transport import INTERRUPT_ACK, INTERRUPT_STATUS, QUEUE_NOTIFY
from mttcg.hardware.interrupts.plic_native import EIGHT, LEFT, MADE, ONE, ZERO, drive
from mttcg.memory.native_registers import FunctionWord
from mttcg.native import host
from mttcg.native.words import get, put

U64 = np.uint64
FIRST = U64(QUEUE_NOTIFY)
USED, CONFIG = U64(Interrupt.USED), U64(Interrupt.CONFIG)


@njit(cache=True)
def word_of(words, number):
    """A word of the device's state; the other half may write it at any time."""
    return host.load64(get(words, FunctionWord.STATE) + EIGHT * U64(number))


@njit(cache=True)
def set_word(words, number, value):
    """Set one."""
    host.store64(get(words, FunctionWord.STATE) + EIGHT * U64(number), value)


@njit(cache=True)
def status(words):
    """As `interrupt_line.interrupt_status`."""
    found = ZERO
    if word_of(words, BackWord.USED_RAISED) != word_of(words, FrontWord.USED_TAKEN):
        found |= USED
    if word_of(words, BackWord.CONFIG_RAISED) != word_of(words, FrontWord.CONFIG_TAKEN):
        found |= CONFIG
    return found


@njit(cache=True)
def settle(words):
    """As `interrupt_line.settle`; False if the controller does not let the line be driven."""
    plic, source = get(words, FunctionWord.CONTROLLER), get(words, FunctionWord.SOURCE)
    while True:
        high = status(words) != ZERO
        if not drive(words, plic, source, high):
            return False
        host.full_fence()
        if (status(words) != ZERO) == high:
            return True


@njit(cache=True)
def acknowledge(words, value):
    """As `VirtioMmio._acknowledge`."""
    if value & USED != ZERO:
        set_word(words, FrontWord.USED_TAKEN, word_of(words, BackWord.USED_RAISED))
    if value & CONFIG != ZERO:
        set_word(words, FrontWord.CONFIG_TAKEN, word_of(words, BackWord.CONFIG_RAISED))
    return settle(words)


@njit(cache=True)
def ring(words):
    """Write the eventfd, which is a full fence; False if that did not work."""
    bell = get(words, FunctionWord.BELL)
    if bell == ZERO:
        return False
    put(words, FunctionWord.VALUE, ONE)
    place = words + EIGHT * U64(FunctionWord.VALUE)
    return host.call_write(get(words, FunctionWord.WRITE), bell, place, EIGHT) == 8


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64))
def access(words, distance, value, stores):
    """Notify, say what was raised, or acknowledge it; other registers are left."""
    put(words, FunctionWord.ALERTS, ZERO)
    offset = FIRST + distance
    if word_of(words, BackWord.DEVICE_ID) == U64(DeviceKind.NONE):
        return LEFT
    if stores == ZERO:
        if offset != U64(INTERRUPT_STATUS):
            return LEFT
        put(words, FunctionWord.VALUE, status(words))
        return MADE
    if offset == FIRST:
        return MADE if ring(words) else LEFT
    if offset == U64(INTERRUPT_ACK) and get(words, FunctionWord.CONTROLLER) != ZERO:
        return MADE if acknowledge(words, value) else LEFT
    return LEFT
