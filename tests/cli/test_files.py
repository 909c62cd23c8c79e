import json
from pathlib import Path

import pytest
from samples import run_result, stand_in_machine

from mttcg.cli import main
from mttcg.cli.files import write_file
from mttcg.errors import OptionError
from mttcg.supervisor.results.result import StopReason


@pytest.fixture(autouse=True)
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in_machine(monkeypatch, result=run_result(subscribers=[]))


def test_a_run_writes_a_page(tmp_path: Path) -> None:
    file = tmp_path / "run.html"
    arguments = ["--smp", "2", "--set", "rounds=7", "--html", str(file)]
    assert main(["run", "counter.elf", *arguments, "--quiet"]) == 0
    text = file.read_text()
    assert "<h1>counter.elf on unicorn: the guest ended</h1>" in text
    assert '{"rounds": 7}</td>' in text  # the settings
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("option", ["--html", "--json"])
def test_a_file_that_can_not_be_is_a_mistake(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "a.elf", option, str(tmp_path)]) == 2
    assert main(["run", "a.elf", option, str(tmp_path / "no" / "such")]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"mttcg: {option}: ") for line in lines)


def test_who_reads_a_file_has_the_old_one_until_the_new_one_is_whole(tmp_path: Path) -> None:
    file, link = tmp_path / "a", tmp_path / "link"
    file.write_text("old")
    link.symlink_to(file)
    with file.open() as reader:
        write_file("--json", link, "new")
        assert reader.read() == "old"
    assert (file.read_text(), link.is_symlink()) == ("new", True)


def test_what_is_no_file_is_written_to(tmp_path: Path) -> None:
    write_file("--json", Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()


def test_a_name_that_is_too_long_is_named_with_its_option(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"--html: .*File name too long"):
        write_file("--html", tmp_path / ("x" * 300), "text")


def test_an_interim_result_is_printed_and_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    machine = stand_in_machine(monkeypatch)
    file = tmp_path / "result.json"
    assert main(["run", "a.elf", "--interim", "1", "--json", str(file)]) == 0
    capsys.readouterr()
    machine.ran["on_interim"](run_result(stop_reason=StopReason.RUNNING))
    assert "counter.elf on unicorn: the guest runs" in capsys.readouterr().err
    assert json.loads(file.read_text())["stop_reason"] == "the guest runs"
    file.unlink()
    file.mkdir()
    machine.ran["on_interim"](run_result(stop_reason=StopReason.RUNNING))
    assert "mttcg: warning: --json: " in capsys.readouterr().err  # the guest goes on
