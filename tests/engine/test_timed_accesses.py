"""The time of an access that is recorded is that at which it was sure to have been."""

import pytest
from recorded import Recorded

from mttcg.engine.base import OPERATION
from mttcg.instrument import clock_ticks, events
from mttcg.instrument.native.frames import HOW_BITS

PC, ADDRESS = 0x8000_0000, 0x0200_0000


@pytest.mark.parametrize("kind", [0, events.AMO, events.STORE_CONDITIONAL])
def test_a_store_that_others_could_see_has_the_time_before_it(kind: int) -> None:
    recorded = Recorded(("timed",))
    began = clock_ticks()
    while clock_ticks() == began:  # the access takes at least a tick
        pass
    operation = recorded.operations["timed"]
    how = kind | events.WRITE | began << HOW_BITS & (1 << 64) - 1
    OPERATION(operation.function)(operation.data, PC, ADDRESS, 4, 1, how)
    (record,) = recorded.take("timed")
    recorded.close()
    assert (record["time"], record["how"]) == (began, kind | events.WRITE)


def test_an_access_without_a_time_before_it_has_that_of_its_record() -> None:
    recorded = Recorded(("timed",))
    operation = recorded.operations["timed"]
    began = clock_ticks()
    OPERATION(operation.function)(operation.data, PC, ADDRESS, 4, 1, events.WRITE)
    ended = clock_ticks()
    (record,) = recorded.take("timed")
    recorded.close()
    assert began <= record["time"] <= ended
    assert record["ticks"] == 0
