"""Where in the guest's sources the code of a report is, as far as its debug information says."""

from collections.abc import Iterable
from typing import Any

from mttcg.instrument import ElfFileError, source_lines
from mttcg_bus.run_info import RunInfo


def lines_of(run: RunInfo, pcs: Iterable[int]) -> tuple[dict[int, str], str]:
    """File and line of each pc, "" where there is none; and why, if there are none at all."""
    none = dict.fromkeys(pcs, "")
    if not none:
        return none, ""
    try:
        table = source_lines(run.guest, run.ram)
    except ElfFileError as error:  # a recording is read where the guest is not
        return none, str(error)
    if not len(table.starts):
        return none, f"{run.guest} has no debug information"
    return {pc: table.line_at(pc) for pc in none}, ""


def with_sources(run: RunInfo, rows: list[dict[str, Any]], pc: str = "pc") -> list[dict[str, Any]]:
    """Rows of a report with `source` beside the symbol, if any has one.

    pc: the column with the address, as hexadecimal text.
    """
    lines, _ = lines_of(run, (int(row[pc], 16) for row in rows))
    if not any(lines.values()):
        return rows
    return [with_source(row, lines[int(row[pc], 16)]) for row in rows]


def with_source(row: dict[str, Any], line: str) -> dict[str, Any]:
    """A row with its source behind its symbol, or at its end."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        found[name] = value
        if name == "symbol":
            found["source"] = line
    return found | {"source": line}
