"""What `mttcg exec` refuses, in one line, before anything runs."""

import os
import sys
from pathlib import Path

import pytest

from mttcg.cli import main
from mttcg.programs.errors import EXIT_NOT_EXECUTABLE, EXIT_NOT_FOUND


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The line."""
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1, words
    return lines[0]


def test_a_program_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "--", "./none"]) == EXIT_NOT_FOUND
    assert refused(capsys).startswith("mttcg: ./none: there is no such file; expected a program")


def test_a_program_of_another_machine(capsys: pytest.CaptureFixture[str]) -> None:
    program = os.path.realpath(sys.executable)
    assert main(["exec", "--", program]) == 2
    assert "it is for another machine, x64 (64 bits)" in refused(capsys)


def test_what_is_no_program(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = tmp_path / "text"
    text.write_text("text")
    assert main(["exec", "--", str(text)]) == EXIT_NOT_EXECUTABLE
    assert "it is not executable" in refused(capsys)
    text.chmod(0o755)
    assert main(["exec", "--", str(text)]) == 2
    assert "it is no ELF file" in refused(capsys)
    assert main(["exec", "--", str(tmp_path)]) == EXIT_NOT_EXECUTABLE
    assert "it is a directory" in refused(capsys)


def test_no_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec"]) == 2
    assert "PROGRAM: there is none" in refused(capsys)


def test_a_name_without_a_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "--", "ls"]) == EXIT_NOT_FOUND
    assert "it has no path; expected a program for Linux on RISC-V, or a script, as ./ls" in (
        refused(capsys)
    )


def test_mttcg_run_says_what_runs_such_a_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", os.path.realpath(sys.executable)]) == 2
    assert "programs for Linux are run by `mttcg exec -- PROGRAM`" in refused(capsys)


def test_a_sysroot_that_is_none(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["exec", "--sysroot", "/none", "--", "./x"]) == 2
    assert "--sysroot: /none is no folder" in refused(capsys)
