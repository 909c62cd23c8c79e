"""The example plugins do what their docstrings show: each command is run, its output compared."""

import ast
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = sorted((ROOT / "examples" / "plugins").glob("*.py"))
ANYTHING = "..."
SECONDS = 60


@dataclass(frozen=True)
class Sample:
    """A command that a docstring shows, and what it prints: stdout's lines, then stderr's."""

    plugin: str
    command: list[str]
    output: list[str]


def samples_of(path: Path) -> list[Sample]:
    """Each command that the docstring shows, with the indented lines after it: its output."""
    text = ast.get_docstring(ast.parse(path.read_text())) or ""
    shown = re.findall(r"(?:^|\n\n)((?: {4}.*\n|\n)+)", f"{text}\n")
    samples: list[Sample] = []
    for paragraph in shown:
        command, _, output = paragraph.replace("\\\n", "").strip("\n").partition("\n\n")
        lines = [line.removeprefix("    ").rstrip() for line in output.splitlines()]
        samples.append(Sample(path.stem, shlex.split(command), lines))
    return samples


def matches(expected: list[str], found: list[str]) -> bool:
    """Whether the lines are those expected, where a line `...` stands for any number of lines."""
    if not expected:
        return not found
    if expected[0] == ANYTHING:
        return any(matches(expected[1:], found[skipped:]) for skipped in range(len(found) + 1))
    return bool(found) and expected[0] == found[0] and matches(expected[1:], found[1:])


ENGINE = ("--engine", os.environ["MTTCG_TEST_ENGINE"]) if "MTTCG_TEST_ENGINE" in os.environ else ()
"""`make test` runs these tests once more for the engine that is not `auto`."""
SAMPLES = [sample for path in PLUGINS for sample in samples_of(path)]


def test_each_plugin_shows_a_command() -> None:
    assert {sample.plugin for sample in SAMPLES} == {path.stem for path in PLUGINS}
    assert len(PLUGINS) >= 6


@pytest.mark.parametrize(
    "sample", SAMPLES, ids=lambda sample: f"{sample.plugin}-{sample.command[-1].count(',')}"
)
def test_the_command_prints_what_the_docstring_shows(sample: Sample) -> None:
    program, *arguments = sample.command
    assert program == "mttcg"
    assert f"examples/plugins/{sample.plugin}.py" in arguments[-1]
    done = subprocess.run(
        [sys.executable, "-m", "mttcg", *arguments, *ENGINE],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "120"},
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    printed = [line.rstrip() for line in (done.stdout + done.stderr).splitlines()]
    assert done.returncode == 0, printed
    assert matches(sample.output, printed), "\n".join(printed)


@pytest.mark.parametrize(
    ("expected", "found", "same"),
    [
        ("a b", "a b", True),
        ("a b", "a b c", False),
        ("... b", "a a b", True),
        ("a ... c ...", "a c", True),
        ("a ... c", "a b b", False),
        ("", "a", False),
    ],
)
def test_dots_stand_for_any_lines(expected: str, found: str, same: bool) -> None:
    assert matches(expected.split(), found.split()) == same
