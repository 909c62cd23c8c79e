"""`mttcg bench` as a user has it."""

import json
import sys
from pathlib import Path

import pytest
from bench_samples import THREE, TINY, plain_of, result_of

from mttcg import example_guests
from mttcg.cli import main
from mttcg_bench.cases import scaleout
from mttcg_bench.results import write


def run_file(file: Path, factor: float = 1.0) -> Path:
    """A file of a run of one round in which icount takes so many times what it took."""
    rounds = [{**one, "icount": one["icount"] * factor} for one in THREE[:1]]
    write(file, plain_of(result_of(TINY, *rounds)))
    return file


def test_the_command_measures_and_writes_a_page(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scaleout.ROUNDS, "unicorn", 1)
    monkeypatch.chdir(tmp_path)  # guests are found from anywhere
    what = ["scaleout", "--engines", "unicorn", "--plugins", "icount", "--smp", "1"]
    files = ["--json", "out.json", "--html", "out.html"]
    assert main(["bench", *what, "--runs", "1", "--patience", "0", *files]) == 0
    printed = capsys.readouterr()
    assert "scaleout.unicorn-weak" in printed.out
    found = json.loads(Path("out.json").read_text())
    assert found["cases"].keys() == {"scaleout.unicorn-weak", "scaleout.unicorn-strong"}
    assert "<svg" in Path("out.html").read_text()
    assert main(["bench", "--from", "out.json"]) == 0
    assert "scaleout.unicorn-weak" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "wrong"),
    [
        (["nope"], "no group or case 'nope'"),
        (["--engines", "tcg"], "no engine 'tcg'; known are: llvm, unicorn"),
        (["--plugins", "speed"], "no plugin 'speed'; known are: nothing, empty"),
        (["--smp", "0,2"], "numbers from 1 to 64"),
        (["--smp", "two"], "--smp"),
        (["--runs", "0"], "from 1 on"),
        (["--threshold", "2"], "--threshold goes with compare"),
        (["compare", "one.json"], "compare OLD.json NEW.json"),
        (["compare", "one.json", "two.json"], "one.json: not the JSON of a benchmark: No such"),
        (["startup", "--json", "no/such/folder/out.json"], "--json"),
    ],
)
def test_a_mistake_is_one_line(
    arguments: list[str], wrong: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["bench", *arguments]) == 2
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("mttcg: ") and wrong in line


def test_without_guests_there_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(example_guests, "SOURCES", tmp_path)
    monkeypatch.setattr(example_guests, "INSTALLED", "mttcg_nowhere")
    for name in [name for name in sys.modules if name.startswith("mttcg_bench")]:
        monkeypatch.delitem(sys.modules, name)  # they look for the guests when they are loaded
    for arguments in (["bench", "startup"], ["demo"]):
        assert main(arguments) == 2
        [line] = capsys.readouterr().err.splitlines()
        assert "there are no example guests" in line


def test_compare_exits_with_1_past_the_threshold(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = run_file(tmp_path / "old.json"), run_file(tmp_path / "new.json", 6.0)
    assert main(["bench", "compare", str(old), str(old)]) == 0
    assert main(["bench", "compare", str(old), str(new)]) == 1
    printed = capsys.readouterr().out
    assert "WORSE" in printed and "6.000" in printed
    assert "1 figures compared; 1 worse by more than 1.1 times" in printed
    assert main(["bench", "compare", str(old), str(new), "--threshold", "7"]) == 0
    assert main(["bench", "compare", str(new), str(old)]) == 0
