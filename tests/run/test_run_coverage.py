"""Coverage of a guest that is killed is complete."""

from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import Running, guest

from mttcg_plugins._files.drcov import read_drcov


@pytest.mark.parametrize("role", ["vcpu", "host"])
def test_a_killed_guest_leaves_its_coverage(
    start: Callable[..., Running], tmp_path: Path, role: str
) -> None:
    file = tmp_path / "found.drcov"
    plugins = ("--plugin", f"coverage,drcov={file}", "--plugin", "hotblocks,top=0")
    running = start(guest("spin"), "--smp", "2", *plugins, with_json=True)
    running.read(until=b"spinning on 2 harts\n")
    running.kill(role)
    assert running.wait() == 70, running.stderr
    hottest = running.result["plugins"]["hotblocks"]["hottest"]
    assert {pc for pc, _ in read_drcov(file)[1]} == {int(row["pc"], 16) for row in hottest}
    assert len(hottest) > 10
