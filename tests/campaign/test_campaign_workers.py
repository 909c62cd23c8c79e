"""What is seen of a cluster's workers from outside, and what follows."""

import pytest

from mttcg.campaign.workers import LOOKS_UNTIL_STUCK, Look, LookJudge

TWO = {"one": 2, "two": 4}


def test_a_task_that_no_worker_takes_is_repeated_after_some_looks() -> None:
    judge, look = LookJudge(0), Look(TWO, {"one": ["running"]})
    wanted = {"running": 2, "forgotten": 4}
    found = [judge.to_repeat(look, wanted) for _ in range(LOOKS_UNTIL_STUCK)]
    assert found == [*[[]] * (LOOKS_UNTIL_STUCK - 1), ["forgotten"]]


def test_a_look_at_which_it_was_taken_begins_anew() -> None:
    judge = LookJudge(0)
    idle, taken = Look(TWO, {}), Look(TWO, {"two": ["task"]})
    for look in (*[idle] * (LOOKS_UNTIL_STUCK - 1), taken, *[idle] * (LOOKS_UNTIL_STUCK - 1)):
        assert judge.to_repeat(look, {"task": 4}) == []
    assert judge.to_repeat(idle, {"task": 4}) == ["task"]


@pytest.mark.parametrize(
    ("taken", "size", "stuck"),
    [
        ({"one": ["a"], "two": ["b"]}, 2, False),  # it has its turn later
        ({"two": ["b"]}, 4, False),  # too large for the idle one
        ({"two": ["b"]}, 2, True),
        ({"one": ["a"], "two": ["b"]}, 8, True),  # larger than all that are left
    ],
)
def test_what_waits_for_its_turn_is_not_stuck(
    taken: dict[str, list[str]], size: int, stuck: bool
) -> None:
    judge = LookJudge(0)
    for _ in range(LOOKS_UNTIL_STUCK):
        found = judge.to_repeat(Look(TWO, taken), {"task": size})
    assert found == (["task"] if stuck else [])


def test_without_workers_a_limit_runs_which_ends_when_one_comes() -> None:
    judge, nobody = LookJudge(5), Look({}, {})
    waited = [judge.without_workers(nobody, {"task": 1}, now) for now in (10.0, 14.0, 15.0)]
    assert waited == [0, 4, 5]
    assert [judge.is_over(seconds) for seconds in (0, 4, 5)] == [False, False, True]
    assert judge.without_workers(Look(TWO, {}), {"task": 1}, 16.0) is None
    assert judge.without_workers(nobody, {}, 17.0) is None  # nothing waits
    assert judge.without_workers(nobody, {"task": 1}, 18.0) == 0
    assert judge.to_repeat(nobody, {"task": 1}) == []


def test_without_a_limit_it_waits_for_ever() -> None:
    assert not LookJudge(0).is_over(1e9)


def test_a_worker_that_keeps_silent_is_asked_after_some_looks() -> None:
    judge = LookJudge(0)
    silent, told = Look({}, {}, silent=["new"]), Look({"new": 1}, {})
    found = [judge.to_ask(silent) for _ in range(LOOKS_UNTIL_STUCK)]
    assert found == [*[[]] * (LOOKS_UNTIL_STUCK - 1), ["new"]]
    assert judge.to_ask(told) == []
    assert judge.to_ask(silent) == []
