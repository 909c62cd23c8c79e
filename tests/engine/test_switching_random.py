"""Random programs whose tier changes at random moments, compared with the definition."""

import itertools
from collections import Counter

import pytest
from random_engines import INSTRUCTIONS, WATCHES, Watch, Watched, compare
from random_programs import PLAIN


@pytest.mark.parametrize("watch", WATCHES)
def test_switching_between_tiers_changes_nothing(watch: Watch) -> None:
    made: Counter[str] = Counter()
    seeds = itertools.count()

    def engines() -> list[Watched]:
        watched = Watched("llvm", watch, switching=next(seeds))
        assert watched.switches is not None
        watched.switches.made = made
        return [watched]

    compare(PLAIN, engines, INSTRUCTIONS // len(WATCHES))
    assert made.keys() == {"translate", "translate_page", "forget", "lose", "nothing"}
    assert min(made.values()) > 10, made
