"""Results as tables on a terminal, or as plain text of a fixed width anywhere else."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import compress
from typing import Any, TextIO

from rich.console import Console, RenderableType
from rich.table import Table

from mttcg.cli.report import ROW_LIMIT, cell, heading, indented, left_out, new_table, report_parts
from mttcg.config import DEFAULT_TIERS
from mttcg.supervisor.results.result import LedgerCounts, RunResult, VcpuResult

PLAIN_WIDTH = 100
"""Columns of the output that goes to a file or a pipe."""
DEVICE_COLUMNS = ("device", "kind", "source", "queue", "requests", "failed")
DEVICE_BYTES = ("bytes_from_guest", "bytes_to_guest")
LEDGER_COLUMNS = ("emitted", "delivered", "dropped", "in_flight")
STALLED = "stalled\ns"
"""The column that is shown only if a vCPU waited for room in its rings."""
LEAST_STALLED = 0.005
"""Seconds that are shown as more than 0."""
VCPU_COLUMNS = (
    "vCPU",
    "state",
    "instruc-\ntions",
    "blocks",
    "M instr\nper s",
    "running\ns",
    "idle\ns",
    STALLED,
    "cache\nhits",
    "cache\nmisses",
    "cache\ninvalid",
)
REGISTERS_A_LINE = 4
PLACE_LIMIT = 64
"""Places of unsupported instructions that are shown: all those of one vCPU."""


class OutputConsole(Console):
    """A console that leaves it to its caller what to do when nobody reads its output."""

    def on_broken_pipe(self) -> None:
        """Raise on, where rich would end the process with a status of its own."""
        raise BrokenPipeError


def make_console(stream: TextIO) -> Console:
    """Make the console for a stream: as rich finds the terminal, else plain and of fixed width.

    Nothing that is printed is taken for rich's markup, emoji codes or highlighting.
    """
    if stream.isatty():
        return OutputConsole(file=stream, markup=False, emoji=False, highlight=False)
    return OutputConsole(
        file=stream,
        width=PLAIN_WIDTH,
        force_terminal=False,
        color_system=None,
        markup=False,
        emoji=False,
        highlight=False,
    )


def print_result(console: Console, result: RunResult) -> None:
    """Print all of a run: how it ended, per vCPU, the bus, each plugin's report, failures."""
    for part in result_parts(result):
        console.print(part)


def print_report(console: Console, name: str, report: Any) -> None:
    """Print one plugin's report."""
    for part in report_parts(name, report):
        console.print(part)


def result_parts(result: RunResult) -> Iterator[RenderableType]:
    """Give what to print for a result, one part after the other."""
    tiers = "" if result.tiers in ("", DEFAULT_TIERS) else f" ({result.tiers})"
    yield heading(f"{result.guest} on {result.engine}{tiers}: {result.stop_reason}")
    yield vcpu_table(result.vcpus)
    yield from left_out(len(result.vcpus))
    for vcpu in result.vcpus:
        yield from vcpu_notes(vcpu)
    for place in result.unsupported[:PLACE_LIMIT]:
        yield cell("", unsupported_text(place))
    yield from left_out(len(result.unsupported), PLACE_LIMIT)
    if kept := kept_text(result.code_cache):
        yield cell("", kept)
    if result.devices:
        yield heading("devices")
        yield indented(device_table(result.devices))
    if result.ledger:
        yield heading("bus")
        yield indented(ledger_table(result.ledger))
        yield from left_out(len(result.ledger))
    for name, report in result.plugins.items():
        yield from report_parts(name, report)


def vcpu_table(vcpus: Sequence[VcpuResult]) -> Table:
    """Make the table with one row per vCPU and, for more than one, their sum."""
    table = new_table()
    stalled = any(vcpu.seconds_stalled >= LEAST_STALLED for vcpu in vcpus)
    shown = [stalled or name != STALLED for name in VCPU_COLUMNS]
    for name in compress(VCPU_COLUMNS, shown):
        table.add_column(name, justify="left" if name == "state" else "right", overflow="fold")
    for vcpu in vcpus[:ROW_LIMIT]:
        table.add_row(*(cell("", value) for value in compress(vcpu_row(vcpu), shown)))
    if len(vcpus) > 1:
        table.add_section()
        table.add_row(*(cell("", value) for value in compress(sum_row(vcpus), shown)))
    return table


