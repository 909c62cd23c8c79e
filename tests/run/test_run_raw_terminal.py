"""A terminal that is the guest's: every key goes to it, but for what follows Ctrl-A."""

import os
import pty
import re
import signal
import termios
from collections.abc import Callable, Iterator

import pytest
from run_harness import Running, eventually, guest, plugin

START = b"echo by interrupts until q\n"
OURS = "the guest has the terminal; Ctrl-A h for help, Ctrl-A x to stop it"
LOCAL = 3


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """The side that a person types at, and the side that is a program's standard input."""
    typing, stdin = pty.openpty()
    yield typing, stdin
    os.close(typing)
    os.close(stdin)


def is_raw(stdin: int) -> bool:
    return not termios.tcgetattr(stdin)[LOCAL] & termios.ISIG


def typed(running: Running) -> bytes:
    lines = running.stderr.splitlines()
    return bytes(int(line.split()[1], 16) for line in lines if line.startswith("typed "))


def test_a_guest_that_wants_input_gets_every_key(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    typing, stdin = terminal
    before = termios.tcgetattr(stdin)
    running = start(guest("interrupts"), "--smp", "2", stdin=stdin)
    running.read(until=START)
    eventually(lambda: is_raw(stdin))
    assert OURS in running.stderr
    os.write(typing, b"a\x03\x1a\x13\x11\x1c\x16\n\r\x01\x01bq")
    assert running.wait() == 0
    expected = b"A\x03\x1a\x13\x11\x1c\x16\n\n\x01B\nreceived 12 characters\n"
    assert running.shown == START + expected
    assert termios.tcgetattr(stdin) == before


def test_control_a_x_stops_the_guest_in_order(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    typing, stdin = terminal
    before = termios.tcgetattr(stdin)
    running = start(*(guest("spin"), "--terminal", "raw", "--quiet"), stdin=stdin, with_json=True)
    running.read(until=b"spinning on 1 hart")
    assert is_raw(stdin)
    os.write(typing, b"\x03\x01?\x01zx\x01x")
    assert running.wait() == 130
    assert running.result["stop_reason"] == "interrupted"
    assert "Ctrl-A x       stop the guest\n" in running.stderr
    assert termios.tcgetattr(stdin) == before


def test_a_cooked_terminal_keeps_its_keys(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    typing, stdin = terminal
    options = (guest("interrupts"), "--quiet", "--terminal", "cooked", "--plugin", plugin("typed"))
    running = start(*options, stdin=stdin)
    running.read(until=START)
    os.write(typing, b"\x01x\r")
    running.read(until=b"\x01X\n")
    assert not is_raw(stdin)
    os.kill(running.process.pid, signal.SIGINT)
    assert running.wait() == 130
    assert typed(running) == b"\x01x\r"


def test_a_bare_guest_that_polls_is_ended_by_control_c(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    typing, stdin = terminal
    running = start(guest("echo"), "--quiet", stdin=stdin)
    running.read(until=b"echo until q\n")
    os.write(typing, b"\x01x")
    running.read(until=b"\x01X")
    assert not is_raw(stdin)
    os.kill(running.process.pid, signal.SIGINT)
    assert running.wait() == 130


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_the_terminal_is_restored_after_a_signal(
    start: Callable[..., Running], terminal: tuple[int, int], number: int
) -> None:
    _, stdin = terminal
    before = termios.tcgetattr(stdin)
    running = start(guest("interrupts"), "--quiet", "--terminal", "raw", stdin=stdin)
    running.read(until=START)
    os.killpg(running.process.pid, number)
    assert running.wait() == 128 + number
    assert termios.tcgetattr(stdin) == before


@pytest.mark.parametrize("terminal_kind", ["raw", "cooked"])
def test_a_run_whose_terminal_is_closed_ends_in_order(
    start: Callable[..., Running], terminal_kind: str
) -> None:
    typing, stdin = pty.openpty()
    options = ("--quiet", "--terminal", terminal_kind)
    running = start(guest("interrupts"), *options, stdin=stdin, with_json=True)
    running.read(until=START)
    for end in (stdin, typing):
        os.close(end)
    os.kill(running.process.pid, signal.SIGHUP)
    assert running.wait() == 128 + signal.SIGHUP, running.stderr
    assert running.result["stop_reason"] == "interrupted"
    running.check_nothing_left()


@pytest.mark.parametrize("role", ["vcpu", "host"])
def test_the_terminal_is_restored_when_a_process_is_killed(
    start: Callable[..., Running], terminal: tuple[int, int], role: str
) -> None:
    _, stdin = terminal
    before = termios.tcgetattr(stdin)
    running = start(guest("interrupts"), "--quiet", "--terminal", "raw", stdin=stdin)
    running.read(until=START)
    running.kill(role)
    assert running.wait() == 70
    assert termios.tcgetattr(stdin) == before


@pytest.mark.parametrize("terminal_kind", ["raw", "cooked"])
def test_the_terminal_is_restored_when_mttcg_itself_is_killed(
    start: Callable[..., Running], terminal: tuple[int, int], terminal_kind: str
) -> None:
    _, stdin = terminal
    before = termios.tcgetattr(stdin)
    options = ("--quiet", "--terminal", terminal_kind)
    running = start(guest("interrupts"), *options, stdin=stdin)
    running.read(until=START)
    assert termios.tcgetattr(stdin) != before
    os.killpg(running.process.pid, signal.SIGKILL)
    running.wait()
    eventually(lambda: termios.tcgetattr(stdin) == before)
    running.check_nothing_left()


def test_a_paste_that_is_larger_than_everything_between_arrives_whole(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    typing, stdin = terminal
    running = start(guest("echo"), "--quiet", "--terminal", "raw", stdin=stdin)
    running.read(until=b"echo until q\n")
    text = b"".join(b"%07d\r" % number for number in range(500))
    written = 0
    while written < len(text):
        written += os.write(typing, text[written : written + 512])
    os.write(typing, b"q")
    assert running.wait() == 0
    assert running.shown.split(b"until q\n")[1] == text.replace(b"\r", b"\n") + b"\n"


def test_commands_at_the_terminal(start: Callable[..., Running], terminal: tuple[int, int]) -> None:
    typing, stdin = terminal
    options = (guest("interrupts"), "--smp", "2", "--quiet", "--terminal", "raw")
    running = start(*options, stdin=stdin)
    running.read(until=START)

    def says(keys: bytes, wanted: str) -> None:
        before = len(running.stderr)
        os.write(typing, keys)
        eventually(lambda: re.search(wanted, running.stderr[before:]))

    says(b"\x01c", r"\(mttcg\) $")
    says(b"helq\x7fp\r", r"registers CPU \[NAME\]")
    says(b"status\r", r"vCPU 1: idle, [\d,]+ instructions, pc 0x8")
    says(b"where\r", r"vCPU 1: idle, pc 0x8\w+, .+, level M, interrupts (on|off)")
    says(b"registers 0 sp\r", "the guest is not paused; expected `pause` before")
    says(b"pause\r", r"vCPU 0: paused")
    says(b"registers 1 sp pc\r", r"sp +0x0000000080\w+\n +pc +0x0000000080\w+")
    says(b"set 1 t0=0x1234\r", r"t0 +0x0000000000001234")
    says(b"read supervisor 8\r", r"\+0x0000  00 00 00 00 00 00 00 00")
    says(b"write fifo_depth 02\r", r"size: 1")
    says(b"read nowhere\r", "the guest has no symbol nowhere")
    says(b"read\r", r"expected read ADDRESS \[SIZE\]")
    says(b"make coffee\r", "no command 'make'; try help")
    says(b"load icount\r", "there is no command 'load'")
    says(b"resume\r", r"paused_ms: \d+")
    os.write(typing, b"\rhq")
    assert running.wait() == 0
    assert running.shown == START + b"H\nreceived 2 characters\n"


def test_commands_beside_those_of_others(
    start: Callable[..., Running], terminal: tuple[int, int]
) -> None:
    typing, stdin = terminal
    options = (guest("interrupts"), "--control", "--quiet", "--terminal", "raw")
    running = start(*options, stdin=stdin)
    running.read(until=START)
    os.write(typing, b"\x01cload icount\r")
    eventually(lambda: re.search(r"load icount\n.+\(mttcg\) $", running.stderr, re.DOTALL))
    os.write(typing, b"plugins\r")
    eventually(lambda: re.search(r"plugins: .*icount", running.stderr))
    os.write(typing, b"stop\r")
    assert running.wait() == 130
