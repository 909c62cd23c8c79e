"""Litmus tests on each engine and tier: what RVWMO forbids is never seen, what shows is seen."""

import os
import time
from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest
from machine import TIERS, Machine, Outcomes, matching
from programs import Programs
from shapes import BY_NAME, SHAPES

from mttcg.isa.riscv64.privilege import USER

ROUNDS = int(os.environ.get("MTTCG_LITMUS_ROUNDS", "2048"))
"""Of each test on each tier."""
PATIENCE = 100.0
"""Seconds until what is to be seen is given up."""


@cache
def programs(aliased: bool) -> Programs:
    return Programs(SHAPES, aliased)


@pytest.fixture(scope="module", params=TIERS)
def machine(request: pytest.FixtureRequest) -> Iterator[Machine]:
    with Machine(request.param, programs(TIERS[request.param].level == USER)) as made:
        yield made


@pytest.mark.parametrize("name", [litmus.name for litmus in SHAPES if not litmus.seen])
def test_what_is_forbidden_is_never_seen(machine: Machine, name: str) -> None:
    outcomes: Outcomes = Counter()
    while outcomes.total() < ROUNDS:
        outcomes += machine.run(BY_NAME[name])
    assert matching(BY_NAME[name], outcomes) == 0, outcomes


@pytest.mark.parametrize("name", [litmus.name for litmus in SHAPES if litmus.seen])
def test_what_shows_is_seen(machine: Machine, name: str) -> None:
    seen, end = 0, time.monotonic() + PATIENCE
    while not seen and time.monotonic() < end:
        seen = matching(BY_NAME[name], machine.run(BY_NAME[name]))
    assert seen
