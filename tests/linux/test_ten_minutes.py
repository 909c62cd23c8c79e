"""The commands of the page on instrumenting Linux in ten minutes do what the page says."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from debian_guest import FOLDER, QUICK, needs_debian

from mttcg.images.catalogue import INITRD, KERNEL

PAGE = Path(__file__).parents[2] / "docs" / "linux-in-ten-minutes.md"
COMMANDS = re.findall(r"^```sh\nmttcg (.*)\n```$", PAGE.read_text(encoding="utf-8"), re.M)
MADE = re.compile(r"(?:out=|--html )([\w.]+)")


def test_there_are_commands() -> None:
    assert len(COMMANDS) == 5


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@pytest.mark.parametrize("command", COMMANDS, ids=range(1, len(COMMANDS) + 1))
def test_a_command_works(command: str, tmp_path: Path) -> None:
    for file in (KERNEL, INITRD):
        (tmp_path / file).symlink_to(FOLDER / file)
    arguments = [word.replace(" quiet ", f" quiet {QUICK} ") for word in shlex.split(command)]
    run = subprocess.run(
        [sys.executable, "-m", "mttcg", *arguments],
        cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    assert "the commands ended with status 0" in run.stdout
    for file in MADE.findall(command):
        assert (tmp_path / file).stat().st_size > 0
    if "calls.txt" in command:
        log = (tmp_path / "calls.txt").read_text()
        assert 'openat(AT_FDCWD, "/etc/passwd", O_RDONLY) = 3' in log
