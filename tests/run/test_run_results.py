"""Results in Python: as frames, in a notebook, and awaited."""

import asyncio
from io import BytesIO
from typing import Any

import pandas
import polars
import pytest
from report_samples import Reader, result
from run_harness import guest

from mttcg import Machine, RunResult, UserError
from mttcg.report.page import run_fragment
from mttcg.supervisor.results.result import Status
from mttcg.version import VERSION


@pytest.fixture(scope="module")
def found() -> RunResult:
    plugins = ["icount", "memtrace,top=3", "callgraph"]
    return Machine(guest("hello"), smp=2, plugins=plugins).run(console=BytesIO())


def test_every_table_is_a_frame(found: RunResult) -> None:
    tables = found.tables()
    assert {"vcpus", "ledger", "icount: vcpus", "memtrace: hottest"} <= tables.keys()
    for name, rows in tables.items():
        for frame in (found.to_polars(name), found.to_pandas(name)):
            assert len(frame) == len(rows)
            assert list(frame.columns) == list(dict.fromkeys(key for row in rows for key in row))


def test_a_frame_has_the_numbers(found: RunResult) -> None:
    vcpus = found.to_polars()
    assert isinstance(vcpus, polars.DataFrame)
    assert vcpus["instructions"].sum() == found.instructions
    assert vcpus["cache_hits"].to_list() == [vcpu.cache_hits for vcpu in found.vcpus]
    counted = found.to_pandas("icount: vcpus")
    assert isinstance(counted, pandas.DataFrame)
    assert counted["instructions"].sum() == found.instructions


def test_facts_of_the_host_are_looked_up_when_they_are_asked_for(found: RunResult) -> None:
    assert dict(found.host) == found.to_json()["host"]
    assert found.host["mttcg"] == VERSION
    assert len(found.host) == len(list(found.host)) > 5
    assert repr(found.host) == repr(dict(found.host))
    with pytest.raises(KeyError):
        found.host["nothing"]


def test_who_runs_a_guest_is_told_of_its_start_once() -> None:
    told: list[str] = []
    Machine(guest("hello")).run(console=BytesIO(), on_started=lambda: told.append("started"))
    assert told == ["started"]


def test_a_table_that_is_not_there_is_told(found: RunResult) -> None:
    with pytest.raises(UserError, match="none called 'hotblocks'; expected one of: vcpus, ledger"):
        found.to_polars("hotblocks")


def test_a_notebook_shows_what_the_page_shows(found: RunResult) -> None:
    shown = Reader(found._repr_html_())
    assert shown.tags[0] == ("div", {"class": "mttcg"})
    assert shown.count("script") == 0
    assert "callgraph: flame graph" in shown.texts["figcaption"]
    assert shown.texts["h2"][:2] == ["vCPUs", "Bus"]


def test_a_fragment_keeps_to_itself() -> None:
    shown = Reader(run_fragment(result()))
    assert (shown.count("img"), shown.count("b"), shown.count("script")) == (0, 0, 0)
    [style] = shown.texts["style"]
    assert style.startswith(".mttcg {")
    assert style.count("{") == style.count("}")
    assert "body {" not in style


def test_a_run_is_awaited_while_the_loop_goes_on() -> None:
    async def work() -> tuple[RunResult, int]:
        ticks = 0
        console = BytesIO()
        task = asyncio.create_task(Machine(guest("hello"), smp=2).run_async(console))
        while not task.done():
            await asyncio.sleep(0)
            ticks += 1
        assert console.getvalue().count(b"hello from hart") == 2
        return task.result(), ticks

    ended, ticks = asyncio.run(work())
    assert (ended.stop_reason, ended.exit_status) == ("the guest ended", 0)
    assert ticks > 10


@pytest.mark.parametrize("early", [True, False])
def test_a_run_that_is_cancelled_is_stopped_in_order(early: bool) -> None:
    ended: list[RunResult] = []

    class Watched(Machine):
        def _run(self, *given: Any) -> RunResult:
            ended.append(super()._run(*given))
            return ended[0]

    async def work() -> None:
        runs = asyncio.Event()
        loop = asyncio.get_running_loop()

        def seen(_status: Status) -> None:
            loop.call_soon_threadsafe(runs.set)

        machine = Watched(guest("spin"))
        task = asyncio.create_task(machine.run_async(BytesIO(), on_status=seen))
        await (asyncio.sleep(0) if early else runs.wait())
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(work())
    if not early:
        assert [each.stop_reason for each in ended] == ["interrupted"]
        assert ended[0].failures == []
    assert [each.stop_reason for each in ended] in ([], ["interrupted"])


def test_an_argument_that_there_is_not_is_refused() -> None:
    with pytest.raises(TypeError, match="no argument consol"):
        asyncio.run(Machine(guest("hello")).run_async(consol=None))
