from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from report_samples import EVIL, Reader, result, vcpu

from mttcg.instrument import figures
from mttcg.report.page import SCRIPT, STYLE, replay_page, run_page
from mttcg.supervisor.results.result import json_ready

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner),
    max_leaves=12,
)


def plots_of(page: str) -> list[str]:
    return Reader(page).texts.get("figcaption", [])


def test_whatever_a_guest_or_plugin_calls_itself_is_text() -> None:
    reader = Reader(run_page(result(), {"symbols set": {EVIL: 1}, "policy": EVIL}))
    assert reader.texts["script"] == [SCRIPT]
    assert reader.texts["style"] == [STYLE]
    assert (reader.count("img"), reader.count("b")) == (0, 0)
    assert reader.texts["h1"] == [f"{EVIL}.elf on llvm: the guest ended"]
    cells = reader.texts["td"]
    assert EVIL in cells
    assert "&amp; a\\x1b[31m \\ud800" in cells


def test_a_page_needs_nothing_but_itself() -> None:
    reader = Reader(run_page(result(), {}))
    links = [
        value
        for _, attributes in reader.tags
        for name, value in attributes.items()
        if name in {"src", "href", "data", "action", "style"} or name.startswith("on")
    ]
    assert links == ["data:,"]
    [policy] = [a["content"] for tag, a in reader.tags if tag == "meta" and "http-equiv" in a]
    assert policy is not None
    assert policy.startswith("default-src 'none'; ")


def test_what_the_json_has_is_there() -> None:
    reader = Reader(run_page(result(), {"memory": 134217728}))
    assert reader.texts["h2"] == [
        *("vCPUs", "Not supported", "Bus", "Plugin memtrace", "Plugin hotblocks", "Plugin icount"),
        *(f"Plugin {EVIL}", "About"),
    ]
    assert reader.texts["p"] == [f"two lines\n{EVIL}", EVIL]
    for shown in (
        "2,000,000",
        "memtrace.access",
        "exit status",
        "134,217,728",
        "0x80000040",
        "3 more",
    ):
        assert shown in reader.texts["td"]


def test_tables_of_amounts_are_drawn() -> None:
    assert plots_of(run_page(result(), {})) == [
        *("instructions", "time", "block cache", "records by stream"),
        "memtrace: hottest: reads and writes",
        "hotblocks: hottest: by vCPU, first 24 of 30",
        "icount: vcpus: instructions and blocks",
        *(f"{EVIL}: flat: {EVIL}",),
    ]


def test_bars_are_as_long_as_their_values_say() -> None:
    reader = Reader(run_page(result(plugins={}, ledger={}), {}))
    bars = [a for tag, a in reader.tags if tag == "rect" and (a.get("class") or "")[:3] == "bar"]
    widths = [float(bar["width"] or "") for bar in bars]
    assert widths[1] == pytest.approx(2 * widths[0], abs=0.2)  # instructions of two vCPUs
    running, stalled, idle = widths[2:5]
    assert (running, idle) == pytest.approx((3 * stalled, 2 * stalled), abs=0.3)


def test_a_vcpu_that_never_ran_and_a_run_without_a_bus_have_a_page() -> None:
    idle = vcpu(0, instructions=0, seconds_running=0.0, seconds_idle=0.0, seconds_stalled=0.0)
    reader = Reader(run_page(result(vcpus=[idle], ledger={}, plugins={}, unsupported=[]), {}))
    assert reader.texts["h2"] == ["vCPUs", "About"]


def test_a_long_table_is_there_as_a_whole() -> None:
    rows = [{"pc": "0x0", "n": n} for n in range(5000)]
    reader = Reader(run_page(result(plugins={"p": {"rows": rows}}), {}))
    cells = reader.texts["td"]
    assert [n for n in range(5000) if f"{n:,}" not in cells] == []


STACKS = {("a",): 1.0, ("a", "b"): 3.0, ("a", "b", EVIL): 4.0, ("c",): 2.0}
FIGURES = {
    "bars": figures.bars(["x", EVIL], {"one": [1, 2], "two": [3, None]}, unit="s", stacked=True),
    "series": figures.series({"load": [(0, 1), (1, 4)]}, x="s", y="vCPUs"),
    "heat map": figures.heat_map(["r"], ["a", "b"], [[1, None]]),
    "flame graph": figures.flame_graph(STACKS, "instructions"),
}


def test_a_plugin_supplies_figures() -> None:
    report = {"rows": [{"n": "text"}], **json_ready(FIGURES), "total": 4}
    reader = Reader(run_page(result(plugins={"p": report}, ledger={}), {}))
    assert reader.texts["figcaption"][3:] == [f"p: {name}" for name in FIGURES]
    assert reader.texts["h3"][-5:-3] == ["p", "p: rows"]
    tips = reader.texts["title"]
    assert "a: 8 instructions" in tips
    assert f"{EVIL}: 4 instructions" in tips
    assert f"{EVIL}: one 2" in tips


@pytest.mark.parametrize(
    "broken",
    [
        {"figure": "bars"},
        {"figure": "pie", "labels": []},
        {"figure": ["bars"], "labels": [], "series": {}},
        {"figure": "bars", "labels": ["a"], "series": {"x": []}},
        {"figure": "bars", "labels": ["a"], "series": {"x": ["text"]}},
        {"figure": "series", "points": {"x": [[1, 2, 3]]}},
        {"figure": "heat map", "rows": ["a"], "columns": [], "values": [[1]]},
        {"figure": "flame graph", "stacks": [["a"]]},
        {"figure": "flame graph", "stacks": [[["a"], "much"]]},
    ],
)
def test_what_only_looks_like_a_figure_is_shown_as_it_is(broken: dict[str, Any]) -> None:
    reader = Reader(run_page(result(plugins={"p": {"it": broken}}, ledger={}), {}))
    assert reader.texts["figcaption"][3:] == []
    assert any(title.startswith("p") for title in reader.texts["h3"])


def test_small_stacks_are_part_of_those_that_they_were_called_from() -> None:
    stacks = {("a", str(n)): 1.0 for n in range(10_000)} | {("a", "large"): 10_000.0}
    figure = figures.flame_graph(stacks)
    assert figure["stacks"] == [[["a"], 10_000.0], [["a", "large"], 10_000.0]]


def test_a_replay_says_what_it_lacks() -> None:
    outcome = {
        "plugin": "memtrace",
        "report": {"accesses": 3, "hottest": [{"page": "0x0", "symbol": EVIL, "reads": 3}]},
        "complete": False,
        "missing": [{"stream": "memtrace.access", "cpu": 1}],
        "gaps": [{"stream": "memtrace.access", "cpu": 0, "records": 7}],
        "failure": "good up to 77 bytes",
    }
    reader = Reader(replay_page(outcome, {"recording": "a.rec"}))
    assert reader.texts["h1"] == ["memtrace: incomplete"]
    assert reader.texts["p"] == ["good up to 77 bytes"]
    assert reader.texts["h3"] == ["memtrace", "memtrace: hottest", "gaps", "missing", "settings"]


@given(JSON)
def test_any_report_has_a_page(report: Any) -> None:
    text = run_page(result(plugins={"any": json_ready(report)}), {})
    assert Reader(text).texts["script"] == [SCRIPT]
