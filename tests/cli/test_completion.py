"""What the shell completes."""

import subprocess
import sys
from pathlib import Path

import pytest

from mttcg.cli import VERBS, main

pytest.importorskip("shtab")
ASK = '. ./script; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _shtab_mttcg; echo "${COMPREPLY[@]}"'


@pytest.fixture
def folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Path:
    """A folder with a guest and the script."""
    assert main(["completion", "bash"]) == 0
    (tmp_path / "script").write_text(capsys.readouterr().out)
    (tmp_path / "guest.elf").touch()
    return tmp_path


@pytest.mark.parametrize(
    ("typed", "completed"),
    [
        ("mttcg ru", "run"),
        ("mttcg run gue", "guest.elf"),
        ("mttcg run --stop", "--stop-on-trap-loop"),
        ("mttcg run --engine ", "auto unicorn llvm"),
        ("mttcg run --plugin memt", "memtrace"),
        ("mttcg run guest.elf --record gue", "guest.elf"),
        ("mttcg ctl pa", "pause"),
        ("mttcg ctl load hotb", "hotblocks"),
    ],
)
def test_bash_completes(folder: Path, typed: str, completed: str) -> None:
    words = typed.split(" ")
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", *words], cwd=folder, capture_output=True, text=True, check=True
    )
    assert sorted(done.stdout.split()) == sorted(completed.split())


def test_every_verb_is_completed(folder: Path) -> None:
    done = subprocess.run(
        ["bash", "-c", ASK, "bash", "mttcg", ""],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert set(done.stdout.split()) >= set(VERBS)


@pytest.mark.parametrize("shell", ["zsh", "tcsh"])
def test_other_shells_have_a_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    assert "mttcg" in capsys.readouterr().out


def test_without_the_library_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "shtab", None)
    assert main(["completion", "bash"]) == 2
    wrong = "completion needs shtab; install it with: pip install 'mttcg[completion]'"
    assert capsys.readouterr().err == f"mttcg: {wrong}\n"
