"""Native code is compiled at first use, which takes a while: a terminal is told."""

import os
import pty
from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import Running, guest

pytestmark = pytest.mark.timeout(900)
COMPILES_SECONDS = 800.0
"""All native code is compiled, which takes some 25 s of a core that nothing else needs."""
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


@pytest.mark.timeout(900)  # all is compiled, which others may slow down
def test_the_first_use_is_told_once_and_the_second_says_nothing(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    arguments = ("--plugin", "hotblocks")
    assert said(start, tmp_path, *arguments).count(TOLD) == 1
    assert said(start, tmp_path, *arguments) == b""


@pytest.mark.timeout(900)
def test_nothing_is_told_where_is_no_terminal(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    running = start(
        guest("hello"),
        *("--quiet", "--plugin", "hotblocks"),
        environment={"NUMBA_CACHE_DIR": str(tmp_path)},
    )
    assert running.wait(COMPILES_SECONDS) == 0
    assert running.stderr == ""
