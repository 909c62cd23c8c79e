"""The plugins that come with mttcg, against each other and against the result's own counts."""

from collections import Counter as Tally
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from instrument_harness import Done, run_guest

from mttcg.instrument import events

PAGE = 4096
RUNS = {"hello": ({"harts_expected": 1}, 1), "counter": ({"rounds": 50, "harts_expected": 2}, 2)}


@pytest.fixture(scope="module")
def traced(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], tuple[Done, Any]]:
    """Runs with all plugins, and the records that memtrace wrote."""
    known: dict[str, tuple[Done, Any]] = {}

    def run(guest: str) -> tuple[Done, Any]:
        if guest not in known:
            out = tmp_path_factory.mktemp("memtrace") / f"{guest}.npy"
            symbols, smp = RUNS[guest]
            specs = ("empty", "icount", "hotblocks,top=0", f"memtrace,top=0,out={out}")
            done = run_guest(guest, *specs, smp=smp, symbols=symbols)
            assert done.in_order, done.result.failures
            known[guest] = done, out
        return known[guest]

    return run


@pytest.mark.parametrize("guest", RUNS)
def test_icount_is_what_the_result_says(
    traced: Callable[[str], tuple[Done, Any]], guest: str
) -> None:
    done, _ = traced(guest)
    expected = [
        {"cpu": vcpu.index, "instructions": vcpu.instructions, "blocks": vcpu.blocks}
        for vcpu in done.result.vcpus
    ]
    report = done.report("icount")
    assert report["vcpus"] == expected
    assert report["total"] == {
        "instructions": done.result.instructions,
        "blocks": sum(vcpu.blocks for vcpu in done.result.vcpus),
    }
    assert done.report("empty") == {}


def test_hotblocks_add_up_to_the_instructions(
    traced: Callable[[str], tuple[Done, Any]], counted: Callable[[str, int], Done]
) -> None:
    # `hello` with one hart takes no trap: all that its blocks hold is executed, but for what stands
    # behind the store that ends it, in the same block: a wfi.
    done, _ = traced("hello")
    report = done.report("hotblocks")
    rows = report["hottest"]
    total = sum(row["executions"] * row["instructions"] for row in rows)
    assert total == done.result.instructions + 1 == counted("hello", 1).result.instructions + 1
    last = [row for row in rows if row["disassembly"].endswith("wfi")]
    assert [row["executions"] for row in last] == [1]
    assert report["blocks"] == len(rows)


@pytest.mark.parametrize("guest", RUNS)
def test_hotblocks_count_every_entry(traced: Callable[[str], tuple[Done, Any]], guest: str) -> None:
    done, _ = traced(guest)
    report = done.report("hotblocks")
    assert report["executions"] == sum(row["executions"] for row in report["hottest"])
    for vcpu in done.result.vcpus:
        assert sum(row[f"cpu{vcpu.index}"] for row in report["hottest"]) == vcpu.blocks
    executions = [row["executions"] for row in report["hottest"]]
    assert executions == sorted(executions, reverse=True)


@pytest.mark.parametrize("guest", RUNS)
def test_memtrace_s_file_has_every_access(
    traced: Callable[[str], tuple[Done, Any]], guest: str
) -> None:
    done, path = traced(guest)
    report = done.report("memtrace")
    records = np.load(path, mmap_mode="r")
    ledger = done.result.ledger["memtrace.access"]
    assert records.dtype == events.ACCESS
    assert report["accesses"] == len(records) == ledger["emitted"] == ledger["delivered"]
    for vcpu, row in zip(done.result.vcpus, report["vcpus"], strict=True):
        own = records[records["cpu"] == vcpu.index]
        writes = int(np.count_nonzero(own["write"]))
        assert row == {"cpu": vcpu.index, "reads": len(own) - writes, "writes": writes}
    pages = Tally((records["address"] // PAGE * PAGE).tolist())
    shown = {int(row["page"], 16): row["reads"] + row["writes"] for row in report["hottest"]}
    assert shown == dict(pages)
    assert set(records["size"].tolist()) <= {1, 2, 4, 8}


def test_memtrace_counts_what_counters_count(
    traced: Callable[[str], tuple[Done, Any]], counted: Callable[[str, int], Done]
) -> None:
    done, _ = traced("hello")
    counter = counted("hello", 1).report("five_ways")["total"]["accesses"]
    assert done.report("memtrace")["accesses"] == counter


def test_polars_reads_memtrace_s_file(traced: Callable[[str], tuple[Done, Any]]) -> None:
    polars = pytest.importorskip("polars")
    done, path = traced("counter")
    frame = polars.from_numpy(np.load(path))
    assert frame.columns == list(events.ACCESS.names or ())
    reads = frame.filter(polars.col("write") == 0).group_by("cpu").len().sort("cpu")
    report = done.report("memtrace")
    assert reads["len"].to_list() == [row["reads"] for row in report["vcpus"]]