def vcpu_row(vcpu: VcpuResult) -> tuple[object, ...]:
    """Give the values of one vCPU in the order of VCPU_COLUMNS."""
    return (
        vcpu.index,
        vcpu.state,
        vcpu.instructions,
        vcpu.blocks,
        rate_text(millions_per_second(vcpu)),
        f"{vcpu.seconds_running:,.2f}",
        f"{vcpu.seconds_idle:,.2f}",
        f"{vcpu.seconds_stalled:,.2f}",
        vcpu.cache_hits,
        vcpu.cache_misses,
        vcpu.cache_invalidated,
    )


def sum_row(vcpus: Sequence[VcpuResult]) -> tuple[object, ...]:
    """Give the sums in the order of VCPU_COLUMNS; rates add up, as the vCPUs ran side by side."""
    rates = [rate for rate in map(millions_per_second, vcpus) if rate is not None]
    return (
        "all",
        "",
        sum(vcpu.instructions for vcpu in vcpus),
        sum(vcpu.blocks for vcpu in vcpus),
        rate_text(sum(rates) if rates else None),
        f"{sum(vcpu.seconds_running for vcpu in vcpus):,.2f}",
        f"{sum(vcpu.seconds_idle for vcpu in vcpus):,.2f}",
        f"{sum(vcpu.seconds_stalled for vcpu in vcpus):,.2f}",
        sum(vcpu.cache_hits for vcpu in vcpus),
        sum(vcpu.cache_misses for vcpu in vcpus),
        sum(vcpu.cache_invalidated for vcpu in vcpus),
    )


def millions_per_second(vcpu: VcpuResult) -> float | None:
    """Give a vCPU's rate over the time that it ran, None if it never did."""
    return vcpu.instructions / vcpu.seconds_running / 1e6 if vcpu.seconds_running > 0 else None


def rate_text(rate: float | None) -> str:
    """Write a rate with one decimal, `-` for none."""
    return "-" if rate is None else f"{rate:,.1f}"


def vcpu_notes(vcpu: VcpuResult) -> Iterator[RenderableType]:
    """Give the lines about a vCPU that only some have: its last registers, what was unsupported."""
    if vcpu.registers is not None:
        yield heading(f"vCPU {vcpu.index} ({vcpu.state}) at pc {vcpu.pc:#x}")
        yield indented(register_table(vcpu.registers))
    if vcpu.unsupported:
        counts = ", ".join(f"{name} {count:,}" for name, count in vcpu.unsupported.items())
        yield cell("", f"vCPU {vcpu.index}: instructions unknown to the engine: {counts}")


def unsupported_text(place: Mapping[str, str]) -> str:
    """Write where an instruction or system register was met that the harts lack."""
    where = ", ".join(filter(None, (place["pc"], place["symbol"], place.get("source", ""))))
    return f"{place['name']} of {place['extension']} at pc {where}: not supported"


def kept_text(counts: Mapping[str, int]) -> str:
    """Write what was done with kept code; "" if nothing was."""
    texts = {
        "kept_functions": "used {:,} functions of earlier runs",
        "stored": "kept {:,} for later ones",
        "refused": "refused {:,} damaged records",
    }
    done = [text.format(counts[name]) for name, text in texts.items() if counts.get(name)]
    return f"code store: {', '.join(done)}" if done else ""


def register_table(registers: Mapping[str, int]) -> Table:
    """Make the table of registers, several to a line."""
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    values = [f"{name:>4} {value:#018x}" for name, value in registers.items()]
    for start in range(0, len(values), REGISTERS_A_LINE):
        table.add_row(*(cell("", value) for value in values[start : start + REGISTERS_A_LINE]))
    return table


def device_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Make the table with one row per queue of the devices that were attached."""
    table = new_table()
    for name in (*DEVICE_COLUMNS, *DEVICE_BYTES):
        justify: Any = "left" if name in DEVICE_COLUMNS[:3] else "right"
        title = name.replace("_", "\n", 1).replace("_", " ")
        table.add_column(title, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*(cell("", row[name]) for name in (*DEVICE_COLUMNS, *DEVICE_BYTES)))
    return table


def ledger_table(ledger: Mapping[str, LedgerCounts]) -> Table:
    """Make the table with one row per stream of the bus."""
    table = new_table()
    table.add_column("stream", overflow="fold")
    for name in LEDGER_COLUMNS:
        table.add_column(name.replace("_", " "), justify="right", overflow="fold")
    for stream in list(ledger)[:ROW_LIMIT]:
        counts = (cell("", ledger[stream].get(name)) for name in LEDGER_COLUMNS)
        table.add_row(cell("", stream), *counts)
    return table
