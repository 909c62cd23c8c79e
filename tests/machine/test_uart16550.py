import os
from collections import deque

import pytest

from mttcg.hardware.devices import uart16550
from mttcg.hardware.devices.uart16550 import STATE_SIZE, Uart16550

DATA, IER, FCR_IIR, LCR, MCR, LSR, MSR, SCR = range(8)
DLAB, DATA_READY, SENT = 0x80, 0x01, 0x60
NONE, TRANSMIT, RECEIVED, TIMEOUT, FIFOS = 0x01, 0x02, 0x04, 0x0C, 0xC0
LINE_STATUS, OVERRUN, LOOP = 0x06, 0x02, 0x10


class Wire:
    """An interrupt line that says how often it changed."""

    def __init__(self) -> None:
        self.high, self.changes = False, 0

    def raise_(self) -> None:
        self.high, self.changes = True, self.changes + 1

    def lower(self) -> None:
        self.high, self.changes = False, self.changes + 1


class Console:
    """A UART on a console that the test types into."""

    def __init__(self) -> None:
        self.typed: deque[int] = deque()
        self.shown = b""
        self.state = bytearray(STATE_SIZE)
        uart16550.prepare(memoryview(self.state))
        self.wire = Wire()
        self.uart = self.another_view()

    def another_view(self) -> Uart16550:
        """The same port as another vCPU process has it."""
        state, waiting = memoryview(self.state), lambda: bool(self.typed)
        return Uart16550(state, self._show, self._take, waiting, self.wire)

    def type(self, text: bytes) -> None:
        self.typed.extend(text)

    def read(self, offset: int) -> int:
        return self.uart.read(offset, 1)

    def write(self, offset: int, value: int) -> None:
        self.uart.write(offset, 1, value)

    def _show(self, data: bytes) -> None:
        self.shown += data

    def _take(self) -> int | None:
        return self.typed.popleft() if self.typed else None


@pytest.fixture
def console() -> Console:
    return Console()


def test_registers_out_of_reset(console: Console) -> None:
    assert [console.read(offset) for offset in range(8)] == [0, 0, NONE, 0, 0, SENT, 0xB0, 0]
    assert not console.uart.interrupt_pending()


def test_what_is_written_to_thr_is_sent(console: Console) -> None:
    for byte in b"hi\n":
        assert console.read(LSR) & SENT == SENT
        console.write(DATA, byte)
    assert console.shown == b"hi\n"


def test_what_was_typed_is_read_from_rbr(console: Console) -> None:
    console.type(b"ok")
    assert console.read(LSR) & DATA_READY
    assert [console.read(DATA), console.read(DATA)] == list(b"ok")
    assert not console.read(LSR) & DATA_READY
    assert console.read(DATA) == 0


def test_dlab_shows_the_divisor_in_place_of_data_and_ier(console: Console) -> None:
    console.write(IER, 0x01)
    console.write(LCR, DLAB | 0x03)
    console.write(DATA, 0x34)
    console.write(IER, 0x12)
    assert (console.read(DATA), console.read(IER)) == (0x34, 0x12)
    assert console.read(LCR) == DLAB | 0x03
    console.write(LCR, 0x03)
    assert console.read(IER) == 0x01
    assert console.shown == b""
    console.write(LCR, DLAB)
    assert (console.read(DATA), console.read(IER)) == (0x34, 0x12)


def test_only_the_bits_that_exist_are_kept(console: Console) -> None:
    for offset in (IER, LCR, MCR, SCR):
        console.write(offset, 0xFF)
        console.write(LCR, 0x7F)
    assert [console.read(offset) for offset in (IER, LCR, MCR, SCR)] == [0x0F, 0x7F, 0x1F, 0xFF]


def test_lsr_and_msr_can_not_be_written(console: Console) -> None:
    console.write(LSR, 0xFF)
    console.write(MSR, 0xFF)
    assert (console.read(LSR), console.read(MSR)) == (SENT, 0xB0)


