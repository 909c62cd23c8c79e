"""What each plugin costs on one vCPU, with work for a second and more."""

import sys
from collections.abc import Iterator

from mttcg_bench.cases.attached import NOTHING, attached, label_of
from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.cases.figures import cpu_over, per_second, time_over
from mttcg_bench.model import FEW_ROUNDS, Bar, Case, Figure, Side, Variant

INLINE = ("empty", "icount", "hotblocks", "block-probe", "access-probe", "instruction-probe")
OTHERS = ("memtrace", "memtrace-drop", "callback")
TEXT, FILE = ("execlog",), ("execlog-file",)
KINDS: dict[tuple[str, ...], str] = {
    INLINE: "inline",
    OTHERS: "records",
    TEXT: "text",
    FILE: "file",
}
ROUNDS: dict[str, dict[tuple[str, ...], int]] = {
    "llvm": {INLINE: 800, OTHERS: 200, TEXT: 20, FILE: 7},
    "unicorn": {INLINE: 60, OTHERS: 20},
}
"""Rounds of mix for those that cost little and for those that cost much."""

DELIVERED = "memtrace: records"
LINES = "llvm: execlog at 20 times QEMU's 0.95 M lines/s to /dev/null"
TO_FILE = "llvm: execlog at 20 times QEMU's 0.39 M lines/s to a file"
BARS = {
    "llvm": (
        Bar("icount: CPU", Side.AT_MOST, 1.05, "llvm: icount at most 1.05"),
        Bar("hotblocks: CPU", Side.AT_MOST, 1.2, "llvm: hotblocks at most 1.2"),
        Bar("access-probe: CPU", Side.AT_MOST, 2.0, "llvm: a probe on every access at most 2"),
        Bar("memtrace-drop: CPU", Side.AT_MOST, 2.5, "llvm: writing the ring at most 2.5"),
        Bar(DELIVERED, Side.AT_LEAST, 40.0, "llvm: 40 M events/s delivered", goal=200.0),
        Bar("execlog: instructions", Side.AT_LEAST, 19.0, LINES),
        Bar("execlog-file: instructions", Side.AT_LEAST, 7.8, TO_FILE),
    ),
    "unicorn": (
        Bar("empty: CPU", Side.AT_MOST, 1.03, "empty is within noise"),
        Bar(
            "icount: CPU",
            Side.AT_MOST,
            1.5,
            "Counting on mix costs at most 1.5 times the uninstrumented run",
        ),
        Bar(
            "block-probe: CPU",
            Side.AT_MOST,
            1.5,
            "Counting on mix costs at most 1.5 times the uninstrumented run",
        ),
        Bar(
            "access-probe: CPU",
            Side.AT_MOST,
            7.0,
            "A probe per memory access costs at most 7 times the uninstrumented run",
        ),
    ),
}


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group: on each engine those that cost little, then those that cost much."""
    for engine, by_cost in ROUNDS.items():
        if not choice.has_engine(engine):
            continue
        for names, rounds in by_cost.items():
            kind, known = KINDS[names], (*INLINE, *OTHERS, *TEXT, *FILE, NOTHING)
            own = [name for name in choice.plugins if name not in known]
            wanted = [name for name in names if name in (choice.plugins or names)]
            wanted += own if kind == "inline" else []
            if wanted:
                yield case(engine, kind, wanted, rounds)


def case(engine: str, kind: str, names: list[str], rounds: int) -> Case:
    """One engine's plugins that do about as many rounds in the same time."""
    figures = [figure for name in names for figure in figures_of(name)]
    known = {figure.name for figure in figures}
    return Case(
        name=f"plugins.{engine}-{kind}",
        purpose=f"what each plugin costs on {engine}, 1 vCPU",
        guest="mix",
        symbols={"rounds": rounds},
        rounds=sys.maxsize if kind in ("inline", "records") and engine == "llvm" else FEW_ROUNDS,
        variants=tuple(variant(engine, name) for name in (NOTHING, *names)),
        figures=tuple(figures),
        bars=tuple(bar for bar in BARS[engine] if bar.figure in known),
    )


def variant(engine: str, name: str) -> Variant:
    """One plugin, or none."""
    what = attached(name)
    return Variant(
        label_of(name),
        engine=engine,
        plugins=what.plugins,
        counts=what.counts,
        settings={"arguments": what.arguments, **what.settings},
    )


def figures_of(name: str) -> Iterator[Figure]:
    """Its cost in CPU time and wall time, and how many events a second it had."""
    label, events = label_of(name), attached(name).events
    yield cpu_over(f"{label}: CPU", label, NOTHING)
    yield time_over(f"{label}: time", label, NOTHING)
    if events:
        yield per_second(f"{label}: {events}", label, "events", "delivered")
