"""Records of branches, against the order in which instructions are retired."""

import pytest
from instrument_harness import plugin, run_guest


@pytest.mark.parametrize("guest", ["calls", "counter"])
def test_branches_go_where_the_next_instruction_is(guest: str) -> None:
    done = run_guest(guest, plugin("branching"), smp=2, symbols={"rounds": 1})
    assert done.in_order, done.result.failures
    report = done.report("branching")
    assert set(report) == {"0", "1"}
    for found in report.values():
        assert found["same"]
        assert 0 < found["taken"] < found["branches"]


@pytest.mark.parametrize("guest", ["calls", "counter"])
def test_python_is_called_behind_branches_and_jumps_as_they_are_recorded(guest: str) -> None:
    done = run_guest(guest, plugin("branch_callbacks"), smp=2, symbols={"rounds": 1})
    assert done.in_order, done.result.failures
    report = done.report("branch_callbacks")
    assert set(report) == {"0", "1"}
    for found in report.values():
        assert found["branches"] == [True, True, True]
        assert found["jumps"] == [True, True]
        assert found["kinds"]
        assert found["links"], "registers are those behind the instruction"
        assert all(found["some"])
        assert found["few"] == 10


def test_a_callback_behind_a_branch_can_write_no_register() -> None:
    done = run_guest("counter", plugin("branch_ends"), smp=2)
    assert not done.in_order
    assert any("when control goes on already" in text for text in done.result.failures)
