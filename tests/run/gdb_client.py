"""GDB as the client of a run, by its machine interface (GDB manual, chapter "GDB/MI")."""

import re
import select
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from typing import Any

from run_harness import LIMIT, Running, eventually

PROGRAM = shutil.which("gdb-multiarch")
MISSING = "gdb-multiarch is not installed"
TARGET = re.compile(r"gdb is awaited at (\S+):")


def target_of(running: Running) -> str:
    """Where a run waits for GDB, when it does."""
    return str(eventually(lambda: TARGET.search(running.stderr), LIMIT)[1])


class Gdb:
    """One GDB, connected to nothing yet.

    Args:
        file: what it reads symbols from.
    """

    def __init__(self, file: str = "") -> None:
        assert PROGRAM is not None, MISSING
        command = [PROGRAM, "-nx", "-quiet", "--interpreter=mi3", *([file] if file else [])]
        self.process = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            bufsize=1,
        )
        self.rest = ""
        self.lines: list[str] = []
        for setting in ("pagination off", "confirm off", "mi-async on"):
            self.ask(f"-gdb-set {setting}")

    def ask(self, command: str) -> str:
        """The result record of a command, without "^done,"; what it printed is in `lines`."""
        self.lines.clear()
        self._write(command)
        found = self._until(lambda line: line.startswith("^"))
        kind, _, rest = found.partition(",")
        assert kind in ("^done", "^running", "^connected"), (command, found, self.lines[-20:])
        return rest

    def refused(self, command: str) -> str:
        """The error of a command."""
        self.lines.clear()
        self._write(command)
        found = self._until(lambda line: line.startswith("^"))
        assert found.startswith("^error"), (command, found)
        return found

    def console(self, command: str) -> str:
        """What a command prints for people."""
        self.ask(f'-interpreter-exec console "{command}"')
        return self.printed()

    def printed(self) -> str:
        """What was printed since the last command."""
        texts = (line[2:-1] for line in self.lines if line[:1] in "~@&")
        return "".join(texts).replace("\\n", "\n").replace("\\t", "\t").replace('\\"', '"')

    def connect(self, target: str) -> None:
        self.ask(f"-target-select remote {target}")
        assert any(line.startswith("*stopped") for line in self.lines)

    def value(self, expression: str) -> int:
        """A number that an expression has."""
        found = self.ask(f'-data-evaluate-expression "(long)({expression})"')
        text = re.search(r'value="(-?\d+)', found)
        assert text is not None, found
        return int(text[1])

    def go(self, command: str = "-exec-continue") -> str:
        """Let the guest go on until it stops: what is said of that, or of its end."""
        self.ask(command)
        return self.stopped()

    def stopped(self) -> str:
        """What is said of the next stop, or of the end."""
        return self._until(lambda line: line.startswith("*stopped"))

    def vanish(self) -> None:
        """Be killed."""
        self.process.send_signal(signal.SIGKILL)
        self.end()

    def end(self) -> None:
        self.process.kill()
        self.process.wait(LIMIT)
        for pipe in (self.process.stdin, self.process.stdout):
            assert pipe is not None
            pipe.close()

    def _write(self, command: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{command}\n")
        self.process.stdin.flush()

    def _until(self, wanted: Callable[[str], bool]) -> str:
        until = time.monotonic() + LIMIT
        while True:
            line = self._line(until)
            self.lines.append(line)
            if wanted(line):
                return line

    def _line(self, until: float) -> str:
        stdout: Any = self.process.stdout
        while "\n" not in self.rest:
            ready = select.select([stdout], [], [], max(0.0, until - time.monotonic()))[0]
            assert ready, f"GDB said nothing more within {LIMIT} s: {self.lines[-20:]}"
            data = stdout.buffer.raw.read(65536)
            assert data, f"GDB has ended: {self.lines[-20:]}"
            self.rest += data.decode("utf-8", "replace")
        line, _, self.rest = self.rest.partition("\n")
        return line


def thread_of(stop: str) -> int:
    """The number of the thread that a stop is of."""
    found = re.search(r'thread-id="(\d+)"', stop)
    assert found is not None, stop
    return int(found[1])
