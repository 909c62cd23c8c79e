"""Litmus tests as data: the reader of `shapes.litmus`.

One line is one test; `#` begins a comment, a line of its own:

    LB+datas: lw r0, x; data r0; sw t1, y | swapped => never 0:r0=1 1:r0=1

- its name, then the instructions of each hart, of which `swapped` are those of the one before with
  x and y exchanged;
- `never` if RVWMO forbids the outcome, or `seen` if it allows it and an x86-64 host shows it;
- the outcome: registers of harts, and what memory has in the end; all of it has to hold at once.

Words: `x`, `y`, `z` are locations, 0 before, `&x` a register with the address of one, and `x[t1]` a
location by way of what `address` made; r0 to r2 are the registers that an outcome may name, 0
before; `one`, `two` and `nil` are registers with these numbers; t0 to t6 are free. `address`,
`data` and `control` make t1 a base, t1 the number 1, and a branch to the next instruction, each of
which depends on a register whose value does not matter.
"""

import re
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).with_suffix(".litmus")
_LINE = re.compile(r"(\S+): (.+) => (never|seen) (.+)")
_PART = re.compile(r"(?:(\d):r(\d)|([xyz]))(!?=)(\d)")
_EXCHANGED = {"x": "y", "y": "x"}


@dataclass(frozen=True)
class Part:
    """What an outcome asks of one value.

    Attributes:
        hart: whose register; None for a location.
        number: of the register or location.
        equal: whether it has to be the value, or not to be.
        value: to compare with.
    """

    hart: int | None
    number: int
    equal: bool
    value: int


@dataclass(frozen=True)
class Litmus:
    """One litmus test: the instructions of its harts, an outcome, and whether it is to be seen."""

    name: str
    harts: tuple[str, ...]
    outcome: tuple[Part, ...]
    seen: bool


def _part(text: str) -> Part:
    found = _PART.fullmatch(text)
    if found is None:
        raise ValueError(f"what is {text!r}?")
    hart, register, location, relation, value = found.groups()
    number = "xyz".index(location) if location else int(register)
    return Part(None if location else int(hart), number, relation == "=", int(value))


def _harts(text: str) -> tuple[str, ...]:
    harts: list[str] = []
    for hart in text.split(" | "):
        if hart == "swapped":
            hart = re.sub(r"\b[xy]\b", lambda found: _EXCHANGED[found[0]], harts[-1])
        harts.append(hart)
    return tuple(harts)


def read_line(line: str) -> Litmus:
    """The test in a line."""
    found = _LINE.fullmatch(line)
    if found is None:
        raise ValueError(f"no litmus test: {line}")
    name, harts, verdict, outcome = found.groups()
    parts = tuple(_part(part) for part in outcome.split())
    return Litmus(name, _harts(harts), parts, verdict == "seen")


SHAPES = tuple(
    read_line(line) for line in FILE.read_text().splitlines() if line and not line.startswith("#")
)
BY_NAME = {litmus.name: litmus for litmus in SHAPES}
