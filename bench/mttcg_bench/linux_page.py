"""What plugins cost on Linux, as a part of docs/performance.md: from a run of its own."""

from collections.abc import Mapping
from typing import Any

from mttcg_bench.cases.linux_plugins import OURS, SMP, THEIRS
from mttcg_bench.document import markdown
from mttcg_bench.measured import Measured
from mttcg_bench.results import results_of
from mttcg_bench.tables import FigureTable, number

CASE = "linux.plugins"
GROWTH = "growth at 4"
HEADINGS = ("attached", *(f"{n} vCPUs" for n in SMP), "4 over 1")


def linux_part(plain: Mapping[str, Any]) -> str:
    """The part, from a run's JSON; what was not measured is left out."""
    measured = Measured(results_of(plain))
    host = plain["host"]
    note = (
        f"Debian's kernel, four md5sums, power-off, on mttcg and on QEMU beside it. Taken on "
        f"{plain['taken']} with commit `{plain['commit']}`, rounds: {plain['runs']}, on "
        f"{host['processors']} processors under load (load before: {plain['load_before']:.1f}): "
        "the figures say about how much, no more. QEMU counts inline in words that all vCPUs "
        "share, and loses some; its callbacks, and all of mttcg's counts, are exact. "
        "`access-probe` counts by page, QEMU's accesses are one number. Since then pages of which "
        "hotblocks counts all blocks are made natively, which is not in these figures."
    )
    rows = [row for name in (*OURS, *THEIRS) if any((row := row_of(measured, name))[1:])]
    title = "Plugins on Linux: CPU time of the vCPUs over nothing attached on as many vCPUs"
    return f"{markdown(FigureTable(title, HEADINGS, tuple(rows), note))}\n"


def row_of(measured: Measured, name: str) -> tuple[str, ...]:
    """The figures of something attached."""
    figures = [f"{name}: CPU, {n} vCPUs" for n in SMP] + [f"{name}: {GROWTH}"]
    found = [measured.figure(CASE, figure) for figure in figures]
    return (name, *("" if one is None else number(one.median) for one in found))
