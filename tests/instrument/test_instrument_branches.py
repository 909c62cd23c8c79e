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
