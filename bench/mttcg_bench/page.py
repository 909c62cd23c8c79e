"""A run as one HTML page that needs nothing but itself: verdicts, plots, tables, facts."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from xml.etree.ElementTree import Element

from mttcg.report.markup import element, page
from mttcg.report.page import SCRIPT, STYLE
from mttcg.report.plots import bar_chart, line_chart
from mttcg_bench import scaling
from mttcg_bench.cases.attached import NOTHING
from mttcg_bench.document import where
from mttcg_bench.results import results_of
from mttcg_bench.runner import CaseResult
from mttcg_bench.summary import Spread, spreads, verdicts
from mttcg_bench.tables import (
    FigureTable,
    bar_table,
    exactness_table,
    figure_table,
    left_out_table,
    run_table,
    scaleout_tables,
)

NUMBER = re.compile(r"-?[\d,]+(\.\d+)?")
KINDS = {"met": "good", "goal reached": "good", "missed": "bad", "LOST": "bad", "exact": "good"}
"""How cells that judge are coloured."""
PEERS = {
    "peers.mix": ("Nothing attached", "M instructions/s"),
    "peers.counting": ("Counting natively, one vCPU", "M instructions/s"),
    "peers.hooks": ("A Python function for every event", "M events/s"),
    "peers.threads": ("2 harts with work of their own", "M instructions/s"),
}
"""The cases that are bars beside each other: title and unit."""
OWN_STYLE = """
td.good { color: #2a8a45; } td.bad { color: #c33; font-weight: 600; }
"""


def bench_page(plain: Mapping[str, Any]) -> str:
    """The page of a run, from its JSON."""
    results = results_of(plain)
    title = f"mttcg bench: {plain['taken']}, commit {plain['commit']}"
    body = [
        element("h1", None, title),
        element("p", None, where(plain)),
        *summary(results),
        *section(bar_table(results)),
        *section(left_out_table(results)),
        *scale_plots(results),
        *(part for table in scaleout_tables(results) for part in section(table)),
        *section(exactness_table(results)),
        *peer_plots(results),
        *section(figure_table("All figures", results)),
        *(part for result in results for part in section(run_table(result))),
        *section(facts_table(plain)),
    ]
    return page(title, body, STYLE + OWN_STYLE, SCRIPT)


def summary(results: Sequence[CaseResult]) -> list[Element]:
    """How many bars are met, what failed, what was noisy."""
    found = [verdict for result in results for verdict in verdicts(result)]
    held = sum(verdict.holds for verdict in found)
    failed = sum(len(result.failures) for result in results)
    left = sum(len(result.reasons) for result in results)
    all_spreads = [spread for result in results for spread in spreads(result).values()]
    noisy = sum(spread.noisy for spread in all_spreads)
    wrong = {"class": "wrong"}
    text = (
        f"{held} of {len(found)} bars are met; {noisy} of {len(all_spreads)} figures are noisy; "
        f"{left} variants could not run here."
    )
    lines = [element("p", None, text)]
    if failed:
        lines.append(element("p", wrong, f"{failed} variants failed; see below."))
    return lines


def section(table: FigureTable) -> list[Element]:
    """A table under its heading, nothing if it has no rows."""
    if not table.rows:
        return []
    heads = (element("th", None, heading) for heading in table.headings)
    rows = (element("tr", None, *map(cell, row)) for row in table.rows)
    made = element(
        "table",
        None,
        element("thead", None, element("tr", None, *heads)),
        element("tbody", None, *rows),
    )
    note = [element("p", {"class": "dim"}, table.note)] if table.note else []
    return [element("h2", None, table.title), *note, element("div", {"class": "scroll"}, made)]


def cell(text: str) -> Element:
    """One cell: numbers to the right, verdicts in colour, outputs line by line."""
    if NUMBER.fullmatch(text):
        value = text.replace(",", "")
        return element("td", {"class": "number", "data-value": value}, text)
    kind = KINDS.get(text.removesuffix(" by the median"))
    if "\n" in text:
        return element("td", {"class": "text"}, element("pre", None, text))
    return element("td", {"class": kind}, text)


def scale_plots(results: Sequence[CaseResult]) -> list[Element]:
    """Overhead and speed-up over the vCPUs."""
    found = scaling.scaled(results)
    if not found:
        return []
    plots = [element("h2", None, "Scale-out")]
    side: dict[str, scaling.Curve] = {}
    for result in found:
        curves = scaling.curves(result, "vcpu_cpu")
        if scaling.is_strong(result):
            continue
        for series in ("icount", "hotblocks", "instructions inline", "hotblocks callback"):
            if series in curves:
                side[f"{scaling.engine_of(result)} {series}"] = curves[series]
    if side:
        title = "CPU overhead over the uninstrumented run of as many vCPUs, beside QEMU's"
        plots.append(curve_chart(title, side, "times", logarithmic=True))
    for result in found:
        if curves := scaling.curves(result, "vcpu_cpu"):
            title = f"{result.case.name}: CPU overhead"
            plots.append(curve_chart(title, curves, "times", logarithmic=True))
    speeds = {
        f"{result.case.name}, {what}": curve
        for result in found
        for what, metric in (("time", "guest"), ("a core for each", "vcpu_cpu"))
        if len(curve := scaling.speed(result, NOTHING, metric)) > 1
        and not (scaling.is_strong(result) and metric == "vcpu_cpu")
        and "weak-" not in result.case.name
    }
    if speeds:
        title = "Work, or speed-up with fixed total work, nothing attached"
        plots.append(curve_chart(title, speeds, "times that of 1 vCPU"))
    return plots + model_plots(found)


def model_plots(found: Iterable[CaseResult]) -> list[Element]:
    """What was measured with a core for each, and the law through it, beyond it."""
    plots = []
    for result in found:
        law = None if scaling.is_strong(result) else scaling.law_of(result, NOTHING)
        if law is None or "weak-" in result.case.name:
            continue
        measured = scaling.speed(result, NOTHING, "vcpu_cpu")
        numbers = sorted({*measured, *scaling.CORES_BEYOND})
        series = {
            "measured, a core for each": [(float(n), measured[n].median) for n in sorted(measured)],
            "model (universal scalability law)": [(float(n), law(n)) for n in numbers],
        }
        title = f"{result.case.name}: a model of more cores, not a measurement"
        plots.append(line_chart(title, series, x_label="vCPUs", y_label="times the work of 1"))
    return plots


def curve_chart(
    title: str, curves: Mapping[str, scaling.Curve], unit: str, logarithmic: bool = False
) -> Element:
    """Medians over the vCPUs as lines, least and most as bars across them."""
    series = {
        name: [(float(n), curve[n].median) for n in sorted(curve)] for name, curve in curves.items()
    }
    spans = {
        name: [(curve[n].least, curve[n].most) for n in sorted(curve)]
        for name, curve in curves.items()
    }
    return line_chart(
        title, series, x_label="vCPUs", y_label=unit, logarithmic=logarithmic, spans=spans
    )


def peer_plots(results: Iterable[CaseResult]) -> list[Element]:
    """Bars for each peer, on a logarithmic axis, as they lie far apart."""
    plots = []
    for result in results:
        if result.case.name not in PEERS:
            continue
        title, unit = PEERS[result.case.name]
        found: dict[str, Spread] = {
            name.rpartition(":")[0]: spread
            for name, spread in spreads(result).items()
            if spread.figure.unit == "M/s"
        }
        if found:
            medians = {"median": [spread.median for spread in found.values()]}
            spans = {"median": [(spread.least, spread.most) for spread in found.values()]}
            plots.append(
                bar_chart(title, list(found), medians, unit=unit, logarithmic=True, spans=spans)
            )
    return [element("h2", None, "The peers"), *plots] if plots else []


def facts_table(plain: Mapping[str, Any]) -> FigureTable:
    """What it ran on."""
    host = {**plain["host"], **{f"peer {name}": one for name, one in plain["peers"].items()}}
    rows = tuple((str(name), str(value)) for name, value in host.items())
    return FigureTable("The machine", ("fact", "value"), rows)
