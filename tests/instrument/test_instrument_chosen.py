"""A process that is chosen: what names it, and what does not."""

import numpy as np
import pytest

from mttcg.instrument.api.process import ChosenProcess
from mttcg.instrument.api.values import chosen_process
from mttcg.instrument.errors import BadValueError
from mttcg.isa.context import MARKS, Scope, level_of, marked, scope_of, space_of
from mttcg.linux.linux_guest import ProcessIdentity
from mttcg.vcpu.instrumentation.chosen_processes import FoundProcesses


def test_a_name_a_number_and_a_space() -> None:
    assert chosen_process("init") == ChosenProcess(comm="init")
    assert chosen_process("pid:12") == ChosenProcess(pid=12)
    assert chosen_process(12) is None
    assert chosen_process(None) is None
    assert chosen_process("12") == ChosenProcess(comm="12")


@pytest.mark.parametrize("text", ["", "pid:", "pid:0", "pid:-1", "pid:x", "x" * 16, "é" * 8])
def test_no_process(text: str) -> None:
    with pytest.raises(BadValueError):
        chosen_process(text)


def test_a_mark_is_beside_level_and_space() -> None:
    scope = scope_of(0, 0x80123)
    for mark in range(MARKS):
        inside = marked(scope, mark)
        assert inside.holds(0x80123 | 1 << 32 + mark | 1 << 32)
        assert not inside.holds(0x80123)
        assert not inside.holds(0x80124 | 1 << 32 + mark)
        assert marked(inside, mark) == inside
    context = marked(Scope(0, 1 << 30 | 5), 31).wanted
    assert (level_of(context), space_of(context)) == (1, 5)


def test_a_number_is_of_the_first_that_has_it_whoever_finds_it() -> None:
    found = FoundProcesses(2)
    first, second = ProcessIdentity(7, "a", 100), ProcessIdentity(7, "b", 200)
    assert found.is_it(1, first)
    assert found.is_it(0, first)
    assert not found.is_it(0, second)
    assert found.is_it(0, ProcessIdentity(8, "a", 150))
    found.forget(0, 7)
    assert not found.is_it(1, second)
    found.forget(1, 7)
    assert found.is_it(0, second)
    assert np.count_nonzero(found.rows[:, :, 0]) == 2
