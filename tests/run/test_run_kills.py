"""Random kills of every kind of process: each run ends in order, adds up, and leaves nothing.

    MTTCG_RANDOM_KILLS=200 python -m pytest tests/run/test_run_kills.py -o timeout=0

runs so many; MTTCG_KILL_SEED is the first one's number, which says what is killed.
"""

import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from kills import Kills

RUNS = int(os.environ.get("MTTCG_RANDOM_KILLS", 3))
FIRST = int(os.environ.get("MTTCG_KILL_SEED", 0))


@pytest.mark.slow
def test_a_run_ends_in_order_whatever_is_killed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    killed: Counter[str] = Counter()
    failures = []
    for seed in range(FIRST, FIRST + RUNS):
        directory = tmp_path / str(seed)
        directory.mkdir()
        kills = Kills(directory, seed)
        try:
            kills()
        except Exception as error:
            failures.append(f"seed {seed}, killed {kills.killed}: {error}")
        killed.update(kills.killed)
        shutil.rmtree(directory)  # the recording is large
    with capfd.disabled():
        print(f"\n{RUNS} runs, {killed.total()} kills:", dict(killed.most_common()))
    assert not failures, "\n".join(failures)
    assert killed
