"""A run as Markdown: docs/performance.md and the figures in the README."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from mttcg_bench.cases import cases_of
from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.measured import Measured
from mttcg_bench.minute import minute_table
from mttcg_bench.results import results_of
from mttcg_bench.runner import CaseResult
from mttcg_bench.tables import (
    FigureTable,
    bar_table,
    exact,
    exactness_table,
    figure_table,
    left_out_table,
    number,
    scaleout_tables,
)

COLUMNS = 120
"""Of a line of prose."""
VERSIONS = ("python", "numba", "llvmlite", "unicorn", "pyzmq", "numpy")


def where(plain: Mapping[str, Any]) -> str:
    """On what machine, when, with which commit."""
    host = plain["host"]
    versions = ", ".join(f"{name} {host[name]}" for name in VERSIONS if name in host)
    peers = ", ".join(f"{name} {version}" for name, version in plain["peers"].items())
    return (
        f"Taken on {plain['taken']} with commit `{plain['commit']}`, {plain['runs']} rounds, in "
        f"{plain['minutes']:.0f} minutes, on {host['processor']} with {host['processors']} "
        f"processors ({host['system']}; governor: {host['governor']}; load before: "
        f"{plain['load_before']:.2f}). {versions}. Peers: {peers or 'none'}."
    )


def left_out(plain: Mapping[str, Any]) -> str:
    """Which cases were not asked for, "" if all were."""
    names = [case.name for case in cases_of([], CaseChoice()) if case.name not in plain["cases"]]
    return f"Not part of this run: {', '.join(f'`{name}`' for name in names)}." if names else ""


def page(plain: Mapping[str, Any]) -> str:
    """The page on performance, from a run's JSON."""
    results = results_of(plain)
    parts = [
        "# Performance",
        minute_table(Measured(results)),
        "## How it was measured",
        prose(" ".join(filter(None, (where(plain), left_out(plain))))),
        prose(
            "What is compared with what, and how it is measured, is in [bench/SPEC.md]"
            "(../bench/SPEC.md). Each figure is the median over the rounds with the least and the "
            "most of them; ratios are taken round by round. `make bench` takes all of it anew."
        ),
        "## At a glance",
        *headlines(results),
    ]
    tables = [
        bar_table(results),
        *scaleout_tables(results),
        exactness_table(results),
        *(
            figure_table(title, [one for one in results if one.case.group == group])
            for group, title in TITLES.items()
        ),
        left_out_table(results),
    ]
    parts += [markdown(table) for table in tables if table.rows]
    return "\n\n".join(filter(None, parts)) + "\n"


def summary(plain: Mapping[str, Any]) -> str:
    """The figures of a run for another page, with where they are from."""
    host = plain["host"]
    taken = (
        f"{plain['taken']}, commit `{plain['commit']}`, {host['processor']}, "
        f"{host['processors']} processors, medians of {plain['runs']}"
    )
    return "\n".join([*headlines(results_of(plain)), "", f"({taken})"])


TITLES = {
    "peers": "The peers",
    "engines": "The engines",
    "plugins": "The plugins, one vCPU",
    "bus": "The bus",
    "startup": "Start-up",
}


def markdown(table: FigureTable) -> str:
    """A table as Markdown, with its heading."""
    lines = [table.headings, tuple("---" for _ in table.headings), *table.rows]
    text = "\n".join("| " + " | ".join(map(cell, line)) + " |" for line in lines)
    parts = [f"## {table.title}", *([prose(table.note)] if table.note else []), text]
    return "\n\n".join(parts)


def prose(text: str, indent: str = "") -> str:
    """A paragraph in lines that are not too long."""
    return textwrap.fill(text, COLUMNS, subsequent_indent=indent, break_long_words=False,
                         break_on_hyphens=False)  # fmt: skip


def cell(text: str) -> str:
    """A text as a cell of Markdown."""
    return text.replace("|", "\\|").replace("\n", "<br>")


