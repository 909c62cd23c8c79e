"""One table for a reader who has a minute: what is asked first, here and elsewhere."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from mttcg_bench.measured import Measured
from mttcg_bench.tables import number


class Cell(NamedTuple):
    """A figure of a case, and the text around it."""

    case: str
    figure: str
    text: str


class Question(NamedTuple):
    """A row: what is asked, the answer here, and what stands beside it."""

    asked: str
    here: Cell
    beside: tuple[Cell, ...] = ()


HEADINGS = ("what", "mttcg", "for comparison")
QUESTIONS = (
    Question(
        "how fast a guest runs (`mix`, one vCPU)",
        Cell("engines.mix", "instructions", "{} M instructions/s"),
        (
            Cell("engines.mix", "QEMU 7.2 over llvm", "{} times as fast as QEMU 7.2"),
            Cell("engines.mix", "llvm over host", "{} times the time of the same C on the host"),
        ),
    ),
    Question(
        "what two vCPUs do on two cores",
        Cell("engines.two-harts", "work of 2", "{} times the work of one"),
        (
            Cell(
                "engines.two-harts",
                "work of 2 processes of the host",
                "two processes of the host: {} times",
            ),
        ),
    ),
    Question(
        "what counting instructions costs",
        Cell("plugins.llvm-inline", "icount: CPU", "{} times the CPU time"),
        (Cell("scaleout.qemu-10.0", "instructions inline: CPU, 1 vCPUs", "QEMU 10.0, inline: {}"),),
    ),
    Question(
        "what counting every block costs",
        Cell("plugins.llvm-inline", "hotblocks: CPU", "{} times the CPU time"),
        (Cell("scaleout.qemu-10.0", "hotblocks callback: CPU, 1 vCPUs", "QEMU 10.0: {}"),),
    ),
    Question(
        "the same with two vCPUs",
        Cell("scaleout.llvm-weak", "hotblocks: CPU, 2 vCPUs", "{} times the CPU time"),
        (Cell("scaleout.qemu-10.0", "hotblocks callback: CPU, 2 vCPUs", "QEMU 10.0: {}"),),
    ),
    Question(
        "what a probe on every memory access costs",
        Cell("plugins.llvm-inline", "access-probe: CPU", "{} times the CPU time"),
    ),
    Question(
        "records of memory accesses that reach another process",
        Cell("plugins.llvm-records", "memtrace: records", "{} M/s, none lost"),
    ),
)


def minute_table(measured: Measured) -> str:
    """The table as Markdown, of the rows that were measured; "" if none was."""
    rows = list(rows_of(measured))
    lines = [HEADINGS, tuple("---" for _ in HEADINGS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) if rows else ""


def rows_of(measured: Measured) -> Iterator[tuple[str, str, str]]:
    """The rows that were measured."""
    for question in QUESTIONS:
        here = list(texts([question.here], measured))
        if here:
            yield question.asked, here[0], "; ".join(texts(question.beside, measured))


def texts(cells: Iterable[Cell], measured: Measured) -> Iterator[str]:
    """What was measured of some figures, as text."""
    for cell in cells:
        spread = measured.figure(cell.case, cell.figure)
        if spread is not None:
            yield cell.text.format(number(spread.median))
