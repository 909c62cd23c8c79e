"""Two programs at the same addresses in two spaces, which go on in turns in the middle of blocks.

Their arguments say which call is whose; blocks are few enough to be counted by hand. So are those
of a supervisor that changes its space as it goes.
"""

import json
from collections import Counter as Tally
from pathlib import Path

import pytest
from instrument_harness import ENGINE, plugin, run_guest

from mttcg.errors import MttcgError

pytestmark = pytest.mark.skipif(ENGINE == "unicorn", reason="it translates no addresses")
FIRST, SECOND = 1_000, 2_000
HERE = 0x4000_0000
BEHIND = 0x2C, 0x30
"""The block behind the load that faults."""
RETIRED = *range(0, 0x20, 4), 0x24, *BEHIND
"""The loop, and the function but for its load; the call of the machine at 0x20 traps."""
TABLES = ("all", "first", "all_and_first", "behind", "behind_in_first", "behind_physically")


@pytest.mark.parametrize("rounds", [3, 300])
@pytest.mark.parametrize("within", [None, "first", "second"])
def test_returns_belong_to_the_calls_of_their_space(
    own_guests: dict[str, Path], tmp_path: Path, within: str | None, rounds: int
) -> None:
    given = {} if within is None else {"within": within}
    spec = plugin("in_coroutines", out=tmp_path / "out", **given)
    done = run_guest(own_guests["coroutines"], spec, symbols={"rounds": rounds})
    assert done.in_order, done.result.failures
    calls = json.loads((tmp_path / "out").read_text())
    assert all(entered == left and left != 0 for entered, _, left, _ in calls)
    spaces = {argument // FIRST: space for space, argument, _, _ in calls}
    assert len(set(spaces.values())) == len(spaces)
    assert all(spaces[argument // FIRST] == space for space, argument, _, _ in calls)
    expected = [
        (start + number, 2 * (start + number))
        for number in range(rounds)
        for name, start in (("first", FIRST), ("second", SECOND))
        if within in (None, name)
    ]
    assert sorted((argument, value) for _, argument, _, value in calls) == sorted(expected)


def executions(times: int, *offsets: int) -> dict[str, int]:
    return {f"{HERE + offset:#x}": times for offset in offsets}


@pytest.mark.parametrize("rounds", [3, 5_000])
def test_tables_take_back_what_their_places_and_space_counted(
    own_guests: dict[str, Path], rounds: int
) -> None:
    spec = plugin("in_coroutines", tables=True)
    done = run_guest(own_guests["coroutines"], spec, symbols={"rounds": rounds})
    assert done.in_order, done.result.failures
    report = done.report("in_coroutines")
    tables = {name: Tally(report[name]) for name in TABLES}
    assert tables["all"].total() == done.result.vcpus[0].instructions
    assert tables["first"] == executions(rounds, *RETIRED)
    assert tables["first"].total() == report["total"]["in_first"]
    assert tables["all_and_first"] == tables["all"] + tables["first"]
    assert tables["behind"] == executions(2 * rounds, *BEHIND)
    assert tables["behind_in_first"] == executions(rounds, *BEHIND)
    assert tables["behind_physically"] == tables["behind"]


def test_executions_of_instructions_are_of_each_time(
    own_guests: dict[str, Path],
) -> None:
    with pytest.raises(MttcgError, match="no once or when"):
        run_guest(own_guests["coroutines"], plugin("in_coroutines", tables=True, once=True))


@pytest.mark.parametrize("follow", [False, True])
@pytest.mark.parametrize("rounds", [3, 300_000])
def test_supervisor_that_changes_its_space_between_two_instructions(
    own_guests: dict[str, Path], rounds: int, follow: bool
) -> None:
    spec = plugin("in_roots", follow=follow)
    done = run_guest(own_guests["switching"], spec, symbols={"rounds": rounds})
    assert done.in_order, done.result.failures
    report = done.report("in_roots")
    expected = {"instructions": (5 * rounds, 3 * rounds), "blocks": (2 * rounds + 1, rounds)}
    if not follow:
        expected["accesses"] = 0, rounds
    assert report["total"] == {
        f"{what}_{space}": number
        for what, numbers in expected.items()
        for space, number in zip(("first", "second"), numbers, strict=True)
    }
    sums = {
        "probed_first": 5 * rounds + 1,  # the call at the end, which traps
        "probed_second": 3 * rounds,
        "executed_first": 5 * rounds,
        "executed_second": 3 * rounds,
        "tabled_first": 2 * rounds + 1,
        "tabled_second": rounds,
    }
    assert report["sums"] == ({} if follow else sums)
