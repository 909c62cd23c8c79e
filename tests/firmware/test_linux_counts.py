"""Counts of Debian's kernel agree however they are taken, and no record of it is lost."""

from pathlib import Path

import pytest
from linux_guest import BIOS, CHECKED, IS_THERE, QUICK, WHY_NOT, Booted, boot

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(3000 if CHECKED else 600),
    pytest.mark.skipif(not IS_THERE, reason=WHY_NOT),
    pytest.mark.skipif(not CHECKED, reason="MTTCG_CHECK_LINUX is not set: it takes minutes"),
]
PLUGINS = Path(__file__).parent / "plugins"
FIVE_WAYS = PLUGINS.parents[1] / "instrument" / "plugins" / "five_ways.py"
COMMANDS = "for n in 1 2 3; do cat /proc/version | gzip -c | gunzip -c | sha256sum; done"


def run(folder: Path, cpus: int, *plugins: str, bios: str = "own", **options: object) -> Booted:
    done = boot(folder, COMMANDS, QUICK, smp=cpus, bios=BIOS[bios], plugins=[*plugins], **options)
    assert (done.result.exit_status, done.result.failures) == (0, []), "\n".join(done.lines)
    return done


@pytest.mark.parametrize("bios", BIOS)
@pytest.mark.parametrize("cpus", [2, 4, 8])
def test_everything_is_counted_twice(tmp_path: Path, cpus: int, bios: str) -> None:
    result = run(tmp_path, cpus, "icount", "hotblocks", bios=bios, check=True).result
    assert result.plugins["icount"]["total"]["instructions"] == result.instructions
    blocks = sum(vcpu.blocks for vcpu in result.vcpus)
    assert result.plugins["hotblocks"]["executions"] == blocks
    assert result.check["difference"] == ""


@pytest.mark.parametrize("cpus", [2, 4, 8])
def test_counters_and_probes_agree(tmp_path: Path, cpus: int) -> None:
    result = run(tmp_path, cpus, f"{FIVE_WAYS},python=no,bus=no").result
    report = result.plugins["five_ways"]
    for vcpu, counters in zip(result.vcpus, report["vcpus"], strict=True):
        found = report["found"][str(vcpu.index)]
        assert counters["instructions"] == vcpu.instructions
        assert counters["blocks"] == found["probed blocks"] == vcpu.blocks
        assert counters["accesses"] == found["probed accesses"] > 0


@pytest.mark.parametrize("cpus", [2, 4, 8])
def test_calls_of_functions_are_counted_four_ways(tmp_path: Path, cpus: int) -> None:
    result = run(tmp_path, cpus, str(PLUGINS / "four_ways.py")).result
    report = result.plugins["four_ways"]
    for vcpu, counters in zip(result.vcpus, report["vcpus"], strict=True):
        found, counted = report["found"][str(vcpu.index)], counters["counted"]
        assert found == {"called": counted, "probed": counted, "sent": counted}
        assert counted > 0


def test_every_access_of_a_boot_is_delivered(tmp_path: Path) -> None:
    block = {"memtrace": "block"}
    result = run(tmp_path, 2, "memtrace", policies=block).result
    ledger = result.ledger["memtrace.access"]
    assert ledger["emitted"] == ledger["delivered"] == result.plugins["memtrace"]["accesses"]
    assert (ledger["dropped"], ledger["in_flight"]) == (0, 0)
    assert ledger["emitted"] > 100_000_000
