"""What plugins print reaches stderr in whole lines, whatever else writes there."""

import contextlib
import math
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import Running, guest

from mttcg.supervisor.terminal.console import CONSOLE_BYTES, ConsoleLines

SAY = (
    "from mttcg.processes.printing import print_by_line; print_by_line(); "
    "print('one', 2); print('two')"
)
BESIDE = """
from mttcg.processes.printing import print_beside, print_by_line
from mttcg.vcpu.machine.shared import MachineState, machine_bytes
machine = MachineState(memoryview(bytearray(machine_bytes(0))), 1)
print_by_line()
print_beside(machine)
machine.in_line = True
print("one")
print("two")
"""
BOTH_ON_STDOUT = (
    "-c",
    "import os, sys; os.dup2(1, 2); from mttcg.cli import main; sys.exit(main())",
)


@pytest.mark.parametrize("flags", [[], ["-u"]], ids=["buffered", "unbuffered"])
def test_a_printed_line_is_one_write(flags: list[str]) -> None:
    reader, writer = os.pipe2(os.O_DIRECT)  # packets: a read gets what one write wrote
    with os.fdopen(writer, "wb") as stream:
        subprocess.run([sys.executable, *flags, "-c", SAY], stdout=stream, check=True)
    with os.fdopen(reader, "rb", buffering=0) as packets:
        written = list(iter(lambda: packets.read(65536), b""))
    assert written == [b"one 2\n", b"two\n"]


PRINTING = """
from mttcg.instrument import Cpu, instrument, symbol

def plugin_init(options):
    for name in ("print_text", "print_number"):
        instrument(None, symbol(name), called)

def called(cpu, _opaque):
    print(f"<vCPU {cpu.index} prints a line>")
"""


def test_lines_of_the_guest_and_of_plugins_stay_whole_on_one_terminal(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    (tmp_path / "printing.py").write_text(PRINTING)
    ours, theirs = pty.openpty()
    arguments = (guest("hello"), "--smp", "2", "--plugin", str(tmp_path / "printing.py"))
    running = start("run", *arguments, "--quiet", stdout=theirs, program=BOTH_ON_STDOUT)
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the other side is closed
        while data := os.read(ours, 65536):
            seen += data
    os.close(ours)
    assert running.process.wait() == 0
    lines = seen.decode().split("\r\n")
    assert lines.pop() == ""
    printed = [line for line in lines if line.startswith("<")]
    assert set(printed) == {"<vCPU 0 prints a line>", "<vCPU 1 prints a line>"}
    assert sorted(set(lines) - set(printed)) == ["hello from hart 0 of 2", "hello from hart 1 of 2"]


def test_the_beginning_of_a_line_is_kept_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("mttcg.supervisor.terminal.console.time.monotonic", lambda: now[0])
    lines = ConsoleLines()
    shown = [lines.take(data) for data in (b"one\ntw", b"o\n", b"pro", b"mpt")]
    assert shown == [b"one\n", b"two\n", b"", b""]
    assert lines.overdue() == b""
    now[0] = lines.due
    assert lines.overdue() == b"prompt"
    assert lines.due == math.inf
    assert lines.take(b"x" * CONSOLE_BYTES) == b"x" * CONSOLE_BYTES
    assert lines.take(b"rest") == b""
    assert lines.rest() == b"rest"


def test_a_line_that_is_printed_below_one_that_began_starts_anew() -> None:
    reader, writer = os.pipe2(os.O_DIRECT)
    with os.fdopen(writer, "wb") as stream:
        subprocess.run([sys.executable, "-c", BESIDE], stdout=stream, check=True)
    with os.fdopen(reader, "rb", buffering=0) as packets:
        written = list(iter(lambda: packets.read(65536), b""))
    assert written == [b"\none\n", b"two\n"]
