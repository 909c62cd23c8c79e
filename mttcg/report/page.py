"""The pages of a run and of a replay: everything that the JSON has, as tables and plots."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from mttcg.report import plots
from mttcg.report.charts import charts_of
from mttcg.report.figures import drawn
from mttcg.report.markup import element, markup_of, page
from mttcg.report.parts import FigurePart, Part, Rows, Scalars, columns_of, parts_of
from mttcg.report.values import is_number, value_text

WIDE = 1200
"""Units of a drawing as wide as the page."""

NO_COLUMN = {"index", "cache", "registers", "unsupported", "host_work"}
"""What of a vCPU is shown otherwise than as a column under its own name."""

PARTS_OF_VCPU = {
    "unsupported": "unsupported",
    "host_work": "left to the host",
    "registers": "registers",
}
"""What has a table of its own, and what stands above that."""

CACHE_COUNTS = ("hits", "misses", "invalidated")
"""Counts of blocks, which add up to all look-ups; other counts of the cache do not."""

FRAGMENT_STYLE = (
    """
h1 { font-size: 1.5em; } h2 { border-bottom: 1px solid #8886; margin-top: 2em; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; margin: .6em 0; }
th, td { padding: .15em .6em; text-align: left; vertical-align: top; overflow-wrap: break-word; }
th { border-bottom: 1px solid #8888; cursor: pointer; }
tbody tr:nth-child(even) { background: #8881; }
td.number, th.number { text-align: right; }
td.number { white-space: nowrap; }
td.text { font-family: ui-monospace, monospace; font-size: .92em; }
.scroll { overflow-x: auto; }
.plot svg { width: 100%; }
.wrong { border-left: 4px solid #c33; padding-left: .8em; white-space: pre-wrap; }
.warning { border-left: 4px solid #d92; padding-left: .8em; }
.dim { opacity: .65; }
"""
    + plots.STYLE
)
"""Rules for the parts of a page, wherever they are."""
STYLE = (
    """
:root { color-scheme: light dark; }
body { font: 15px/1.45 system-ui, sans-serif; }
body { margin: 1.5em auto; max-width: 1600px; padding: 0 1.5em; }
"""
    + FRAGMENT_STYLE
)
SCRIPT = """
"use strict";
// a click on a column's head sorts its table by it, largest first, a second one the other way
for (const head of document.querySelectorAll("th")) {
  head.addEventListener("click", () => {
    const body = head.closest("table").tBodies[0], column = head.cellIndex;
    const sign = head.dataset.sorted === "down" ? 1 : -1;
    head.dataset.sorted = sign < 0 ? "down" : "up";
    const key = row => row.cells[column].dataset.value ?? row.cells[column].textContent;
    const compare = (a, b) => isNaN(a) || isNaN(b) ? a.localeCompare(b) : a - b;
    body.append(...[...body.rows].sort((a, b) => sign * compare(key(a), key(b))));
  });
}
document.documentElement.dataset.ready = "yes";
"""


def run_page(result: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return the page of a run.

    result: what `RunResult.to_json` gives. settings: what the run was asked to do, by name.
    """
    ending = {"exit status": result["exit_status"], **_phases(result["seconds"])}
    about = [Scalars("run", ending), Scalars("settings", settings), Scalars("host", result["host"])]
    body = [*_run_body(result), *_section("About", about)]
    return page(_title(result), body, STYLE, SCRIPT)


def run_fragment(result: Mapping[str, Any]) -> str:
    """Return a run as a piece of HTML, without script, for a page of somebody else's.

    result: what `RunResult.to_json` gives.
    """
    style = element("style", None)
    # rules within a rule: what else is on the page stays as it is
    style.text = f".mttcg {{ {FRAGMENT_STYLE} }}"
    return markup_of(element("div", {"class": "mttcg"}, style, *_run_body(result)))


def _title(result: Mapping[str, Any]) -> str:
    return f"{result['guest']} on {result['engine']}: {result['stop_reason']}"


def _run_body(result: Mapping[str, Any]) -> list[Element]:
    """All of a run but what it ran on."""
    body = [
        element("h1", None, _title(result)),
        *_notices(result["failures"], result["warnings"]),
        *_section("vCPUs", _vcpu_parts(result["vcpus"])),
    ]
    if result["unsupported"]:
        body += _section("Not supported", [_table(result["unsupported"])])
    if result["ledger"]:
        body += _section("Bus", list(_bus_parts(result)))
    for name, report in result["plugins"].items():
        body += _section(f"Plugin {name}", list(parts_of(name, report)))
    return body


def replay_page(outcome: Mapping[str, Any], settings: Mapping[str, Any]) -> str:
    """Return the page of an aggregation by itself.

    outcome: `plugin`, `report`, `complete`, `missing`, `gaps`, `failure`, as `--json` writes it.
    settings: what was asked for, by name.
    """
    title = f"{outcome['plugin']}: {'complete' if outcome['complete'] else 'incomplete'}"
    body = [element("h1", None, title), *_notices([outcome["failure"]], [])]
    body += _section(
        f"Plugin {outcome['plugin']}", list(parts_of(outcome["plugin"], outcome["report"]))
    )
    lacks = [Rows(name, outcome[name]) for name in ("gaps", "missing") if outcome[name]]
    body += _section("Missing", lacks) if lacks else []
    return page(title, [*body, *_section("About", [Scalars("settings", settings)])], STYLE, SCRIPT)


def _notices(failures: Sequence[str], warnings: Sequence[str]) -> Iterator[Element]:
    for kind, texts in (("wrong", failures), ("warning", warnings)):
        for text in filter(None, texts):
            yield element("p", {"class": kind}, text)


def _vcpu_parts(vcpus: Sequence[Mapping[str, Any]]) -> list[Part | Element]:
    """Plots of what each vCPU did and how its time went, then all of it as a table."""
    labels = [f"vCPU {vcpu['index']}" for vcpu in vcpus]
    times = {
        "running": [max(0.0, v["seconds_running"] - v["seconds_stalled"]) for v in vcpus],
        "stalled": [v["seconds_stalled"] for v in vcpus],
        "idle": [v["seconds_idle"] for v in vcpus],
    }
    cache = {name: [v["cache"][name] for v in vcpus] for name in CACHE_COUNTS}
    executed = {"instructions": [v["instructions"] for v in vcpus]}
    rows = [
        {"vCPU": v["index"], "M instr per s": _rate(v)}
        | {name: value for name, value in v.items() if name not in NO_COLUMN}
        | {f"cache {name}": count for name, count in v["cache"].items()}
        for v in vcpus
    ]
    parts: list[Part | Element] = [
        plots.bar_chart("instructions", labels, executed, wide=WIDE),
        plots.bar_chart("time", labels, times, unit="s", stacked=True, wide=WIDE),
        plots.bar_chart("block cache", labels, cache, unit="blocks", stacked=True, wide=WIDE),
        _table(rows),
    ]
    for vcpu in vcpus:
        for name, shown in PARTS_OF_VCPU.items():
            if vcpu.get(name):
                parts.append(Scalars(f"vCPU {vcpu['index']}: {shown}", vcpu[name]))
    return parts


def _rate(vcpu: Mapping[str, Any]) -> float | None:
    seconds: float = vcpu["seconds_running"]
    return vcpu["instructions"] / seconds / 1e6 if seconds > 0 else None


def _bus_parts(result: Mapping[str, Any]) -> Iterator[Element]:
    """Where the records of each stream went, and what became of them at each subscriber."""
    ledger: Mapping[str, Mapping[str, int]] = result["ledger"]
    subscribers, more = list(result["subscribers"]), result["more_subscribers"]
    if more:
        name = f"{more['count']} more"
        subscribers.append({"name": name, "reason": "in sum", "ledger": more["ledger"]})
    ends = {
        name.replace("_", " "): [counts[name] for counts in ledger.values()]
        for name in ("delivered", "dropped", "in_flight")
    }
    yield plots.bar_chart("records by stream", list(ledger), ends, stacked=True, wide=WIDE)
    yield _table([{"stream": name, **counts} for name, counts in ledger.items()])
    rows = [
        {"subscriber": one["name"], "reason": one["reason"], "stream": stream, **counts}
        for one in subscribers
        for stream, counts in one["ledger"].items()
    ]
    if rows:
        yield element("h3", None, "subscribers")
        yield _table(rows)


def _phases(seconds: Mapping[str, float]) -> dict[str, float]:
    return {f"seconds: {phase}": value for phase, value in seconds.items()}


def _section(title: str, parts: Sequence[Part | Element]) -> list[Element]:
    body = [element("h2", None, title)]
    for part in parts:
        if isinstance(part, Element):
            body.append(part)
            continue
        if not isinstance(part, FigurePart):  # which has its title by itself
            body.append(element("h3", None, part.title))
        if isinstance(part, Scalars):
            body.append(_scalars(part.values))
        elif isinstance(part, Rows):
            body += [*charts_of(part, WIDE), _table(part.rows)]
        elif isinstance(part, FigurePart):
            body += filter(None, [drawn(part.title, part.values, WIDE)])
        else:
            items = (element("li", None, value_text("", value)) for value in part.values)
            body.append(element("ul", None, *items))
    return body


def _scalars(values: Mapping[str, Any]) -> Element:
    rows = (
        element("tr", None, element("td", None, name), _cell(name, value))
        for name, value in values.items()
    )
    return element("table", None, element("tbody", None, *rows))


def _table(rows: Sequence[Mapping[str, Any]]) -> Element:
    columns = columns_of(rows)
    kinds = [
        "number" if all(is_number(row.get(name)) for row in rows) else None for name in columns
    ]
    heads = [
        element("th", {"class": kind}, name.replace("_", " "))
        for name, kind in zip(columns, kinds, strict=True)
    ]
    body = [
        element("tr", None, *(_cell(name, row.get(name, "")) for name in columns)) for row in rows
    ]
    head = element("thead", None, element("tr", None, *heads))
    table = element("table", None, head, element("tbody", None, *body))
    return element("div", {"class": "scroll"}, table)


def _cell(name: str, value: Any) -> Element:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    attributes = {"class": "number" if number else "text", "data-value": value if number else None}
    return element("td", attributes, value_text(name, value))
