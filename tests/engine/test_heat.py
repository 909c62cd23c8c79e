"""The order in which hot places are taken, and how they cool."""

import numpy as np

from mttcg.engine.llvm.heat import HALF_LIFE, Heat

HERE, THERE, ELSEWHERE = 0x8000_0000, 0x8000_0040, 0x8000_2000
PAGE, OTHER_PAGE = (1, 1, 0, 0), (2, 1, 0, 0)


def samples(*pcs: int) -> "np.ndarray[tuple[int], np.dtype[np.uint64]]":
    return np.array(pcs, dtype=np.uint64)


def test_the_hottest_of_all_vcpus_together_comes_first_whichever_came_first() -> None:
    heat = Heat()
    heat.add(0, samples(*[HERE] * 5))
    heat.add(1, samples(*[THERE] * 3))
    heat.add(2, samples(*[THERE] * 4, ELSEWHERE))
    order = []
    while (place := heat.hottest(1, without=())) is not None:
        order.append((place.pc, place.vcpu, heat.take(place.pc)))
    assert order == [(THERE, 2, 7), (HERE, 0, 5), (ELSEWHERE, 2, 1)]


def test_what_is_not_hot_enough_or_of_a_vcpu_that_is_asked_already_waits() -> None:
    heat = Heat()
    heat.add(0, samples(*[HERE] * 5))
    heat.add(1, samples(*[THERE] * 4))
    found = heat.hottest(4, without={0})
    assert found is not None and found.pc == THERE
    assert heat.hottest(6, without=()) is None
    assert heat.hottest(1, without={0, 1}) is None


def test_what_was_hot_once_is_colder_than_what_is_hot_now() -> None:
    heat = Heat()
    heat.add(0, samples(*[HERE] * 100))
    heat.fade(4 * HALF_LIFE + HALF_LIFE // 2)
    heat.add(0, samples(*[THERE] * 10))
    found = heat.hottest(1, without=())
    assert found is not None and (found.pc, heat.take(HERE)) == (THERE, 100 / 16)


def test_it_fades_at_a_steady_rate_in_whatever_steps_that_is_done() -> None:
    at_once, in_steps = Heat(), Heat()
    for heat in (at_once, in_steps):
        heat.add(0, samples(*[HERE] * 64))
    at_once.fade(3 * HALF_LIFE)
    for step in range(0, 3 * HALF_LIFE + 1, HALF_LIFE // 8):
        in_steps.fade(step)
    assert at_once.take(HERE) == in_steps.take(HERE) == 8


def test_what_is_cold_is_forgotten() -> None:
    heat = Heat()
    heat.add(0, samples(*[HERE] * 8))
    heat.add(0, samples(ELSEWHERE))
    heat.move(ELSEWHERE, PAGE)
    heat.fade(64 * HALF_LIFE)
    assert not heat.places and not heat.pages


def test_a_page_is_as_hot_as_the_places_where_its_better_code_was_missed() -> None:
    heat = Heat()
    heat.add(0, samples(*[HERE] * 8, *[THERE] * 6, *[ELSEWHERE] * 10))
    heat.move(HERE, PAGE)
    heat.move(THERE, PAGE)
    heat.move(ELSEWHERE, OTHER_PAGE, share=0.5)
    assert heat.hottest(1, without=()) is None
    assert heat.hottest_page(15) is None
    assert heat.hottest_page(5) == PAGE
    assert heat.hottest_page(5) == OTHER_PAGE
    assert heat.hottest_page(5) is None
