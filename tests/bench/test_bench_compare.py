"""Comparisons of two runs, made of samples that are given or drawn."""

import itertools
import random
import time
from typing import Any

import pytest
from bench_samples import THREE, TINY, plain_of, result_of

from mttcg_bench.agreement import Pair, chances
from mttcg_bench.compare import FigureChange, changes, not_compared, pace_change
from mttcg_bench.model import Better, Case, Figure, Resource, Variant
from mttcg_bench.pace import WORK, pace

STEADY = ({"nothing": 1.0, "icount": 2.0, "Unicorn": 1.0},) * 3
SPEED = Case(
    name="tiny.speed",
    purpose="rounds a second",
    variants=(Variant("nothing"),),
    figures=(Figure("rounds", (("nothing", "guest", -1),), "M/s", better=Better.MORE),),
)


def slower(rounds: tuple[dict[str, float], ...], factor: float) -> dict[str, Any]:
    """A run in which icount takes so many times what it took."""
    return plain_of(result_of(TINY, *({**one, "icount": one["icount"] * factor} for one in rounds)))


def speeds(*taken: tuple[float, float]) -> dict[str, Any]:
    """A run with a round for each time taken and the machine's pace meanwhile."""
    result = result_of(SPEED, *({"nothing": seconds} for seconds, _ in taken))
    for sample, (_, meanwhile) in zip(result.samples["nothing"], taken, strict=True):
        sample["pace"] = meanwhile
    return plain_of(result)


def only(old: dict[str, Any], new: dict[str, Any]) -> FigureChange:
    """The one change."""
    [change] = changes(old, new)
    return change


def test_what_is_steady_is_worse_by_the_threshold_alone() -> None:
    old = slower(STEADY, 1)
    change = only(old, slower(STEADY, 1.2))
    assert change.ratio == pytest.approx(1.2) and change.chance == 1.0
    assert change.is_worse(1.1) and change.verdict(1.1) == "WORSE"
    assert not change.is_worse(1.3) and change.verdict(1.3) == ""
    assert only(slower(STEADY, 1.2), old).verdict(1.1) == "better"


def test_what_varies_is_worse_beyond_chance_only() -> None:
    old = slower(THREE, 1)
    within = only(old, slower(THREE, 1.5))
    assert within.chance > 1.5
    assert within.verdict(1.1) == "within the spread" and not within.is_worse(1.1)
    beyond = only(old, slower(THREE, within.chance * 1.01))
    assert beyond.chance == pytest.approx(within.chance, rel=1e-4), "a factor changes no spread"
    assert beyond.verdict(1.1) == "WORSE"
    assert only(slower(THREE, within.chance * 1.01), old).verdict(1.1) == "better"


def test_what_the_machine_did_is_no_change() -> None:
    old = speeds((1.0, 400), (2.0, 200), (1.0, 400))
    change = only(old, speeds((4.0, 100), (2.0, 200), (8.0, 50)))
    assert (change.ratio, change.chance) == (1.0, 1.0)
    told = pace_change(old, speeds((4.0, 100), (2.0, 200), (8.0, 50)))
    assert "that of the core 0.250 times" in told and "memory" not in told
    ours = only(old, speeds((8.0, 100), (4.0, 200), (16.0, 50)))
    assert ours.ratio == 0.5 and ours.verdict(1.1) == "WORSE"


def test_the_pace_of_the_memory_is_told_apart() -> None:
    old, new = speeds((1.0, 400)), speeds((2.0, 200))
    for run in (old, new):
        run["cases"]["tiny.speed"]["bound_by"] = "memory"
    assert "that of the memory 0.500 times" in pace_change(old, new)
    assert "core" not in pace_change(old, new)
    assert only(old, new).ratio == 1.0


@pytest.mark.parametrize("resource", Resource)
def test_the_pace_is_how_often_a_second_the_work_is_done(
    resource: Resource, monkeypatch: pytest.MonkeyPatch
) -> None:
    WORK[resource]()
    now, took = [0.0], itertools.cycle((0.25, 0.5))

    def work() -> None:
        now[0] += next(took)

    monkeypatch.setitem(WORK, resource, work)
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    assert pace(resource) == 4.0


def test_a_ratio_is_compared_as_measured_whatever_the_pace() -> None:
    old, new = (result_of(TINY, *STEADY) for _ in range(2))
    for samples in new.samples.values():
        for sample in samples:
            sample["pace"] = 7.0
    assert only(plain_of(old), plain_of(new)).ratio == 1.0


def test_runs_that_do_not_both_tell_the_pace_are_compared_as_measured() -> None:
    old, new = plain_of(result_of(SPEED, {"nothing": 1.0})), speeds((2.0, 200))
    assert only(old, new).ratio == only(new, old).ratio ** -1 == 0.5
    assert "not known of both" in pace_change(old, new)


def test_equal_runs_agree_and_a_change_among_them_is_found() -> None:
    """400 figures with three rounds that vary by a tenth, of which the last became 1.7 times."""
    chance = random.Random(1)

    def drawn(factor: float = 1.0) -> tuple[float, ...]:
        return tuple(factor * chance.lognormvariate(0, 0.1) for _ in range(3))

    pairs = [Pair(drawn(), drawn()) for _ in range(399)] + [Pair(drawn(), drawn(1.7))]
    apart = [
        number
        for number, (pair, most) in enumerate(zip(pairs, chances(pairs), strict=True))
        if max(pair.ratio, 1 / pair.ratio) > most
    ]
    assert apart == [399]


def test_few_rounds_of_a_figure_are_judged_with_those_of_its_case() -> None:
    lucky = Pair((1.0, 1.0), (1.1, 1.1))
    assert chances([lucky]) == [1.0]
    assert chances([lucky, Pair((1.0, 2.0), (1.0, 2.0))])[0] > 1.5
    assert chances([Pair((1.0,), (2.0,)), Pair((3.0,), (1.0,))]) == [1.0, 1.0]


def test_what_is_not_compared_is_named() -> None:
    old = plain_of(result_of(TINY, *THREE), result_of(SPEED, {"nothing": 1.0}))
    none = [{**one, "icount": 0.0} for one in THREE]
    names = list(not_compared(old, plain_of(result_of(TINY, *none))))
    assert names == ["tiny.speed: rounds (only in the old run)", "tiny.mix: time (not above 0)"]
    assert list(not_compared(plain_of(), old))[-1] == "tiny.speed: rounds (only in the new run)"
    assert list(changes(old, plain_of(result_of(TINY, *none)))) == []
