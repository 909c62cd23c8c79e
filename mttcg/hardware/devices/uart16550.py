"""16550A UART (National Semiconductor PC16550D data sheet, section 8, "Registers")."""

from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import ClassVar

from mttcg.hardware.interrupts.ports import Line
from mttcg.memory.lock import LOCK_BYTES, SharedLock
from mttcg.memory.native_registers import NativeRegisters, RegisterKind

LOCK = 64
"""Where the lock is in the shared state, in bytes."""
STATE_SIZE = LOCK + LOCK_BYTES
"""Bytes of shared memory that the device needs, zeroed and prepared."""

IER_RECEIVED, IER_TRANSMIT_EMPTY, IER_LINE_STATUS = 0x01, 0x02, 0x04
IER_MASK = 0x0F
IIR_NONE, IIR_TRANSMIT_EMPTY, IIR_RECEIVED, IIR_TIMEOUT = 0x01, 0x02, 0x04, 0x0C
IIR_LINE_STATUS = 0x06
IIR_FIFOS = 0xC0
FCR_ENABLE, FCR_CLEAR_RECEIVED, FCR_TRIGGER = 0x01, 0x02, 0xC0
FCR_KEPT = FCR_ENABLE | 0x08 | FCR_TRIGGER
LCR_DLAB = 0x80
MCR_LOOP, MCR_MASK = 0x10, 0x1F
LSR_DATA_READY, LSR_OVERRUN, LSR_TRANSMIT_EMPTY, LSR_IDLE = 0x01, 0x02, 0x20, 0x40
MSR_LINES = 0xB0
"""DCD, DSR and CTS: the other end is there and ready."""
MSR_OF_MCR = {0x01: 0x20, 0x02: 0x10, 0x04: 0x40, 0x08: 0x80}
"""In loopback, which modem input each modem output drives (DTR, RTS, OUT1, OUT2)."""
FIFO_DEPTH = 16


class UartByte(IntEnum):
    """Where each register's bits are in the shared state, one byte each.

    What native code asks for (the masks of NATIVE) is in the first eight.
    """

    IER = 0
    FCR = 1
    LCR = 2
    MCR = 3
    LOOPED = 4
    """How many characters that were sent in loopback wait."""
    OVERRUN = 5
    """1 when a character that was sent in loopback found the FIFO full."""
    DLL = 6
    DLM = 7
    SCR = 8
    TRANSMIT_PENDING = 9
    """1 while the "transmitter holding register empty" interrupt is due."""
    RECEIVED_SEEN = 10
    """1 when software was told of the character that waits."""
    LOOPED_FIRST = 16
    """The first of them; there is room for FIFO_DEPTH."""


TRANSMIT = RECEIVED = 0
INTERRUPT_ENABLE, LINE_STATUS, MODEM_STATUS = 1, 5, 6
INTERRUPT_ID = FIFO_CONTROL = 2
REGISTERS = 8
"""Offsets of the registers that a guest uses for each character, and how many there are."""
NATIVE = (
    NativeRegisters(
        RegisterKind.STATUS,
        LINE_STATUS,
        1,
        data=LSR_TRANSMIT_EMPTY | LSR_IDLE,
        mask=0xFF << 8 * UartByte.LOOPED | 0xFF << 8 * UartByte.OVERRUN,
    ),
    NativeRegisters(
        RegisterKind.SEND,
        TRANSMIT,
        1,
        data=UartByte.TRANSMIT_PENDING,
        mask=LCR_DLAB << 8 * UartByte.LCR | MCR_LOOP << 8 * UartByte.MCR,
        raises=IER_TRANSMIT_EMPTY << 8 * UartByte.IER,
    ),
    NativeRegisters(
        RegisterKind.FUNCTION,
        0,
        1,
        places=REGISTERS,
        function=("mttcg.hardware.devices.uart16550_native", "access"),
    ),
)
"""What of them native code may answer. The first two do what most accesses are: no input waits, and
nothing special is set up, nor does what is sent raise the line. The function does what else a
driver does for each character."""
PLAIN_REGISTERS = {3: (UartByte.LCR, 0xFF), 4: (UartByte.MCR, MCR_MASK), 7: (UartByte.SCR, 0xFF)}
"""Offsets that just hold what is written: (slot, bits that exist)."""
DIVISOR_REGISTERS = {0: UartByte.DLL, 1: UartByte.DLM}


