"""Native code is compiled at first use, which takes a while: a terminal is told."""

import os
import pty
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import Running, guest

from mttcg.instrument.native.native_cache import use_native_cache

pytestmark = pytest.mark.timeout(900)
COMPILES_SECONDS = 800.0
"""Where nothing was kept before, compiling takes some 25 s of a core that nothing else needs."""
LACKING = "loop-"
ARGUMENTS = ("--plugin", "hotblocks")
STDERR_IS_A_TERMINAL = (
    "-c",
    "import os, sys; os.dup2(int(sys.argv.pop(1)), 2); "
    "from mttcg.cli import main; sys.exit(main())",
)
TOLD = b"mttcg: compiling native code (first use) ..."


def said(start: Callable[..., Running], cache: Path, *arguments: str) -> bytes:
    """What a run says on a terminal, with compiled code kept in a folder."""
    ours, theirs = pty.openpty()
    running = start(
        *(str(theirs), "run", guest("hello"), "--quiet", *arguments),
        program=STDERR_IS_A_TERMINAL,
        pass_fds=[theirs],
        environment={"NUMBA_CACHE_DIR": str(cache)},
    )
    os.close(theirs)
    seen = b""
    try:
        while data := os.read(ours, 65536):
            seen += data
    except OSError:  # the other side is closed
        os.close(ours)
    assert running.process.wait() == 0
    return seen


@pytest.fixture
def cache(start: Callable[..., Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of compiled code that lacks the loop from which the interpreter is entered."""
    assert start(guest("hello"), "--quiet", *ARGUMENTS).wait(COMPILES_SECONDS) == 0
    monkeypatch.setenv("NUMBA_CACHE_DIR", "")
    monkeypatch.delenv("NUMBA_CACHE_DIR")  # what is set in this process is taken back at the end
    for file in use_native_cache().iterdir():
        if file.is_file() and not file.name.startswith(LACKING):
            shutil.copy(file, tmp_path)
    return tmp_path


def test_the_first_use_is_told_once_and_the_second_says_nothing(
    start: Callable[..., Running], cache: Path
) -> None:
    assert said(start, cache, *ARGUMENTS).count(TOLD) == 1
    assert said(start, cache, *ARGUMENTS) == b""


def test_nothing_is_told_where_is_no_terminal(start: Callable[..., Running], cache: Path) -> None:
    environment = {"NUMBA_CACHE_DIR": str(cache)}
    running = start(guest("hello"), "--quiet", *ARGUMENTS, environment=environment)
    assert running.wait(COMPILES_SECONDS) == 0
    assert running.stderr == ""
    assert list(cache.glob(f"{LACKING}*")), "nothing was compiled"
