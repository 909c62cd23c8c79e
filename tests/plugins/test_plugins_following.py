"""Plugins whose records follow from each other, as they come from several vCPUs, or with gaps.

Parts merge to the whole as those of other plugins do; a record that others should have been before
is no fault: a plugin may come into a run in its middle, and streams may lose records.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from aggregator_maker import BASE, SMP, Batches, Maker, check_law
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from mttcg.instrument import GuestProcess, MappedArea, ModuleSymbol
from mttcg_plugins._linux import calls, profiles, switches
from mttcg_plugins._linux.calls import ENTER, RETURN, ROOM
from mttcg_plugins._linux.switches import BEGIN, END, NAMED, NOBODY, START, SWITCH

PIDS = (1, 2, 3, 4)
KERNEL = 0xFFFF_FFFF_8000_0000
WRITE, LONG = 64, '"' + "x" * ROOM + '"'


def process(pid: int, comm: str = "", times: int = 0) -> GuestProcess:
    return GuestProcess(pid, pid, comm or f"p{pid}", pid * 4096, 1, "S", 0, 0, times, 0)


class Clock:
    """Times that several vCPUs may have at once."""

    def __init__(self, draw: Any) -> None:
        self.draw, self.time = draw, 0

    def tick(self) -> int:
        self.time += self.draw(some.integers(0, 3))
        return self.time


def switching(draw: Any) -> Iterator[tuple[str, int, Any]]:
    """Threads go from vCPU to vCPU, are made, and named anew."""
    clock, counts = Clock(draw), dict.fromkeys(range(SMP), 0)
    running = dict.fromkeys(range(SMP), NOBODY)

    def told(what: int, cpu: int, who: GuestProcess, before: GuestProcess = NOBODY) -> Any:
        counts[cpu] += draw(some.integers(0, 9))
        at = clock.tick(), counts[cpu], counts[cpu] // 2
        return "switches", cpu, switches.record_of(what, cpu, at, who, before)

    for cpu in range(SMP):
        yield told(BEGIN, cpu, NOBODY)
    for times in range(draw(some.integers(0, 12))):
        cpu = draw(some.integers(0, SMP - 1))
        free = [pid for pid in PIDS if pid not in {each.pid for each in running.values()}]
        what = draw(some.sampled_from((START, NAMED, SWITCH, SWITCH, SWITCH)))
        after = process(draw(some.sampled_from(free)), draw(some.sampled_from(("", "x"))), times)
        if what == SWITCH:
            yield told(what, cpu, after, running[cpu])
            running[cpu] = after
        else:
            yield told(what, cpu, after)
    for cpu in range(SMP):
        yield told(END, cpu, NOBODY)


def calling(draw: Any) -> Iterator[tuple[str, int, Any]]:
    """Processes begin calls, and return on any vCPU; what they say is longer than a record."""
    clock, inside = Clock(draw), set[int]()
    for _ in range(draw(some.integers(0, 12))):
        cpu, pid = draw(some.integers(0, SMP - 1)), draw(some.sampled_from(PIDS))
        what = RETURN if pid in inside else ENTER
        inside ^= {pid}
        call = WRITE, (pid, 0, 0, 0, 0, 0), draw(some.sampled_from((-1, 0, 5)))
        texts = draw(some.sampled_from((("1", LONG), ("2", ""), ("3", LONG * 2))))
        records = calls.records_of(process(pid), cpu, clock.tick(), what, call, texts)
        yield "calls", cpu, records


def profiling(draw: Any) -> Iterator[tuple[str, int, Any]]:
    """Samples and counts of kernel and programs, and what is mapped where."""
    clock = Clock(draw)
    modules = [ModuleSymbol(KERNEL, 64, "of_module", "ext4")]
    yield "modules", 0, profiles.module_records(modules)
    for _ in range(draw(some.integers(0, 12))):
        cpu, pid = draw(some.integers(0, SMP - 1)), draw(some.sampled_from(PIDS))
        pc = draw(some.sampled_from((BASE, BASE + 4, KERNEL, KERNEL + 4, KERNEL + 64)))
        kind = draw(some.sampled_from(("samples", "counts", "areas")))
        if kind == "areas":
            path = draw(some.sampled_from(("/bin/one", "/bin/two")))
            area = MappedArea(BASE, BASE + 4096, 0, path, "r-xp")
            yield kind, cpu, profiles.area_records(process(pid), [area], lambda _area: None)
            continue
        record = np.zeros(1, profiles.SAMPLE if kind == "samples" else profiles.TALLY)
        one = record[0]
        one["cpu"], one["tgid"], one["space"] = cpu, pid, pid * 4096
        one["comm"] = profiles.comm_bytes(f"p{pid}")
        if kind == "samples":
            one["time"], one["pid"], one["depth"], one["stack"][0] = clock.tick(), pid, 1, pc
        else:
            one["pc"], one["instructions"] = pc, draw(some.integers(1, 9))
        yield kind, cpu, record


KINDS = {"processes": switching, "syscalls": calling, "profile": profiling}
relaxed = settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", KINDS)
@relaxed
@given(data=some.data())
def test_parts_merge_to_the_whole(name: str, tmp_path: Path, data: some.DataObject) -> None:
    what: Batches = list(KINDS[name](data.draw))
    check_law(Maker(f"{name},out={tmp_path / 'out'}"), what)


@pytest.mark.parametrize("name", KINDS)
@relaxed
@given(data=some.data())
def test_records_may_be_missing(name: str, tmp_path: Path, data: some.DataObject) -> None:
    what = [
        (stream, cpu, records[data.draw(some.integers(0, 1)) :])
        for stream, cpu, records in KINDS[name](data.draw)
        if data.draw(some.booleans())
    ]
    check_law(Maker(f"{name},out={tmp_path / 'out'}"), what)


def test_all_that_ran_is_somebodys() -> None:
    """The sum is the vCPUs', from the first record of each on that says who runs."""
    one, two = process(1), process(2)
    what = [
        ("switches", 0, switches.record_of(SWITCH, 0, (10, 100, 0), one, two)),  # no BEGIN
        ("switches", 0, switches.record_of(SWITCH, 0, (20, 150, 0), two, one)),
        ("switches", 0, switches.record_of(END, 0, (30, 170, 0), NOBODY)),
        ("switches", 1, switches.record_of(END, 1, (30, 50, 0), NOBODY)),
    ]
    maker = Maker("processes")
    report = maker.fed(what).report()
    rows = {row["pid"]: row["instructions"] for row in report["by thread"] if row["pid"]}
    assert rows == {1: 50, 2: 20}


def test_text_of_a_call_that_is_missing_goes_to_no_other() -> None:
    call = WRITE, (0,) * 6, 1
    first = calls.records_of(process(1), 0, 1, ENTER, call, ("1", "2"))
    second = calls.records_of(process(2), 0, 2, ENTER, call, ("1", LONG * 3))
    aggregator = Maker("syscalls").empty()
    aggregator.begin()
    aggregator.consume("calls", 0, first)
    aggregator.lost("calls", 0, 1)
    aggregator.consume("calls", 0, second[1:])
    [found] = aggregator.events.calls()  # type: ignore[attr-defined]
    assert found.texts == ["1", "2"]