class Uart16550:
    """The serial port: what is sent goes out at once, what comes in waits until it is read.

    The transmitter is always empty, and no character is ever lost or damaged on the line, so the
    modem status interrupt never happens. The host keeps the characters that come in; the 16-byte
    receive FIFO is the front of that queue. A FIFO reset (or a change of FIFO mode) drops what the
    FIFO can hold, if software was told (LSR, IIR) that something is there: characters that a guest
    never saw, typed before it set up its port, have not arrived yet. A trigger level above 1 is
    answered by the character timeout interrupt.

    Registers are a byte wide at offsets 0 to 7. A larger access is one to the register at its
    offset: its low byte counts, reads are zero-extended, the following registers are left alone.
    Offsets from 8 read as 0 and ignore writes. In loopback mode what is sent comes back in place of
    what comes in, and the modem lines follow MCR; a character that finds the FIFO full is an
    overrun.
    """

    name = "uart"
    size = 0x100
    in_ram = False

    def __init__(
        self,
        state: memoryview,
        output: Callable[[bytes], None],
        take_input: Callable[[], int | None],
        input_waiting: Callable[[], bool],
        line: Line | None = None,
    ) -> None:
        """Keep the registers in `state` and talk to the console.

        `state`: `STATE_SIZE` bytes of shared memory, prepared, for a port out of reset.
        `output`: sends bytes to the console.
        `take_input`: takes one character (0 to 255) from the console, None if none waits.
        `input_waiting`: whether a character waits.
        `line`: the interrupt line, None if there is none.
        """
        # Shared: any process may write here that holds the lock, under which the line changes, too.
        # Every register has a byte of its own; native code sets TRANSMIT_PENDING without the lock
        # where the line does not depend on it.
        self._state = state
        self._lock = SharedLock(state[LOCK:])
        self._output = output
        self._take_input = take_input
        self._input_waiting = input_waiting
        self._line = line

    def read(self, offset: int, size: int) -> int:
        """Return the register at `offset`."""
        state = self._state
        if offset in DIVISOR_REGISTERS and state[UartByte.LCR] & LCR_DLAB:
            return state[DIVISOR_REGISTERS[offset]]
        if offset in PLAIN_REGISTERS:
            return state[PLAIN_REGISTERS[offset][0]]
        if offset not in self._READERS:
            return 0
        with self._lock:
            value = self._READERS[offset](self)
            self._drive(anew=offset == TRANSMIT)
        return value

    def write(self, offset: int, size: int, value: int) -> None:
        """Write the low byte of `value` to the register at `offset`; LSR and MSR ignore it."""
        state, value = self._state, value & 0xFF
        if offset in DIVISOR_REGISTERS and state[UartByte.LCR] & LCR_DLAB:
            state[DIVISOR_REGISTERS[offset]] = value
            return
        if offset == TRANSMIT and not state[UartByte.MCR] & MCR_LOOP:
            self._output(bytes((value,)))  # takes as long as the console, so without the lock
        with self._lock:
            if offset in PLAIN_REGISTERS:
                slot, mask = PLAIN_REGISTERS[offset]
                state[slot] = value & mask
            elif offset == TRANSMIT:
                self._transmit(value)
            elif offset == INTERRUPT_ENABLE:
                self._write_interrupt_enable(value & IER_MASK)
            elif offset == FIFO_CONTROL:
                self._write_fifo_control(value)
            self._drive(anew=offset in (TRANSMIT, INTERRUPT_ENABLE))

    def interrupt_pending(self) -> bool:
        """Return the level of the interrupt line."""
        return self._interrupt_id() != IIR_NONE

    def input_came(self) -> None:
        """Raise the line if the guest is to know of input that has come."""
        with self._lock:
            self._drive(anew=True)

    def awaits_input(self) -> bool:
        """Whether input would raise the line."""
        return self._line is not None and bool(self._state[UartByte.IER] & IER_RECEIVED)

    def _drive(self, anew: bool = False) -> None:
        """Have the line at the level that the registers ask for.

        It leads to an edge source, as drivers suppose that read no IIR (that of xv6, for years): to
        them the transmitter's interrupt comes once, not for ever. anew: what came is another
        interrupt if there is one, even if the line was high.
        """
        line, pending = self._line, self.interrupt_pending()
        if line is not None and (line.high != pending or (anew and pending)):
            (line.raise_ if pending else line.lower)()

    def _waiting(self) -> bool:
        """Whether a character is there to be read."""
        if self._state[UartByte.LOOPED]:
            return True
        return not self._state[UartByte.MCR] & MCR_LOOP and self._input_waiting()

    def _take(self) -> int | None:
        """Take the next character."""
        state = self._state
        looped = state[UartByte.LOOPED]
        if not looped:
            return None if state[UartByte.MCR] & MCR_LOOP else self._take_input()
        first = UartByte.LOOPED_FIRST
        character = state[first]
        state[first : first + looped - 1] = bytes(state[first + 1 : first + looped])
        state[UartByte.LOOPED] = looped - 1
        return character

    def _receive(self) -> int:
        """RBR: take the next character, 0 if there is none."""
        self._state[UartByte.RECEIVED_SEEN] = 0
        character = self._take()
        return 0 if character is None else character & 0xFF

    def _transmit(self, value: int) -> None:
        """THR: the register is empty again at once."""
        state = self._state
        state[UartByte.TRANSMIT_PENDING] = 1
        if not state[UartByte.MCR] & MCR_LOOP:
            return
        looped = state[UartByte.LOOPED]
        if looped < (FIFO_DEPTH if state[UartByte.FCR] & FCR_ENABLE else 1):
            state[UartByte.LOOPED_FIRST + looped] = value
            state[UartByte.LOOPED] = looped + 1
        else:
            state[UartByte.OVERRUN] = 1

    def _write_interrupt_enable(self, value: int) -> None:
        newly = value & ~self._state[UartByte.IER]
        self._state[UartByte.IER] = value
        if newly & IER_TRANSMIT_EMPTY:
            # enabling it while the register is empty raises it at once
            self._state[UartByte.TRANSMIT_PENDING] = 1

    def _write_fifo_control(self, value: int) -> None:
        """FCR: the other bits count only with bit 0 set; a change of mode clears the FIFOs."""
        was = self._state[UartByte.FCR]
        changed = (was ^ value) & FCR_ENABLE
        if changed or (value & FCR_ENABLE and value & FCR_CLEAR_RECEIVED):
            self._clear_received(FIFO_DEPTH if was & FCR_ENABLE else 1)
        self._state[UartByte.FCR] = value & FCR_KEPT if value & FCR_ENABLE else 0

    def _clear_received(self, depth: int) -> None:
        self._state[UartByte.LOOPED] = 0
        if not self._state[UartByte.RECEIVED_SEEN]:
            return
        self._state[UartByte.RECEIVED_SEEN] = 0
        for _ in range(depth):
            if self._take_input() is None:
                return

    def _interrupt_id(self) -> int:
        """Return the most urgent interrupt due and enabled ("Interrupt Control Functions")."""
        state = self._state
        enabled = state[UartByte.IER]
        if enabled & IER_LINE_STATUS and state[UartByte.OVERRUN]:
            return IIR_LINE_STATUS
        if enabled & IER_RECEIVED and self._waiting():
            return IIR_TIMEOUT if state[UartByte.FCR] & FCR_TRIGGER else IIR_RECEIVED
        if enabled & IER_TRANSMIT_EMPTY and state[UartByte.TRANSMIT_PENDING]:
            return IIR_TRANSMIT_EMPTY
        return IIR_NONE

    def _read_interrupt_id(self) -> int:
        """IIR: reading it answers the transmitter's interrupt if that is the one shown."""
        due = self._interrupt_id()
        if due == IIR_TRANSMIT_EMPTY:
            self._state[UartByte.TRANSMIT_PENDING] = 0
        if due in (IIR_RECEIVED, IIR_TIMEOUT):
            self._state[UartByte.RECEIVED_SEEN] = 1
        return due | (IIR_FIFOS if self._state[UartByte.FCR] & FCR_ENABLE else 0)

    def _line_status(self) -> int:
        """LSR: the transmitter is always empty, a character may be ready; clears the overrun."""
        ready = LSR_DATA_READY if self._waiting() else 0
        if ready:
            self._state[UartByte.RECEIVED_SEEN] = 1
        overrun = LSR_OVERRUN if self._state[UartByte.OVERRUN] else 0
        self._state[UartByte.OVERRUN] = 0
        return LSR_TRANSMIT_EMPTY | LSR_IDLE | ready | overrun

    def _modem_status(self) -> int:
        """MSR: the lines never change, so no delta bit is ever set."""
        control = self._state[UartByte.MCR]
        if not control & MCR_LOOP:
            return MSR_LINES
        return sum(line for bit, line in MSR_OF_MCR.items() if control & bit)

    def _interrupt_enable(self) -> int:
        return self._state[UartByte.IER]

    # the class has it: a port with methods of its own would keep all memory until collected
    _READERS: ClassVar[Mapping[int, Callable[["Uart16550"], int]]] = {
        RECEIVED: _receive,
        INTERRUPT_ENABLE: _interrupt_enable,
        INTERRUPT_ID: _read_interrupt_id,
        LINE_STATUS: _line_status,
        MODEM_STATUS: _modem_status,
    }


def prepare(state: memoryview) -> None:
    """Make the state ready, before any process uses it."""
    SharedLock(state[LOCK : LOCK + LOCK_BYTES]).prepare()


def restore(state: memoryview, _stood_ns: int) -> None:
    """Make the state of another machine's ready, before any process uses it."""
    prepare(state)
