"""cache: walks and a ping-pong with known misses, and a model in plain Python finds the same."""

from collections import Counter, OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from plugin_runs import replay, run

from mttcg.errors import OptionError, PluginError
from mttcg.instrument import events
from mttcg.instrument.loading.loader import load_plugin
from mttcg_bus import RunInfo
from mttcg_bus.recording.recording import Recording
from mttcg_bus.subscriber.items import Batch
from mttcg_bus.wire.stream import Records
from mttcg_plugins import cache
from mttcg_plugins._order.merging import InTimeOrder

PASSES, ROUNDS = 4, 20
LINES = {"small": 256, "middle": 2048, "large": 16384, "huge": 65536}
BASE = 0x8000_0000
RUN = RunInfo("run", "guest.elf", 3, "llvm", BASE, 1 << 20, BASE, ((BASE, 256, "data"),))
SMALL = cache.Options(l1="256", l1_ways=2, l2="1K", l2_ways=2, llc="2K", llc_ways=4, line=32)


class Model:
    """The same caches without any art: sets of lines, the one used last at the end."""

    def __init__(self, smp: int, options: cache.Options) -> None:
        self.smp, self.line, self.shapes = smp, options.line, options.shapes()
        self.levels: list[dict[tuple[int, int], OrderedDict[int, str]]] = [{}, {}, {}]
        self.counts = [Counter[str]() for _ in range(smp)]

    def ways(self, level: int, cpu: int, line: int) -> OrderedDict[int, str]:
        return self.levels[level].setdefault((cpu, line % self.shapes[level][0]), OrderedDict())

    def weaken(self, cpu: int, line: int, state: str) -> bool:
        there = False
        for level, below in ((0, None), (1, 2)):
            ways = self.ways(level, cpu, line)
            if line in ways:
                there = True
                if ways[line] == "M":
                    self.counts[cpu][f"l{level + 1}_write_backs"] += 1
                    if below is not None:
                        self.ways(below, 0, line)[line] = "M"
                if state == "I":
                    del ways[line]
                else:
                    ways[line] = state
        return there

    def room(self, level: int, cpu: int, line: int) -> OrderedDict[int, str]:
        ways = self.ways(level, 0 if level == 2 else cpu, line)
        if len(ways) == self.shapes[level][1]:
            oldest = next(iter(ways))
            if level == 2:
                for other in range(self.smp):
                    self.counts[other]["evicted_by_llc"] += self.weaken(other, oldest, "I")
                self.counts[cpu]["llc_write_backs"] += ways.pop(oldest) == "M"
            elif level == 1:
                self.weaken(cpu, oldest, "I")
            else:
                self.counts[cpu]["l1_write_backs"] += ways.pop(oldest) == "M"
        return ways

    def has(self, level: int, cpu: int, line: int) -> bool:
        name = ("l1", "l2", "llc")[level]
        ways = self.ways(level, 0 if level == 2 else cpu, line)
        self.counts[cpu][f"{name}_{'hits' if line in ways else 'misses'}"] += 1
        if line in ways:
            ways.move_to_end(line)
        return line in ways

    def load(self, cpu: int, line: int) -> None:
        if self.has(0, cpu, line):
            return
        if not self.has(1, cpu, line):
            if not self.has(2, cpu, line):
                self.room(2, cpu, line)[line] = "S"
            others = [self.weaken(n, line, "S") for n in range(self.smp) if n != cpu]
            self.room(1, cpu, line)[line] = "S" if any(others) else "E"
        self.room(0, cpu, line)[line] = "S"

    def access(self, cpu: int, line: int, write: bool) -> None:
        self.load(cpu, line)
        self.counts[cpu]["writes" if write else "reads"] += 1
        if write:
            if self.ways(1, cpu, line)[line] == "S":
                for other in range(self.smp):
                    if other != cpu:
                        self.counts[other]["invalidations"] += self.weaken(other, line, "I")
            self.ways(0, cpu, line)[line] = self.ways(1, cpu, line)[line] = "M"

    def follow(self, records: Records, info: RunInfo) -> None:
        for record in records:
            address, size, how = (int(record[name]) for name in ("address", "size", "how"))
            fence = how & events.KIND == events.FENCE
            if fence or how & events.FAILED or not 0 <= address - info.ram_base < info.ram_size:
                continue
            for line in range(address // self.line, (address + size - 1) // self.line + 1):
                self.access(int(record["cpu"]), line, bool(how & events.WRITE))


def rows_of(report: Any) -> list[dict[str, int]]:
    return [a | b for a, b in zip(report["vcpus"], report["moved"], strict=True)]


def same(report: Any, model: Model) -> None:
    for row, counts in zip(rows_of(report), model.counts, strict=True):
        names = set(row) - {"cpu", "accesses"}
        assert {name: row[name] for name in names} == {name: counts[name] for name in names}


def whole(report: Any) -> None:
    """Every access, and every miss, is a hit or a miss of the level that it reaches."""
    for row in report["vcpus"]:
        assert row["accesses"] == row["reads"] + row["writes"]
        assert row["accesses"] == row["l1_hits"] + row["l1_misses"]
        assert row["l1_misses"] == row["l2_hits"] + row["l2_misses"]
        assert row["l2_misses"] == row["llc_hits"] + row["llc_misses"]
    for table in ("data", "code"):
        assert report["accesses"] == sum(row["accesses"] for row in report[table])
        for level in ("l1", "l2", "llc"):
            total = sum(row[f"{level}_misses"] for row in report["vcpus"])
            assert total == sum(row[f"{level}_misses"] for row in report[table])
        lost = sum(row["invalidations"] for row in report["moved"])
        assert lost == sum(row["invalidations"] for row in report[table])


def test_walks_miss_where_they_do_not_fit_and_a_handed_line_is_lost_each_time() -> None:
    report = run("caches", "cache,top=0", rounds=ROUNDS)
    whole(report)
    walks = {
        row["symbol"].removeprefix("walk_"): [row[f"{n}_misses"] for n in ("l1", "l2", "llc")]
        for row in report["code"]
        if row["symbol"].startswith("walk_")
    }
    once, always = (1, PASSES)
    expected = {"small": (once,) * 3, "middle": (always, once, once)}
    expected |= {"large": (always, always, once), "huge": (always,) * 3}
    for name, lines in LINES.items():
        for found, times in zip(walks[name], expected[name], strict=True):
            assert 0 <= found - lines * times <= 8, name  # the stack's lines besides
    [ball] = [row for row in report["data"] if row["symbol"] == "ball"]
    # before the first time hart 1 may have looked, or not
    assert 2 * ROUNDS - 1 <= ball["invalidations"] <= 2 * ROUNDS


def test_a_recording_gives_what_the_model_finds(tmp_path: Path) -> None:
    recording = tmp_path / "cache.rec"
    spec = "cache,top=0,l1=1K,l1_ways=2,l2=4K,l2_ways=4,llc=16K,llc_ways=4,line=32"
    report = run("sharing", spec, rounds=300, fault=2, record=recording)
    assert report["accesses"] > 2000
    assert sum(row["invalidations"] for row in report["moved"]) > 0
    whole(report)
    assert replay(recording, spec) == report
    assert replay(recording, "cache")["accesses"] == report["accesses"]  # none lies in two lines
    options = load_plugin(spec).options
    assert isinstance(options, cache.Options)
    with Recording(recording) as opened:
        info, found = opened.run, []
        order = InTimeOrder(info.smp, info.ticks_per_second)
        for item in opened:
            if isinstance(item, Batch):
                found.append(order.add(item.cpu, item.records))
        found.append(order.finish())
    model = Model(info.smp, options)
    for records in found:
        model.follow(records, info)
    same(report, model)


def records_of(count: int, seed: int) -> Records:
    """Accesses of three vCPUs, a few lines often and many seldom, some over the end of a line."""
    generator = np.random.default_rng(seed)
    records = np.zeros(count, events.TIMED_ACCESS)
    near, far = generator.integers(0, 512, count), generator.integers(0, 16384, count)
    records["address"] = BASE + np.where(generator.random(count) < 0.6, near, far)
    records["pc"], records["time"] = BASE, np.arange(count)
    records["cpu"] = generator.integers(0, 3, count)
    records["size"] = generator.choice([1, 2, 4, 8], count)
    records["how"] = generator.choice([0, 0, events.WRITE, events.AMO, events.FENCE], count)
    return records


@pytest.mark.parametrize("seed", range(5))
def test_random_accesses_give_what_the_model_finds(seed: int) -> None:
    aggregator = cache.Aggregator(SMALL, RUN)
    records = records_of(8_000, seed)
    aggregator.hierarchy.add(records[:3_000])
    aggregator.hierarchy.add(records[3_000:])
    aggregator.end()
    report, model = aggregator.report(), Model(RUN.smp, SMALL)
    model.follow(records, RUN)
    whole(report)
    same(report, model)
    for name in ("invalidations", "evicted_by_llc", "l1_write_backs", "l2_write_backs"):
        assert all(row[name] for row in report["moved"]), name
    merged = cache.Aggregator(SMALL, RUN)
    for _ in range(2):
        merged.merge(aggregator)
    assert merged.report()["accesses"] == 2 * report["accesses"]


def test_shards_are_refused() -> None:
    with pytest.raises(OptionError, match="can't be divided"):
        run("caches", "cache", shards=2)


@pytest.mark.parametrize(
    "options",
    ["line=48", "l1=3K", "l2=big", "llc_ways=0", "l1=32,line=64", "l1=1G,line=32"],
)
def test_caches_that_there_cannot_be_are_refused(options: str) -> None:
    with pytest.raises(PluginError, match=options.partition("=")[0]):
        load_plugin(f"cache,{options}")


def test_the_largest_cache_there_can_be_is_taken() -> None:
    options = load_plugin("cache,llc=1G").options
    assert isinstance(options, cache.Options)
    assert options.shapes()[2] == (1 << 20, 16)
