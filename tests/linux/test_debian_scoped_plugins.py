"""On Debian's kernel: plugins that are limited to a process see that, and agree on it."""

from pathlib import Path

import pytest
from debian_guest import needs_debian
from debian_run import boot

OTHERS = "(while true; do true; done) & md5sum /bin/busybox; kill %1"
NAMES = ("coverage", "hotblocks", "cache", "locks", "sharing", "memtrace")


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
def test_plugins_of_a_process_agree(tmp_path: Path) -> None:
    scope = "space=md5sum,mode=user"
    run = boot(tmp_path, OTHERS, *(f"{name},{scope}" for name in NAMES), smp=2)
    assert run.report("coverage")["blocks"] == run.report("hotblocks")["blocks"] > 100
    records = {name: row["emitted"] for name, row in run.result["ledger"].items()}
    assert records["cache.access"] == records["locks.access"] > 100_000
    assert records["sharing.access"] == records["memtrace.access"] > 100_000
    hottest = run.report("hotblocks")["hottest"]
    assert all(int(row["pc"], 16) < 1 << 63 for row in hottest)
