"""What native code does of the UART's registers: all that a driver uses for each character.

As `uart16550.Uart16550` defines them. A C function made by numba; for its words see
`native_registers.FunctionWord`.
"""

import termios

import numpy as np
from numba import cfunc, njit, types

from mttcg.hardware.devices.uart16550 import (
    FCR_ENABLE,
    FCR_TRIGGER,
    IER_MASK,
    IER_RECEIVED,
    IER_TRANSMIT_EMPTY,
    IIR_FIFOS,
    IIR_NONE,
    IIR_RECEIVED,
    IIR_TIMEOUT,
    IIR_TRANSMIT_EMPTY,
    INTERRUPT_ENABLE,
    INTERRUPT_ID,
    LCR_DLAB,
    LINE_STATUS,
    LOCK,
    LSR_DATA_READY,
    LSR_IDLE,
    LSR_TRANSMIT_EMPTY,
    MCR_LOOP,
    MODEM_STATUS,
    MSR_LINES,
    RECEIVED,
    TRANSMIT,
    UartByte,
)
from mttcg.hardware.interrupts.plic_native import (
    EIGHT,
    LEFT,
    LEVEL,
    MADE,
    ONE,
    ZERO,
    drive,
    has_bit,
    release,
    take,
)
from mttcg.memory.native_registers import FunctionWord
from mttcg.native import host
from mttcg.native.words import get, put

U64 = np.uint64
NONE = U64(IIR_NONE)
TRANSMIT_EMPTY = U64(IIR_TRANSMIT_EMPTY)
FIRST, HOW_MANY = U64(FunctionWord.VALUE), U64(termios.FIONREAD)


@njit(cache=True)
def byte_of(words, which):
    """A byte of the device's state; other processes write it with the lock."""
    return host.load8(get(words, FunctionWord.STATE) + U64(which))


@njit(cache=True)
def set_byte(words, which, value):
    """Set one."""
    host.store8(get(words, FunctionWord.STATE) + U64(which), value)


@njit(cache=True)
def is_unusual(words):
    """Whether something is set up, or there, that only the class knows about."""
    if byte_of(words, UartByte.LCR) & U64(LCR_DLAB) != ZERO:
        return True
    if byte_of(words, UartByte.MCR) & U64(MCR_LOOP) != ZERO:
        return True
    return byte_of(words, UartByte.LOOPED) | byte_of(words, UartByte.OVERRUN) != ZERO


@njit(cache=True)
def is_waiting(words):
    """Whether a character waits; so it is told where that can't be asked."""
    place = words + EIGHT * FIRST
    put(words, FunctionWord.VALUE, ZERO)
    input_fd, function = get(words, FunctionWord.INPUT), get(words, FunctionWord.IOCTL)
    failed = host.call_ioctl(function, input_fd, HOW_MANY, place) != 0
    return failed or get(words, FunctionWord.VALUE) != ZERO


@njit(cache=True)
def interrupt_id(words, waits):
    """As `Uart16550._interrupt_id`."""
    enabled = byte_of(words, UartByte.IER)
    if enabled & U64(IER_RECEIVED) != ZERO and waits:
        late = byte_of(words, UartByte.FCR) & U64(FCR_TRIGGER) != ZERO
        return U64(IIR_TIMEOUT) if late else U64(IIR_RECEIVED)
    pending = byte_of(words, UartByte.TRANSMIT_PENDING) != ZERO
    if enabled & U64(IER_TRANSMIT_EMPTY) != ZERO and pending:
        return TRANSMIT_EMPTY
    return NONE


@njit(cache=True)
def drive_line(words, waits, anew):
    """As `Uart16550._drive`."""
    plic, source = get(words, FunctionWord.CONTROLLER), get(words, FunctionWord.SOURCE)
    if plic == ZERO:
        return
    pending = interrupt_id(words, waits) != NONE
    if has_bit(plic, LEVEL, source) != pending or (anew and pending):
        drive(words, plic, source, pending)


