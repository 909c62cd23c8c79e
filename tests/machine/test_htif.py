import errno
from collections import deque
from collections.abc import Callable

import pytest

from mttcg.hardware.devices.htif import STATE_SIZE, Htif
from mttcg.memory.ram import GuestRam, RamAddressError

RAM_BASE, RAM_SIZE = 0x8000_0000, 0x4000
TOHOST, FROMHOST, BLOCK, TEXT = RAM_BASE + 0x1000, RAM_BASE + 0x1040, RAM_BASE + 0x2000, RAM_BASE
PUTCHAR, GETCHAR = 0x0101 << 48, 0x0100 << 48
MINUS_ONE = (1 << 64) - 1


class Host:
    """The interface with a console that the test types into."""

    def __init__(self, fromhost: int | None = FROMHOST) -> None:
        self.ram = GuestRam(RAM_BASE, memoryview(bytearray(RAM_SIZE)))
        self.typed: deque[int] = deque()
        self.shown = b""
        self.codes: list[int] = []
        self.htif = Htif(
            self.ram,
            TOHOST,
            fromhost,
            memoryview(bytearray(STATE_SIZE)),
            self.codes.append,
            self._show,
            lambda: self.typed.popleft() if self.typed else None,
        )

    def command(self, value: int) -> None:
        self.htif.tohost.write(0, 8, value)
        assert self.htif.tohost.read(0, 8) == 0

    def answer(self) -> int:
        return self.htif.fromhost.read(0, 8)

    def take_answer(self) -> int:
        answer = self.answer()
        self.htif.fromhost.write(0, 8, 0)
        return answer

    def call(self, *words: int) -> int:
        for i, word in enumerate(words):
            self.ram.write_word(BLOCK + 8 * i, word & MINUS_ONE)
        self.command(BLOCK)
        assert self.take_answer() == 1
        return self.ram.read_word(BLOCK)

    def _show(self, data: bytes) -> None:
        self.shown += data


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.mark.parametrize("code", [0, 1, 42, 0xFFFF_FFFF])
def test_an_odd_payload_ends_the_run(host: Host, code: int) -> None:
    host.command(code << 1 | 1)
    assert host.codes == [code]


def write_low_then_high(host: Host, value: int) -> None:
    host.htif.tohost.write(0, 4, value & 0xFFFF_FFFF)
    host.htif.tohost.write(4, 4, value >> 32)


def write_high_then_low(host: Host, value: int) -> None:
    host.htif.tohost.write(4, 4, value >> 32)
    host.htif.tohost.write(0, 4, value & 0xFFFF_FFFF)


@pytest.mark.parametrize("write", [write_low_then_high, write_high_then_low])
def test_a_command_by_two_halves(host: Host, write: Callable[[Host, int], None]) -> None:
    for character in b"hi":
        write(host, PUTCHAR | character)
    assert host.shown == b"hi"
    assert host.htif.tohost.read(0, 8) == 0
    write(host, 7 << 1 | 1)
    assert host.codes == [7]


def test_one_half_alone_waits_and_its_second_write_runs(host: Host) -> None:
    host.htif.tohost.write(0, 4, 3)
    assert host.codes == []
    host.htif.tohost.write(0, 4, 3)
    assert host.codes == [1]


def test_smaller_writes_only_store(host: Host) -> None:
    host.htif.tohost.write(0, 1, 3)
    host.htif.tohost.write(2, 2, 0xABCD)
    assert host.htif.tohost.read(0, 8) == 0xABCD_0003
    assert host.htif.tohost.read(2, 2) == 0xABCD
    assert host.codes == []


def test_zero_is_no_command(host: Host) -> None:
    host.command(0)
    assert (host.codes, host.shown, host.answer()) == ([], b"", 0)


def test_a_character_is_sent_and_answered(host: Host) -> None:
    host.command(PUTCHAR | ord("x"))
    assert host.shown == b"x"
    assert host.take_answer() == PUTCHAR | 0x100 | ord("x")


