"""What a case is made of, all of it data: variants to run, figures over a round of them, bars."""

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Term = tuple[str, str, float]
"""A factor of a figure: variant, metric, exponent (1 / N in a geometric mean of N)."""
FEW_ROUNDS = 3
"""Of cases that take long, or whose rounds hardly differ."""


@dataclass(frozen=True)
class Variant:
    """One thing to run.

    Args:
        name: unique within the case.
        tool: a key of `mttcg_bench.tools.TOOLS`.
        smp: number of harts.
        engine: the engine of `mttcg run`.
        tiers: its tiers, "" for those that it has without being told.
        plugins: plugin specs; "{symbol}" stands for the address of a symbol of the guest.
        counts: the metric that the plugin's number of events has to equal, "" if there is none.
        settings: what else the tool understands.
        symbols: 64-bit values set in the guest, beside those of the case.
        series: what is measured, where the same is measured with several numbers of vCPUs.
        guest: name of its own guest, "" if it runs that of the case.
    """

    name: str
    tool: str = "command"
    smp: int = 1
    engine: str = "unicorn"
    plugins: tuple[str, ...] = ()
    counts: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    symbols: Mapping[str, int] = field(default_factory=dict)
    series: str = ""
    tiers: str = ""
    guest: str = ""


class Better(StrEnum):
    """Which way a figure gets better; what is not a claim about speed has no better side."""

    LESS = "less"
    MORE = "more"
    NEITHER = ""


@dataclass(frozen=True)
class Figure:
    """A number made of one round's samples: `factor` times the product of the terms.

    A ratio is one term over another, a rate a count over a time; as every round gives its own
    value, what drifts between rounds cancels out of ratios.
    """

    name: str
    terms: tuple[Term, ...]
    unit: str = ""
    factor: float = 1.0
    better: Better = Better.LESS


class Resource(StrEnum):
    """What of the machine most of a case's time goes into: whose pace its figures follow."""

    CORE = "core"
    MEMORY = "memory"


class Side(StrEnum):
    """On which side of its limit a figure has to be."""

    AT_MOST = "at most"
    AT_LEAST = "at least"


@dataclass(frozen=True)
class Bar:
    """A claim: the median of a figure stays on one side of a limit; `goal` is what is hoped for."""

    figure: str
    side: Side
    limit: float
    claim: str
    goal: float | None = None

    def holds(self, value: float) -> bool:
        """Whether a value is on the right side."""
        return value <= self.limit if self.side is Side.AT_MOST else value >= self.limit


@dataclass(frozen=True)
class Case:
    """Variants that run in turn, round after round, and what is read off them.

    Args:
        name: "group.what"; a group runs by its name alone.
        purpose: one line for people.
        variants: in the order of a round.
        figures: the numbers reported.
        bars: the claims held against them.
        guest: name of the example guest, "" if none is run.
        symbols: 64-bit values set in the guest.
        same_output: whether the guest must print the same under all variants that do the same
            work (with as many harts and the same symbols).
        rounds: how many at most, as one takes long or all are alike.
        bound_by: what of the machine its time goes into.
    """

    name: str
    purpose: str
    variants: tuple[Variant, ...]
    figures: tuple[Figure, ...]
    bars: tuple[Bar, ...] = ()
    guest: str = ""
    symbols: Mapping[str, int] = field(default_factory=dict)
    same_output: bool = True
    rounds: int = sys.maxsize
    bound_by: Resource = Resource.CORE

    def guest_of(self, variant: Variant) -> str:
        """The name of the guest that a variant runs, "" if it runs none."""
        return variant.guest or self.guest

    def work_of(self, variant: Variant) -> dict[str, int]:
        """The symbols that a variant sets: the case's and its own."""
        return {**self.symbols, **variant.symbols}

    def takes_part(self, number: int, rounds: int) -> bool:
        """Whether it runs in this round of so many: its own are spread over all of them."""
        own = min(self.rounds, rounds)
        return number in {(2 * one + 1) * rounds // (2 * own) for one in range(own)}

    @property
    def group(self) -> str:
        """The part of the name before the dot."""
        return self.name.partition(".")[0]


@dataclass(frozen=True)
class Measurement:
    """What one run of a variant gave: numbers by name, and what the guest printed."""

    metrics: dict[str, float]
    output: str = ""