@njit(cache=True)
def receive(words):
    """Take the next character; False if another process was quicker."""
    character = ZERO
    if is_waiting(words):
        put(words, FunctionWord.VALUE, ZERO)
        function, input_fd = get(words, FunctionWord.READ), get(words, FunctionWord.INPUT)
        if host.call_read(function, input_fd, words + EIGHT * FIRST, ONE) != 1:
            return False
        character = get(words, FunctionWord.VALUE)
    set_byte(words, UartByte.RECEIVED_SEEN, ZERO)
    drive_line(words, is_waiting(words), True)
    put(words, FunctionWord.VALUE, character)
    return True


@njit(cache=True)
def read_interrupt_id(words):
    """As `Uart16550._read_interrupt_id`."""
    waits = is_waiting(words)
    due = interrupt_id(words, waits)
    if due == TRANSMIT_EMPTY:
        set_byte(words, UartByte.TRANSMIT_PENDING, ZERO)
    elif due != NONE:
        set_byte(words, UartByte.RECEIVED_SEEN, ONE)
    drive_line(words, waits, False)
    fifos = byte_of(words, UartByte.FCR) & U64(FCR_ENABLE) != ZERO
    put(words, FunctionWord.VALUE, due | (U64(IIR_FIFOS) if fifos else ZERO))


@njit(cache=True)
def read_line_status(words):
    """As `Uart16550._line_status`."""
    waits, status = is_waiting(words), U64(LSR_TRANSMIT_EMPTY | LSR_IDLE)
    if waits:
        set_byte(words, UartByte.RECEIVED_SEEN, ONE)
        status |= U64(LSR_DATA_READY)
    drive_line(words, waits, False)
    put(words, FunctionWord.VALUE, status)


@njit(cache=True)
def load(words, register):
    """Read a register, with the lock; whether that is done."""
    if register == U64(RECEIVED):
        return receive(words)
    if register == U64(INTERRUPT_ID):
        read_interrupt_id(words)
    elif register == U64(LINE_STATUS):
        read_line_status(words)
    elif register == U64(INTERRUPT_ENABLE) or register == U64(MODEM_STATUS):
        drive_line(words, is_waiting(words), False)
        enabled = byte_of(words, UartByte.IER)
        shown = enabled if register == U64(INTERRUPT_ENABLE) else U64(MSR_LINES)
        put(words, FunctionWord.VALUE, shown)
    else:
        return False
    return True


@njit(cache=True)
def send(words, value):
    """Send a character; whether it is gone. Without the lock, as the console may take its time."""
    put(words, FunctionWord.VALUE, value)
    function, output = get(words, FunctionWord.WRITE), get(words, FunctionWord.OUTPUT)
    return host.call_write(function, output, words + EIGHT * FIRST, ONE) == 1


@njit(cache=True)
def store(words, register, value):
    """Write a register, with the lock; whether that is done. What is transmitted was sent."""
    if register == U64(TRANSMIT):
        set_byte(words, UartByte.TRANSMIT_PENDING, ONE)
    elif register == U64(INTERRUPT_ENABLE):
        enabled = value & U64(IER_MASK)
        newly = enabled & ~byte_of(words, UartByte.IER)
        set_byte(words, UartByte.IER, enabled)
        if newly & U64(IER_TRANSMIT_EMPTY) != ZERO:
            set_byte(words, UartByte.TRANSMIT_PENDING, ONE)
    else:
        return False
    drive_line(words, is_waiting(words), True)
    return True


@cfunc(types.uint64(types.uint64, types.uint64, types.uint64, types.uint64))
def access(words, distance, value, stores):
    """Make an access to a register that drivers use all the time; others are left."""
    put(words, FunctionWord.ALERTS, ZERO)
    lock, transmits = get(words, FunctionWord.STATE) + U64(LOCK), False
    if stores != ZERO and distance == U64(TRANSMIT):
        transmits = not is_unusual(words) and send(words, value)
        if not transmits:
            return LEFT
    if not take(words, lock):
        return MADE if transmits else LEFT
    made = transmits
    if transmits or not is_unusual(words):
        made = store(words, distance, value) if stores != ZERO else load(words, distance)
    release(words, lock)
    return MADE if made else LEFT
