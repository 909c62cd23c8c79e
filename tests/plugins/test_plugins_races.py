"""races: a counter of all harts under locks is clean, and without them it is not."""

from pathlib import Path

import pytest
from plugin_runs import replay, run

from mttcg.errors import OptionError


@pytest.mark.parametrize("guest", ["races", "counter", "ipi"])
def test_what_locks_barriers_and_interrupts_order_is_clean(guest: str) -> None:
    assert run(guest, "races", rounds=50)["races"] == []


def test_a_counter_without_a_lock_races(tmp_path: Path) -> None:
    recording = tmp_path / "races.rec"
    report = run("races", "races", rounds=50, fault=1, record=recording)
    assert {row["symbol"] for row in report["races"]} == {"raced_counter"}
    assert "store, store" in {row["accesses"] for row in report["races"]}
    assert {row["first"].partition("+")[0] for row in report["races"]} == {"count_without_lock"}
    assert replay(recording, "races") == report


def test_shards_are_refused() -> None:
    with pytest.raises(OptionError, match="can't be divided"):
        run("races", "races", shards=2)
