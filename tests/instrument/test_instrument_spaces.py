"""Instrumentation in an address space, at a level, and by physical address.

The guest counts for itself how often it went round, so its counts are known.
"""

from collections import Counter as Tally
from pathlib import Path
from typing import Any

import pytest
from instrument_harness import ENGINE, lines_by_cpu, plugin, run_guest

pytestmark = pytest.mark.skipif(ENGINE == "unicorn", reason="it translates no addresses")
HARTS = 3
STEPS = 8
HERE = "0x40000000"
STREAMS = {
    "every_access": "accesses",
    "timed": "accesses",
    "blocks": "blocks",
    "retired": "instructions",
}
"""Records of everything, with the context, and what counts the same."""
FIRST, SECOND, INNER = 5, 6, 3
"""Instructions of a turn of each loop."""


def expected_at_places(known: list[int], steps: int) -> dict[str, int]:
    """Executions of what is attached to a place, by what the guest has counted."""
    here_first, here_second, there_first, there_second, inner_first, inner_second = known[:6]
    return {
        "here": here_first + here_second,
        "here in first": here_first,
        "here in second": here_second,
        "there in second": there_second,
        "there as supervisor": 0,
        "inner in first": inner_first,
        "inner": inner_first + inner_second,
        "first anywhere": here_first + there_first + there_second,
        "first in second": there_second,
        "into": steps,
        "into as user": 0,
    }


def expected_in_scopes(known: list[int], rounds: int) -> dict[str, tuple[int, int, int, int]]:
    """Instructions, blocks, loads and stores in each scope."""
    here_first, here_second, there_first, there_second, inner_first, inner_second = known[:6]
    in_first, in_second = here_first + there_first, here_second + there_second
    inner = inner_first + inner_second
    user_first = FIRST * in_first, in_first + 3 * rounds, in_first, in_first
    user_second = (
        SECOND * here_second + FIRST * there_second,
        in_second + 3 * rounds,
        2 * here_second + there_second,
        there_second,
    )
    return {
        "user in first": user_first,
        "user": tuple(map(sum, zip(user_first, user_second, strict=True))),
        "first": (
            user_first[0] + INNER * inner_first,
            user_first[1] + inner_first + rounds,
            *user_first[2:],
        ),
        "second": (
            user_second[0] + INNER * inner_second,
            user_second[1] + inner_second + rounds,
            *user_second[2:],
        ),
        "supervisor": (INNER * inner, inner + 2 * rounds, 0, 0),
    }


def check_scopes(line: dict[str, Any], rounds: int, total: dict[str, int]) -> None:
    counters, probes = line["counters"], line["probes"]
    expected = expected_in_scopes(line["known"], rounds)
    for name, (instructions, blocks, loads, stores) in expected.items():
        assert counters[f"instructions, {name}"] == instructions, name
        assert counters[f"blocks, {name}"] == blocks, name
        assert counters[f"accesses, {name}"] == loads + stores, name
        assert probes[f"accesses, {name}"] == [loads, stores], name
    for what, count in total.items():
        modes = (counters[f"{what}, {mode}"] for mode in ("user", "supervisor", "machine"))
        assert sum(modes) == count, f"each of the {what} is in one mode"


@pytest.mark.parametrize(
    ("rounds", "turns", "python"), [(4, 30, True), (12, 4_000, False)], ids=["calls", "hot"]
)
def test_counts_of_places_are_those_of_their_space(
    own_guests: dict[str, Path], tmp_path: Path, rounds: int, turns: int, python: bool
) -> None:
    spec = plugin("in_spaces", out=tmp_path / "out", python=python)
    symbols = {"harts": HARTS, "rounds": rounds, "turns": turns}
    done = run_guest(own_guests["spaces"], spec, smp=HARTS, symbols=symbols)
    assert done.in_order, done.result.failures
    records = done.report("in_spaces")["records"]
    lines = lines_by_cpu(tmp_path / "out")
    assert len(lines) == HARTS
    for cpu, line in lines.items():
        expected = expected_at_places(line["known"], STEPS * rounds)
        assert sum(line["known"]) == STEPS * rounds * turns
        for name, count in expected.items():
            assert line["counters"][name] == count, name
            assert line["counters"][f"{name}, block"] == (0 if name == "into" else count), name
            assert line["probes"][name] == [count], name
            assert records.get(f"at_{name} {cpu}".replace(" ", "_", name.count(" ")), 0) == count
            if python:
                assert line["calls"].get(name, 0) == count, name
        vcpu = done.result.vcpus[cpu]
        check_scopes(line, rounds, {"instructions": vcpu.instructions, "blocks": vcpu.blocks})
        check_records(done.report("in_spaces")["contexts"], line)


