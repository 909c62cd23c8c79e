"""The commands of the pages, run in their order in a fresh folder, and what they show.

What is compared of an output is its text: numbers, and how far things are apart, may differ. A line
`...` stands for any lines.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
PAGES = (
    "README.md",
    "docs/getting-started.md",
    "docs/your-own-guest.md",
    "docs/command-line.md",
)
LIMIT = 120.0
PART = re.compile(
    r"^```(?P<language>sh|python)\n(?P<text>.*?)^```\n(\n(?P<output>(?: {4}[^\n]*\n|\n(?= {4}))+))?"
    r"(\nSaved as `(?P<file>\w+\.py)`)?",
    re.M | re.S,
)
CROSS_COMPILER, LIBRARY = "riscv64-unknown-elf-gcc", "picolibc.specs"
NEWLIB = "libc.a"
"""The compiler finds it by itself where newlib is its C library."""
RUST, RUST_TARGET = "rustc", "riscv64gc-unknown-none-elf"
FOR_THE_SHELL = ("make ", ". ", "pip ")
"""What sets the environment up: the tests have one."""
IN_ANOTHER_TERMINAL = ("--control", "--wait-subscribers")
"""What a run has that waits for other commands."""
NUMBER = re.compile(r"0x[0-9a-f]+|[0-9a-f]{8,}|\d[\d,.:]*")


class Part(NamedTuple):
    """A block of a page: commands, or a program; what it shows; the file that it is saved as."""

    language: str
    text: str
    output: str
    file: str


def parts_of(page: str) -> list[Part]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return [
        Part(found["language"], found["text"], found["output"] or "", found["file"] or "")
        for found in PART.finditer(text)
    ]


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


def has_rust() -> bool:
    """Whether there is Rust with what programs without a system need."""
    if shutil.which(RUST) is None:
        return False
    command = [RUST, "--print", "target-libdir", "--target", RUST_TARGET]
    folder = subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()
    return folder != "" and any(Path(folder).glob("libcore-*.rlib"))


def needs_what_is_absent(text: str) -> bool:
    """Whether commands use a compiler, or a library of its, that is not there."""
    if text.startswith(RUST):
        return not has_rust()
    if CROSS_COMPILER not in text:
        return False
    if shutil.which(CROSS_COMPILER) is None:
        return True
    wanted = LIBRARY if LIBRARY in text else NEWLIB if "newlib" in text else ""
    command = [CROSS_COMPILER, f"-print-file-name={wanted}"]
    found = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    return wanted != "" and found == wanted


class Reader:
    """Somebody who follows a page, with a folder and a terminal or two."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temporary = folder / "work", folder / "tmp"
        self.terminal = folder / "terminal"
        self.folder.mkdir()
        self.temporary.mkdir()
        shutil.copytree(ROOT / "examples", self.folder / "examples")
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
        home = {"HOME": str(folder), "XDG_CACHE_HOME": cache, "TMPDIR": str(self.temporary)}
        self.environment = os.environ | home | {"PATH": path}
        # an address that is another machine's, a port that others may have
        self.replaced = {"192.0.2.7": "127.0.0.1", "5599": str(free_port())}
        self.other: subprocess.Popen[bytes] | None = None
        self.url = ""

    def follow(self, part: Part) -> str:
        """Do what a part says; what was shown on both outputs."""
        if needs_what_is_absent(part.text):
            return ""
        if part.language == "sh":
            lines = re.sub(r" *\\\n *", " ", part.text).splitlines()
            return "".join(map(self.type, lines))
        if part.file:
            (self.folder / part.file).write_text(part.text, encoding="utf-8")
        elif "def plugin_" not in part.text:
            (self.folder / "shown.py").write_text(part.text, encoding="utf-8")
            return self.type("python shown.py")
        return ""

    def type(self, line: str) -> str:
        """Give one command; what it shows."""
        for text, other in self.replaced.items():
            line = line.replace(text, other)
        if line.startswith(FOR_THE_SHELL):
            return ""
        if line.startswith("cd "):
            self.folder /= line.removeprefix("cd ")
            return ""
        if any(option in line for option in IN_ANOTHER_TERMINAL):
            return self.begin(line)
        # this machine may have other runs, so that an address can't be left out
        line = re.sub(r"mttcg (ctl|top) (?!\w+://)", rf"mttcg \1 {self.url} ", line)
        done = subprocess.run(
            ["bash", "-c", line],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
        shown = done.stdout + done.stderr  # as pages have them: the guest's console comes first
        assert done.returncode == 0, f"{line}\n{shown}"
        return shown.replace(str(self.temporary), "/tmp")

    @property
    def shown_there(self) -> str:
        return self.terminal.read_text()

    def begin(self, line: str) -> str:
        """Start a run in the other terminal, and wait until its bus is there."""
        assert self.other is None, "two at a time"
        with self.terminal.open("wb") as terminal:
            self.other = subprocess.Popen(
                ["bash", "-c", f"exec {line}"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=terminal,
                stderr=terminal,
            )
        wanted = "spinning" if "--control" in line else "bus at"
        until = time.monotonic() + LIMIT
        while wanted not in self.shown_there:
            assert time.monotonic() < until and self.other.poll() is None, self.shown_there
            time.sleep(0.05)
        self.url = self.shown_there.partition("bus at ")[2].split()[0]
        return ""

    def end_of_other(self) -> None:
        """Check that the run in the other terminal has ended in order, if there is one."""
        if self.other is not None:
            status = self.other.wait(LIMIT)
            stopped = "mttcg: interrupted" in self.shown_there
            assert stopped == ("spinning" in self.shown_there)
            assert status == (130 if stopped else 0)
            assert "takes the same trap" not in self.shown_there
            self.other = None

    def leave(self) -> None:
        """Leave nothing running."""
        if self.other is not None:
            self.other.terminate()
            self.other.wait(LIMIT)


@pytest.fixture
def reader() -> Iterator[Reader]:
    folder = Path(tempfile.mkdtemp(prefix="page-"))  # short, as sockets want it
    one = Reader(folder)
    try:
        yield one
    finally:
        one.leave()
        shutil.rmtree(folder)


def plain(text: str) -> list[str]:
    """Lines without what may differ from run to run."""
    lines = (" ".join(NUMBER.sub("N", line).split()) for line in text.splitlines())
    lines = (re.sub(r"─+", "─", re.sub(r"mttcg-\w+/bus", "mttcg-N/bus", line)) for line in lines)
    return [line for line in lines if line]


def is_shown(wanted: list[str], found: list[str]) -> bool:
    """Whether lines are those wanted, in which `...` stands for any, or at an end for any end."""
    if not wanted:
        return not found
    first, *others = wanted
    if first == "...":
        return any(is_shown(others, found[at:]) for at in range(len(found) + 1))
    begins = found[:1] == [first] or (
        first.endswith("...") and found[:1] != [] and found[0].startswith(first[:-3])
    )
    return begins and is_shown(others, found[1:])


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_followed_from_its_beginning_to_its_end(page: str, reader: Reader) -> None:
    for part in parts_of(page):
        found = reader.follow(part)
        if part.output and found:
            assert is_shown(plain(part.output), plain(found)), f"{part.text}\n{found}"
        if reader.other is not None and ("stop" in part.text or "subscribe " in part.text):
            reader.end_of_other()
    assert reader.other is None


def test_dots_stand_for_any_lines() -> None:
    shown = plain("one 1\n two  0x80\n\nthree\n")
    assert is_shown(plain("one 2\ntwo 0x9\nthree"), shown)
    assert is_shown(plain("...\ntwo 3\n...\n"), shown)
    assert not is_shown(plain("two 3\n...\n"), shown)
    assert not is_shown(plain("one 1\nthree"), shown)
    assert is_shown(plain("one ...\n...\nthree"), shown)
    assert not is_shown(plain("two ...\n...\nthree"), shown)