def headlines(results: Iterable[CaseResult]) -> list[str]:
    """The figures that matter most, a line each, of those that were measured."""
    return headlines_of(Measured(results))


def headlines_of(measured: Measured) -> list[str]:
    """The same; what they are made of is then noted in `used`."""
    lines = [*speed_lines(measured), *cost_lines(measured), *growth_lines(measured)]
    lines += exactness_lines(measured)
    return ["\n".join(prose(f"- {line}", "  ") for line in lines)] if lines else []


def speed_lines(measured: Measured) -> Iterable[str]:
    """How fast the guest runs, beside QEMU, the host and the Python tools."""
    mix = measured.figure("engines.mix", "instructions")
    if mix:
        others = [
            f"{number(spread.median)} times {words}"
            for name, words in (("QEMU 7.2 over llvm", "as fast as QEMU 7.2"),
                                ("llvm over host", "the time of the same C compiled for the host"),
                                ("llvm over gcc -O2", "its time when gcc compiles it"))
            if (spread := measured.figure("engines.mix", name))
        ]  # fmt: skip
        beside = f": {', '.join(others)}" if others else ""
        yield f"`mix` runs at {number(mix.median)} M instructions/s on one vCPU{beside}."
    if two := measured.figure("engines.two-harts", "work of 2"):
        line = f"Two vCPUs on two cores do {number(two.median)} times the work of one"
        hosts = measured.figure("engines.two-harts", "work of 2 processes of the host")
        beside = f", two processes of the host {number(hosts.median)} times" if hosts else ""
        yield f"{line}{beside}."


def cost_lines(measured: Measured) -> Iterable[str]:
    """What plugins cost on one vCPU."""
    costs = [
        f"{words} {number(spread.median)}"
        for name, words in (("icount", "counting instructions (`icount`)"),
                            ("hotblocks", "counting every block (`hotblocks`)"),
                            ("access-probe", "a probe on every memory access"))
        if (spread := measured.figure("plugins.llvm-inline", f"{name}: CPU"))
    ]  # fmt: skip
    if costs:
        yield f"CPU time over the uninstrumented run, one vCPU: {', '.join(costs)}."
    if rate := measured.figure("plugins.llvm-records", "memtrace: records"):
        yield (
            f"`memtrace` delivers {number(rate.median)} M records/s to an aggregator in another "
            "process, losing none."
        )


GROWN = (
    ("scaleout.llvm-weak", "hotblocks", "mttcg's `hotblocks`"),
    ("scaleout.qemu-7.2", "hotblocks callback", "QEMU 7.2's by callback"),
    ("scaleout.qemu-10.0", "hotblocks callback", "QEMU 10.0's by callback"),
    ("scaleout.qemu-7.2", "instructions inline", "QEMU 7.2's inline instruction count"),
    ("scaleout.qemu-10.0", "instructions inline", "QEMU 10.0's inline instruction count"),
)
"""Case, what is attached, and what to call it."""


def growth_lines(measured: Measured) -> Iterable[str]:
    """How the overhead grows from one vCPU to two, here and on QEMU."""
    grown = []
    for case, series, words in GROWN:
        one, two = (measured.figure(case, f"{series}: CPU, {n} vCPUs") for n in (1, 2))
        if one and two:
            grown.append(f"{words} from {number(one.median)} to {number(two.median)}")
    if grown:
        yield f"CPU overhead with one more vCPU: {', '.join(grown)}."


def exactness_lines(measured: Measured) -> Iterable[str]:
    """Who counts exactly with two vCPUs."""
    found = measured.all_of("peers.exactness")
    if not found:
        return
    kept = [name.removesuffix(": counted") for name, spread in found.items() if exact(spread)]
    lost = [
        f"{name.removesuffix(': counted')} {number(100 - spread.median)} % lost"
        for name, spread in found.items()
        if not exact(spread)
    ]
    yield f"Counted inline with 2 vCPUs: exact: {'; '.join(kept)}." + (
        f" Not exact: {'; '.join(lost)}." if lost else ""
    )