def check_records(contexts: dict[str, int], line: dict[str, Any]) -> None:
    """Records say in which context they were; their numbers are those of the inline counts."""
    cpu, here_first, here_second = line["cpu"], *line["known"][:2]
    counters = line["counters"]
    found = {stream: Tally[tuple[str, str]]() for stream in STREAMS}
    spaces = sorted({key.split()[4] for key in contexts} - {"0x0"})
    for key, count in contexts.items():
        stream, index, _pc, mode, space = key.split()
        if int(index) == cpu and stream in found:
            found[stream][mode, space] += count
    first, second = spaces
    for stream, what in STREAMS.items():
        by_mode, by_space = Tally[str](), Tally[str]()
        for (mode, space), count in found[stream].items():
            by_mode[mode] += count
            by_space[space] += count
        for mode in ("user", "supervisor", "machine"):
            assert by_mode[mode] == counters[f"{what}, {mode}"], (stream, mode)
        assert by_space[first] == counters[f"{what}, first"], stream
        assert by_space[second] == counters[f"{what}, second"], stream
    if "here" in counters:
        here = "context_at_here", cpu, HERE, "user"
        assert contexts[" ".join((*map(str, here), first))] == here_first
        assert contexts[" ".join((*map(str, here), second))] == here_second


@pytest.mark.parametrize("streams", [False, True])
def test_counts_of_all_code_are_those_of_the_scope(
    own_guests: dict[str, Path], tmp_path: Path, streams: bool
) -> None:
    spec = plugin("in_spaces", out=tmp_path / "out", places=False, streams=streams)
    rounds = 12
    symbols = {"harts": HARTS, "rounds": rounds, "turns": 4_000}
    done = run_guest(own_guests["spaces"], spec, smp=HARTS, symbols=symbols)
    assert done.in_order, done.result.failures
    for cpu, line in lines_by_cpu(tmp_path / "out").items():
        vcpu = done.result.vcpus[cpu]
        check_scopes(line, rounds, {"instructions": vcpu.instructions, "blocks": vcpu.blocks})
        if streams:
            check_records(done.report("in_spaces")["contexts"], line)


def test_callbacks_see_mode_and_space(own_guests: dict[str, Path], tmp_path: Path) -> None:
    spec = plugin("in_spaces", out=tmp_path / "out", streams=False)
    done = run_guest(own_guests["spaces"], spec, symbols={"rounds": 1, "turns": 1})
    assert done.in_order, done.result.failures
    seen = lines_by_cpu(tmp_path / "out")[0]["seen"]
    places = {tuple(key.split()) for key in seen}
    spaces = {space for _, _, space in places}
    assert len(spaces) == 3
    first, second = sorted(spaces - {"0x0"})
    user = {("0x40000000", "user"), ("0x40002000", "user"), ("0x40003000", "supervisor")}
    by_space = {space: {place[:2] for place in places if place[2] == space} for space in spaces}
    assert by_space[second] == user
    assert by_space[first] == user
    assert [mode for _, mode in by_space["0x0"]] == ["machine"]


@pytest.mark.parametrize("place", ["here", "there in second", "first anywhere"])
@pytest.mark.parametrize("check", [False, True])
def test_hot_page_with_something_at_one_of_its_addresses(
    own_guests: dict[str, Path], tmp_path: Path, place: str, check: bool
) -> None:
    options = {"only": place, "python": False, "streams": False}
    spec = plugin("in_spaces", out=tmp_path / "out", **options)
    rounds, turns = 12, 30_000
    symbols = {"rounds": rounds, "turns": turns}
    done = run_guest(own_guests["spaces"], spec, symbols=symbols, check=check)
    assert done.in_order, done.result.failures
    line = lines_by_cpu(tmp_path / "out")[0]
    expected = expected_at_places(line["known"], STEPS * rounds)[place]
    assert line["counters"] == {place: expected, f"{place}, block": expected}
    assert line["probes"] == {place: [expected]}


@pytest.mark.parametrize(
    ("places", "check"),
    [("one", False), ("other", False), ("physical", False), ("one+physical", True)],
)
def test_function_that_hot_code_calls_by_two_addresses(
    own_guests: dict[str, Path], tmp_path: Path, places: str, check: bool
) -> None:
    spec = plugin("at_aliases", out=tmp_path / "out", places=places)
    symbols = {"rounds": 12, "turns": 300_000}
    done = run_guest(own_guests["aliases"], spec, symbols=symbols, check=check)
    assert done.in_order, done.result.failures
    line = lines_by_cpu(tmp_path / "out")[0]
    one, other = line["known"]
    assert (one, other) == (3_600_000, 3_600_000)
    expected = {"one": one, "other": other, "physical": one + other}
    for name in places.split("+"):
        assert line["counters"][name] == expected[name]
        assert line["counters"][f"{name}, block"] == expected[name]
