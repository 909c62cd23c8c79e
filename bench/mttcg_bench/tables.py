"""Results as tables of text, for the terminal, the page and the document alike."""

import statistics
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from mttcg_bench import scaling
from mttcg_bench.cases.attached import NOTHING
from mttcg_bench.quiet import ACCEPTED
from mttcg_bench.runner import CaseResult, Sample
from mttcg_bench.summary import NOISY, Spread, disturbed, spreads, verdicts

DIGITS = ((100, 0), (20, 1), (1, 2))
"""Decimal places from a value on; smaller ones have three."""
EXACTNESS = "peers.exactness"
MARKS = (
    f"`noisy`: the rounds lie more than {NOISY:.0%} of the median apart. `disturbed: N`: in N of "
    f"the runs others used more than {ACCEPTED:g} cores."
)
ROLES = ("vcpus", "translator", "publisher", "aggregators", "host", "command")


@dataclass(frozen=True)
class FigureTable:
    """A table and what to know of it."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""


def number(value: float) -> str:
    """Three digits or more, never an exponent."""
    digits = next((digits for limit, digits in DIGITS if abs(value) >= limit), 3)
    return f"{value:,.{digits}f}"


def span(spread: Spread) -> tuple[str, str, str]:
    """Median, least, most."""
    return number(spread.median), number(spread.least), number(spread.most)


def short_span(spread: Spread | None) -> str:
    """The same in one cell, with a mark if it is noisy; a dash for none."""
    if spread is None:
        return "–"
    median, least, most = span(spread)
    return f"{median} ({least}–{most})" + (" noisy" if spread.noisy else "")


def marks(result: CaseResult, spread: Spread) -> str:
    """What to know before a figure is believed."""
    found = ["noisy"] if spread.noisy else []
    if count := disturbed(result, spread.figure):
        found.append(f"disturbed: {count}")
    return ", ".join(found)


def bar_table(results: Iterable[CaseResult]) -> FigureTable:
    """Every bar with its verdict."""
    rows = []
    for result in results:
        for verdict in verdicts(result):
            bar, spread = verdict.bar, verdict.spread
            limit = f"{bar.side} {bar.limit:g}" + ("" if bar.goal is None else f", {bar.goal:g}")
            shown = (*span(spread), marks(result, spread)) if spread else ("", "", "", "")
            rows.append((bar.claim, result.case.name, bar.figure, limit, *shown, verdict.text))
    headings = ("claim", "case", "figure", "bar, goal", "median", "min", "max", "", "verdict")
    note = (
        "`met`, `goal reached`: by the median; where rounds miss the bar, `by the median` is said. "
        f"`missed`: by the median. {MARKS}"
    )
    return FigureTable("Claims and their verdicts", headings, tuple(rows), note)


def left_out_table(results: Iterable[CaseResult]) -> FigureTable:
    """What could not run, and what failed."""
    rows = []
    for result in results:
        name = result.case.name
        rows += [(name, one, f"not run: {why}") for one, why in result.reasons.items()]
        rows += [(name, one, f"FAILED: {why}") for one, why in result.failures.items()]
    return FigureTable("Not run, or failed", ("case", "variant", "why"), tuple(rows))


def figure_table(title: str, results: Iterable[CaseResult]) -> FigureTable:
    """Every figure."""
    rows = [
        (result.case.name, name, *span(spread), spread.figure.unit, marks(result, spread))
        for result in results
        for name, spread in spreads(result).items()
    ]
    return FigureTable(
        title, ("case", "figure", "median", "min", "max", "unit", ""), tuple(rows), MARKS
    )


def overhead_table(result: CaseResult, metric: str) -> FigureTable:
    """What everything attached costs, by number of vCPUs, and how it grew."""
    curves = scaling.curves(result, metric)
    counts = sorted({smp for curve in curves.values() for smp in curve})
    rows = []
    for series, curve in curves.items():
        grown = [short_span(scaling.growth(result, series, n)) for n in counts if n > 1]
        cells = [short_span(curve.get(n)) for n in counts]
        rows.append((series, *cells, *(grown if metric == "vcpu_cpu" else ())))
    what = "CPU time of the vCPUs" if metric == "vcpu_cpu" else "time in the guest"
    headings = ["attached", *(f"{n} vCPU{'s' * (n > 1)}" for n in counts)]
    if metric == "vcpu_cpu":
        headings += [f"{n} over 1" for n in counts if n > 1]
    title = f"{result.case.name}: {what} over nothing attached on as many vCPUs"
    return FigureTable(title, tuple(headings), tuple(rows), f"{result.case.purpose}.")


def speed_table(results: Iterable[CaseResult]) -> FigureTable:
    """The work that several vCPUs do in the time of one, with nothing attached."""
    rows, counts = [], sorted({
        one.smp for result in scaling.scaled(results) for one in result.case.variants
    })  # fmt: skip
    for result in scaling.scaled(results):
        by_time = scaling.speed(result, NOTHING)
        by_cpu = scaling.speed(result, NOTHING, "vcpu_cpu")
        for what, curve in (("in the same time", by_time), ("with a core for each", by_cpu)):
            rows.append((result.case.name, what, *(short_span(curve.get(n)) for n in counts)))
    headings = ("case", "work of 1 vCPU", *(f"{n} vCPU{'s' * (n > 1)}" for n in counts))
    note = "With a core for each: by the CPU time that the vCPUs took, so it is no wall time."
    return FigureTable("Work with more vCPUs, nothing attached", headings, tuple(rows), note)


def exactness_table(results: Iterable[CaseResult]) -> FigureTable:
    """What was counted of what happened, with two harts."""
    rows = [
        (name.removesuffix(": counted"), short_span(spread), "exact" if exact(spread) else "LOST")
        for result in results
        if result.case.name == EXACTNESS
        for name, spread in spreads(result).items()
    ]
    note = (
        "Events counted inline over those that happened, in percent, 2 harts. In QEMU a callback "
        "counts beside it into a word of each vCPU's own. In mttcg, in every run of every case, a "
        "count that is not that of the engine fails the case; calls are held against how often the "
        "guest makes them, records against the ledger."
    )
    return FigureTable("Are the counts exact", ("what", "counted, %", ""), tuple(rows), note)


def exact(spread: Spread) -> bool:
    """Whether all was counted, in every round."""
    return spread.least == spread.most == spread.figure.factor


def law_table(results: Iterable[CaseResult]) -> FigureTable:
    """What the scalability law makes of the cases with fixed work for each vCPU."""
    rows = []
    for result in scaling.scaled(results):
        if scaling.is_strong(result):
            continue
        for series in dict.fromkeys(one.series for one in result.case.variants):
            if law := scaling.law_of(result, series):
                asked = (number(law(n)) for n in scaling.CORES_BEYOND)
                off = " ".join(f"{value:+.3f}" for value in law.residuals)
                factors = (f"{law.contention:.4f}", f"{law.coherence:.5f}")
                rows.append((result.case.name, series, *factors, off, *asked))
    asked_of = tuple(f"at {n} cores" for n in scaling.CORES_BEYOND)
    headings = ("case", "attached", "contention", "coherence", "residuals", *asked_of)
    note = (
        "A model, not a measurement: Gunther's universal scalability law, "
        "N / (1 + contention (N - 1) + coherence N (N - 1)), fitted to the work with a core for "
        "each vCPU; the residuals are measured less modelled, from 1 vCPU on."
    )
    return FigureTable("What more cores would give, by a model", headings, tuple(rows), note)


def run_table(result: CaseResult) -> FigureTable:
    """What the runs of a case took, by the middle one: times, CPU by process, events, memory."""
    headings = ("variant", "wall s", "guest s", *(f"CPU s: {role}" for role in ROLES),
                "instructions M/s", "events M/s", "dropped", "stalled s", "memory MB")  # fmt: skip
    rows = tuple(run_rows(result))
    note = "The middle of the rounds; CPU of processes as last seen, short by up to 0.2 s."
    return FigureTable(f"{result.case.name}: the runs", headings, rows, note)


def run_rows(result: CaseResult) -> Iterator[tuple[str, ...]]:
    """A row for each variant."""
    for name, samples in result.samples.items():
        events_in = "delivered" if "delivered" in samples[0] else "guest"
        yield (
            name,
            *(middle(samples, key) for key in ("wall", "guest", *(f"cpu_{one}" for one in ROLES))),
            middle(samples, "instructions", "guest", 1e-6),
            middle(samples, "events", events_in, 1e-6),
            middle(samples, "records_dropped"),
            middle(samples, "stalled"),
            middle(samples, "unique", factor=1e-6),
        )


def middle(samples: Iterable[Sample], metric: str, per: str = "", factor: float = 1.0) -> str:
    """The median of a metric, or of it over another; nothing where it was not measured."""
    values = [
        factor * sample[metric] / (sample[per] if per else 1.0)
        for sample in samples
        if sample.get(metric) and (not per or sample.get(per))
    ]
    return number(statistics.median(values)) if values else ""


def scaleout_tables(results: Iterable[CaseResult]) -> Iterator[FigureTable]:
    """The tables of the scale-out cases."""
    found = scaling.scaled(results)
    for result in found:
        if scaling.curves(result, "vcpu_cpu"):
            yield overhead_table(result, "vcpu_cpu")
    if found:
        yield speed_table(found)
        yield law_table(found)


def shown_tables(results: list[CaseResult]) -> list[FigureTable]:
    """What the terminal shows, what matters most last; tables without rows are left out."""
    others = [result for result in results if result.case.group != scaling.GROUP]
    tables = [
        figure_table("Figures", others),
        *scaleout_tables(results),
        exactness_table(results),
        left_out_table(results),
        bar_table(results),
    ]
    return [table for table in tables if table.rows]
