"""Coverage of a guest that is killed is complete."""

from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import LIMIT, Running, eventually, guest

from mttcg_bus import Control
from mttcg_plugins._files.drcov import read_drcov

SPUN = 10_000_000
"""Instructions of a hart that has been spinning for a while."""


@pytest.mark.parametrize("role", ["vcpu", "host"])
def test_a_killed_guest_leaves_its_coverage(
    start: Callable[..., Running], tmp_path: Path, role: str
) -> None:
    file = tmp_path / "found.drcov"
    plugins = ("--plugin", f"coverage,drcov={file}", "--plugin", "hotblocks,top=0")
    running = start(guest("spin"), "--smp", "2", "--control", *plugins, with_json=True)
    running.read(until=b"spinning on 2 harts\n")
    url = next(word for word in running.stderr.split() if word.startswith("ipc://"))
    with Control(url, seconds=LIMIT) as control:
        eventually(lambda: all(v["instructions"] > SPUN for v in control.status()["vcpus"]))
        control.pause()  # no vCPU has begun a batch then, and what they spin in was all run
        control.resume()
    running.kill(role)
    assert running.wait() == 70, running.stderr
    hottest = running.result["plugins"]["hotblocks"]["hottest"]
    assert {pc for pc, _ in read_drcov(file)[1]} == {int(row["pc"], 16) for row in hottest}
    assert len(hottest) > 10
