"""Returns of functions: told of once each, with the value, and with what belongs to the entry."""

import json
from pathlib import Path

import pytest
from instrument_harness import plugin, run_guest

FACTORIALS = [["factorial", n, value] for n, value in ((1, 1), (2, 2), (3, 6), (4, 24), (5, 120))]
TAILS = [["inner", 41, 42], ["outer", 41, 42], ["even", 0, 1], ["odd", 1, 1]]
JUMPS = [["again", None, 8], ["plain", 4, 8], ["again", None, 10], ["plain", 6, 10]]
STACKS = [["worker", 200, 201], ["worker", 100, 101]]


@pytest.mark.parametrize("late", [False, True])
def test_each_return_is_told_of(own_guests: dict[str, Path], tmp_path: Path, late: bool) -> None:
    spec = plugin("returns", out=tmp_path / "out", late=late)
    done = run_guest(own_guests["returns"], spec)
    assert done.in_order, done.result.failures
    assert json.loads((tmp_path / "out").read_text()) == FACTORIALS + TAILS + JUMPS + STACKS


def test_calls_that_go_on_when_it_is_taken_away_are_not_told_of(
    own_guests: dict[str, Path], tmp_path: Path
) -> None:
    spec = plugin("returns", out=tmp_path / "out", until="plain")
    done = run_guest(own_guests["returns"], spec)
    assert done.in_order, done.result.failures
    again = [call for call in JUMPS if call[0] == "again"]
    assert json.loads((tmp_path / "out").read_text()) == FACTORIALS + TAILS + again