def test_iir_says_whether_the_fifos_are_on(console: Console) -> None:
    console.write(FCR_IIR, 0x01)
    assert console.read(FCR_IIR) == FIFOS | NONE
    console.write(FCR_IIR, 0x00)
    assert console.read(FCR_IIR) == NONE


def test_fcr_bits_without_the_enable_bit_do_nothing(console: Console) -> None:
    console.type(b"a")
    console.read(LSR)
    console.write(FCR_IIR, 0xC2)
    assert console.read(DATA) == ord("a")
    assert console.read(FCR_IIR) == NONE


def test_a_fifo_reset_drops_what_the_fifo_holds(console: Console) -> None:
    console.write(FCR_IIR, 0x01)
    console.type(bytes(range(20)))
    assert console.read(LSR) & DATA_READY
    console.write(FCR_IIR, 0x03)
    assert console.read(DATA) == 16


def test_a_change_of_fifo_mode_drops_what_the_fifo_holds(console: Console) -> None:
    console.type(b"ab")
    assert console.read(LSR) & DATA_READY
    console.write(FCR_IIR, 0x01)
    assert bytes(console.typed) == b"b"


def test_a_reset_leaves_what_the_guest_has_not_seen(console: Console) -> None:
    console.type(b"typed before the guest was up")
    console.write(FCR_IIR, 0x07)
    assert console.read(DATA) == ord("t")


def test_polling_until_the_fifo_is_clear_ends(console: Console) -> None:
    console.type(bytes(100))
    console.write(FCR_IIR, 0x01)
    rounds = 0
    while console.read(LSR) & DATA_READY:
        console.write(FCR_IIR, 0x03)
        rounds += 1
    assert rounds == 7


def test_the_receive_interrupt_follows_the_data(console: Console) -> None:
    console.type(b"a")
    assert not console.uart.interrupt_pending()
    console.write(IER, 0x01)
    assert console.uart.interrupt_pending()
    assert console.read(FCR_IIR) == RECEIVED
    assert console.uart.interrupt_pending()
    console.read(DATA)
    assert not console.uart.interrupt_pending()
    assert console.read(FCR_IIR) == NONE


def test_below_a_trigger_level_the_timeout_is_reported(console: Console) -> None:
    console.write(FCR_IIR, 0xC1)
    console.write(IER, 0x01)
    console.type(b"a")
    assert console.read(FCR_IIR) == FIFOS | TIMEOUT


def test_the_transmit_interrupt_is_answered_by_reading_iir(console: Console) -> None:
    console.write(IER, 0x02)
    assert console.uart.interrupt_pending()
    assert console.read(FCR_IIR) == TRANSMIT
    assert not console.uart.interrupt_pending()
    assert console.read(FCR_IIR) == NONE
    console.write(DATA, ord("x"))
    assert console.read(FCR_IIR) == TRANSMIT


def test_receiving_goes_before_transmitting(console: Console) -> None:
    console.write(IER, 0x03)
    console.type(b"a")
    assert console.read(FCR_IIR) == RECEIVED
    console.read(DATA)
    assert console.read(FCR_IIR) == TRANSMIT


def test_loopback_sends_nothing_and_turns_the_modem_lines(console: Console) -> None:
    console.write(MCR, 0x10 | 0x0A)
    assert console.read(MSR) == 0x90
    console.write(DATA, ord("x"))
    assert console.shown == b""
    console.write(MCR, 0x0A)
    assert console.read(MSR) == 0xB0


def test_all_processes_see_one_port(console: Console) -> None:
    console.write(SCR, 0x5A)
    console.write(LCR, DLAB)
    other = console.another_view()
    other.write(DATA, 1, 0x0C)
    assert other.read(SCR, 1) == 0x5A
    assert console.read(DATA) == 0x0C