def test_a_guest_that_takes_no_putchar_answers_is_not_confused_by_them(host: Host) -> None:
    host.typed.append(ord("q"))
    host.command(PUTCHAR | ord("x"))
    host.command(GETCHAR)
    assert host.take_answer() == GETCHAR | 0x100 | ord("q")


def test_a_character_is_read_when_one_comes(host: Host) -> None:
    host.command(GETCHAR)
    assert host.answer() == 0
    host.typed.extend(b"ab")
    assert host.answer() == GETCHAR | 0x100 | ord("a")
    assert host.take_answer() == GETCHAR | 0x100 | ord("a")
    assert host.answer() == 0
    host.command(GETCHAR)
    assert host.take_answer() == GETCHAR | 0x100 | ord("b")


def test_output_goes_on_while_a_character_is_waited_for(host: Host) -> None:
    host.command(GETCHAR)
    host.command(PUTCHAR | ord("x"))
    assert host.shown == b"x"
    host.typed.append(ord("q"))
    assert host.take_answer() == PUTCHAR | 0x100 | ord("x")
    assert host.take_answer() == GETCHAR | 0x100 | ord("q")


def test_a_character_not_taken_survives_other_commands(host: Host) -> None:
    host.typed.append(ord("q"))
    host.command(GETCHAR)
    host.command(PUTCHAR | ord("x"))
    assert host.call(1234) == MINUS_ONE - errno.ENOSYS + 1
    assert host.take_answer() == GETCHAR | 0x100 | ord("q")
    assert host.answer() == 0


@pytest.mark.parametrize("descriptor", [1, 2])
def test_write_shows_text(host: Host, descriptor: int) -> None:
    host.ram.write(TEXT, b"hello\n")
    assert host.call(64, descriptor, TEXT, 6) == 6
    assert host.shown == b"hello\n"


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ((64, 3, TEXT, 1), errno.EBADF),
        ((64, 1, 0x1000, 1), errno.EFAULT),
        ((64, 1, RAM_BASE + RAM_SIZE - 1, 2), errno.EFAULT),
        ((64, 1, TEXT, MINUS_ONE), errno.EFAULT),
        ((63, 0, TEXT, 1), errno.ENOSYS),
    ],
)
def test_a_system_call_that_fails(host: Host, words: tuple[int, ...], error: int) -> None:
    assert host.call(*words) == (1 << 64) - error
    assert host.shown == b""


def test_exit_ends_the_run(host: Host) -> None:
    host.call(93, 5)
    assert host.codes == [5]


def test_what_is_not_known_is_counted(host: Host) -> None:
    host.call(63)
    host.command(2 << 56 | 8)
    host.command(1 << 56 | 9 << 48)
    host.command(0x1000)
    assert host.htif.refused == 4
    assert host.answer() == 0


def test_a_guest_without_fromhost_has_output_and_exit() -> None:
    host = Host(fromhost=None)
    host.typed.append(ord("q"))
    host.command(PUTCHAR | ord("x"))
    host.command(GETCHAR)
    host.command(1)
    assert (host.shown, host.codes) == (b"x", [0])
    assert list(host.typed) == [ord("q")]
    assert host.htif.registers() == ((TOHOST, host.htif.tohost),)


def test_both_words_are_placed_where_the_symbols_are(host: Host) -> None:
    placed = [(base, device.name, device.size) for base, device in host.htif.registers()]
    assert placed == [(TOHOST, "htif tohost", 8), (FROMHOST, "htif fromhost", 8)]


@pytest.mark.parametrize(
    ("address", "size"), [(RAM_BASE - 1, 1), (RAM_BASE + RAM_SIZE, 1), (RAM_BASE, RAM_SIZE + 1)]
)
def test_ram_refuses_what_is_outside(host: Host, address: int, size: int) -> None:
    with pytest.raises(RamAddressError, match=f"{size} bytes at {address:#x} are outside RAM"):
        host.ram.read(address, size)
    with pytest.raises(RamAddressError):
        host.ram.write(address, bytes(size))


def test_ram_refuses_a_word_that_is_not_aligned(host: Host) -> None:
    with pytest.raises(RamAddressError):
        host.ram.read_word(RAM_BASE + 4)
