"""Comparing the text that two revisions make of the guests' code."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import replay
from texts import ENDING, GUESTS, write

TEXT = """entry:
%v1 = add i64 1, 2
br label %b1
b1:
ret i64 %v1
"""


def test_names_do_not_count_but_what_they_name_does() -> None:
    renamed = TEXT.replace("v1", "sum").replace("b1", "next")
    assert replay.difference(TEXT, renamed) == []
    other = TEXT.replace("ret i64 %v1", "ret i64 %b1")
    assert [line for line in replay.difference(TEXT, other) if line[:1] in "+-"][2:] == [
        "-ret i64 %n1",
        "+ret i64 %n2",
    ]


@pytest.fixture(scope="module")
def spin(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The texts of a small guest."""
    directory = tmp_path_factory.mktemp("texts")
    assert write(directory, [GUESTS / "spin.elf"]) > 0
    return {file.name.removesuffix(ENDING): file for file in directory.iterdir()}


def test_the_working_tree_agrees_with_itself(
    spin: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = replay.texts_of(".", ["spin"], tmp_path / "again")
    assert again.keys() == spin.keys()
    assert replay.compare(spin, again, []) == 0
    assert f"{len(spin)} and {len(spin)} texts, 0 differ" in capsys.readouterr().out


def test_a_text_that_differs_is_shown_unless_it_is_named(
    spin: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = min(spin, key=lambda text: spin[text].stat().st_size)
    changed = tmp_path / f"{name}{ENDING}"
    changed.write_bytes(replay.gzip.compress(replay.read(spin[name]).encode() + b"; more\n"))
    new = spin | {name: changed}
    assert replay.compare(spin, new, []) == 1
    assert f"{name}: " in capsys.readouterr().out
    assert replay.compare(spin, new, ["spin.*"]) == 0
    del new[name]
    assert replay.compare(spin, new, []) == 1
    assert "only in the old revision" in capsys.readouterr().out
