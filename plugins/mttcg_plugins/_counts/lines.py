"""Executions of source lines, from those of instructions."""

from collections.abc import Iterable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mttcg.instrument import SourceLines

Counts: TypeAlias = npt.NDArray[np.uint64]


def executions_of_rows(table: SourceLines, executions: Mapping[int, int]) -> Counts:
    """For each row of a line table, how often its most frequent instruction ran.

    executions: by the instruction's address.
    """
    counts = np.zeros(len(table.starts), dtype=np.uint64)
    if len(counts) and executions:
        pcs = np.fromiter(executions, np.uint64, len(executions))
        found = np.fromiter(executions.values(), np.uint64, len(executions))
        rows = np.searchsorted(table.starts, pcs, side="right") - 1
        inside = (rows >= 0) & (pcs < table.ends[rows])
        np.maximum.at(counts, rows[inside], found[inside])
    return counts


def executions_of_lines(
    table: SourceLines, counts: Counts, functions: Iterable[int]
) -> dict[tuple[str, int], int]:
    """Executions by file and line: of the row that ran most often, in sum over all functions.

    So a line counts once for each function that has a copy of it.

    counts: of each row. functions: the addresses at which they begin.
    """
    begins = np.unique(np.fromiter(functions, np.uint64))
    function = np.searchsorted(begins, table.starts, side="right")
    most: dict[tuple[str, int, int], int] = {}
    for (_, _, name, line), number, count in zip(
        table.rows(), function.tolist(), counts.tolist(), strict=True
    ):
        most[name, line, number] = max(most.get((name, line, number), 0), count)
    found: dict[tuple[str, int], int] = {}
    for (name, line, _), count in most.items():
        found[name, line] = found.get((name, line), 0) + count
    return found