@pytest.mark.parametrize("size", [2, 4, 8])
def test_a_larger_access_is_one_to_its_register(console: Console, size: int) -> None:
    console.write(MCR, 0x05)
    console.uart.write(LCR, size, 0xFFFF_FF03)
    assert console.uart.read(LCR, size) == 0x03
    assert console.read(MCR) == 0x05


def test_offsets_beyond_the_registers_read_as_zero(console: Console) -> None:
    console.write(8, 0xFF)
    assert console.read(8) == 0
    assert console.read(0xFF) == 0
    assert console.shown == b""


def test_the_line_is_raised_for_input_and_lowered_when_it_is_read(console: Console) -> None:
    console.type(b"ab")
    console.uart.input_came()
    assert (console.wire.high, console.uart.awaits_input()) == (False, False)
    console.write(IER, 0x01)
    assert (console.wire.high, console.uart.awaits_input()) == (True, True)
    console.read(DATA)
    assert console.wire.high
    console.read(DATA)
    assert not console.wire.high
    console.type(b"c")
    console.another_view().input_came()
    assert console.wire.high
    console.write(IER, 0)
    assert not console.wire.high
    assert console.wire.changes == 5  # raised again for the second character


def test_the_line_follows_the_empty_transmitter(console: Console) -> None:
    seen = []
    for access in (
        lambda: console.write(IER, 0x02),
        lambda: console.read(FCR_IIR),
        lambda: console.write(DATA, ord("x")),
        lambda: console.write(DATA, ord("y")),
        lambda: console.read(FCR_IIR),
        lambda: console.write(DATA, ord("z")),
        lambda: console.write(IER, 0x00),
    ):
        access()
        seen.append(console.wire.high)
    assert seen == [True, False, True, True, False, True, False]


def test_what_is_sent_in_loopback_comes_back(console: Console) -> None:
    console.write(FCR_IIR, 0x01)
    console.write(MCR, LOOP)
    console.type(b"from outside")
    assert not console.read(LSR) & DATA_READY
    console.write(IER, 0x05)
    for byte in range(17):
        console.write(DATA, byte)
    assert console.read(FCR_IIR) == FIFOS | LINE_STATUS
    assert console.read(LSR) & (OVERRUN | DATA_READY) == OVERRUN | DATA_READY
    assert not console.read(LSR) & OVERRUN
    assert console.read(FCR_IIR) == FIFOS | RECEIVED
    assert [console.read(DATA) for _ in range(16)] == list(range(16))
    assert (console.read(LSR) & DATA_READY, console.wire.high) == (0, False)
    console.write(MCR, 0)
    assert (console.read(DATA), console.shown) == (ord("f"), b"")


def test_linux_finds_a_16550a(console: Console) -> None:
    """The accesses of autoconfig() and of the test for THRE, in Linux's 8250_port.c."""
    console.write(IER, 0)
    scratch = console.read(IER) & 0x0F
    console.write(IER, 0x0F)
    assert (scratch, console.read(IER) & 0x0F) == (0, 0x0F)
    console.write(IER, 0)
    console.write(MCR, LOOP | 0x0A)
    assert console.read(MSR) & 0xF0 == 0x90
    console.write(MCR, 0x08)
    console.write(FCR_IIR, 0x01)
    assert console.read(FCR_IIR) >> 6 == 3
    identified = []
    for _ in range(2):
        console.write(IER, 0)
        console.write(IER, 0x02)
        identified.append(console.read(FCR_IIR) & 0x0F)
    console.write(IER, 0)
    assert identified == [TRANSMIT, TRANSMIT]


def test_who_dies_in_an_access_keeps_nobody_from_the_port(console: Console) -> None:
    child = os.fork()
    if child == 0:
        console.uart._lock.__enter__()
        os._exit(0)
    os.waitpid(child, 0)
    console.write(IER, 0x01)
    assert console.read(IER) == 0x01
