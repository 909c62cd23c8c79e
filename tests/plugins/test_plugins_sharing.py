"""sharing: the lines and variables of a guest whose counters are close, apart, or one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_runs import replay, run

from mttcg.errors import PluginError
from mttcg.instrument import events
from mttcg.instrument.loading.loader import load_plugin
from mttcg_bus import RunInfo
from mttcg_plugins import sharing

ROUNDS = 1000
BASE = 0x8000_0000
RUN = RunInfo("run", "guest.elf", 4, "llvm", BASE, 1 << 20, BASE, ((BASE, 256, "data"),))


def names(report: Any) -> list[tuple[str, str]]:
    return [(row["symbols"], row["sharing"]) for row in report["lines"]]


def test_counters_in_lines_of_their_own_are_clean() -> None:
    report = run("sharing", "sharing", rounds=ROUNDS, fault=0)
    assert report["lines"] == report["variables"] == report["code"] == []


def test_counters_beside_each_other_share_falsely(tmp_path: Path) -> None:
    recording = tmp_path / "sharing.rec"
    report = run("sharing", "sharing", rounds=ROUNDS, fault=1, record=recording)
    assert names(report) == [("close_counters", "false")]
    [line] = report["lines"]
    # hart 0 clears .bss, and adds the counters up twice
    assert line["true"] == 1 + 1 + 2
    assert 2 * ROUNDS <= line["moves"] <= 2 * ROUNDS + 64 / 8
    first, second = report["variables"]
    assert (first["cpu0_writes"], first["cpu1_writes"], first["cpu1_reads"]) == (ROUNDS + 1, 0, 0)
    assert (second["cpu1_writes"], second["cpu1_reads"]) == (ROUNDS, ROUNDS)
    assert {row["symbol"].partition("+")[0] for row in report["code"]} == {"guest_main"}
    assert replay(recording, "sharing") == report
    assert replay(recording, "sharing,line=8")["lines"] == []


def test_one_counter_is_shared_truly_and_shards_find_the_same() -> None:
    report = run("sharing", "sharing", rounds=ROUNDS, fault=2, shards=2)
    assert names(report) == [("common_counter", "true")]
    assert report["lines"][0]["true"] == 2 * ROUNDS + 1  # hart 0 clears it first


def fed(accesses: list[tuple[int, int, int, int]], **options: Any) -> Any:
    aggregator = sharing.Aggregator(sharing.Options(least=1, **options), RUN)
    for cpu, address, size, write in accesses:
        records = np.zeros(1, events.ACCESS)
        records["address"], records["size"], records["write"] = BASE + address, size, write
        aggregator.consume("access", cpu, records)
    return aggregator.report()


def test_bytes_are_told_apart_and_overlaps_are_not() -> None:
    assert fed([(0, 0, 1, 1), (1, 1, 1, 1)])["false"] == 2
    assert fed([(0, 0, 1, 1), (1, 1, 1, 1)])["true"] == 0
    assert fed([(0, 0, 4, 1), (1, 3, 1, 0)])["true"] == 1
    assert fed([(0, 0, 4, 1), (1, 4, 4, 0)])["true"] == 0


def test_who_only_reads_shares_nothing() -> None:
    assert fed([(0, 0, 8, 0), (1, 0, 8, 0)])["shared_lines"] == 0
    assert fed([(0, 0, 8, 1), (0, 8, 8, 0)])["shared_lines"] == 0


def test_an_access_over_the_end_of_a_line_is_in_both() -> None:
    report = fed([(0, 60, 8, 1), (1, 56, 8, 0), (2, 64, 8, 0)])
    assert [row["line"] for row in report["lines"]] == [hex(BASE), hex(BASE + 64)]
    assert report["true"] == 2


def test_devices_have_no_lines() -> None:
    assert fed([(0, 0x1000_0000 - BASE, 1, 1), (1, 0x1000_0000 - BASE, 1, 1)])["shared_lines"] == 0


def test_many_pairs_are_counted_exactly() -> None:
    generator = np.random.default_rng(5)
    first = generator.integers(0, 200, 50_000).astype(np.uint64)
    second = generator.integers(0, 150, 50_000).astype(np.uint64)
    counts = sharing.PairCounts(4)
    for start in range(0, len(first), 7_000):
        counts.add(first[start : start + 7_000], second[start : start + 7_000])
    keys, found = counts.found()
    expected = np.unique(np.stack([first, second], 1), axis=0, return_counts=True)
    order = np.lexsort((keys[:, 1], keys[:, 0]))
    assert np.array_equal(keys[order], expected[0])
    assert np.array_equal(found[order], expected[1])


@pytest.mark.parametrize("line", ["0", "48", "-64"])
def test_a_line_that_there_cannot_be_is_refused(line: str) -> None:
    with pytest.raises(PluginError, match="line"):
        load_plugin(f"sharing,line={line}")
