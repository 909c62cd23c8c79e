"""What it costs to attach something while the guest runs."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.model import FEW_ROUNDS, Bar, Case, Figure, Side, Variant

MODES = {
    "callbacks alone": "nothing",
    "a place more": "once",
    "a place more, and one less": "each",
}
HARTS = (1, 4)
ROUNDS = 2


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    if choice.has_engine("llvm"):
        yield attaching()
        yield debugger()


def attaching() -> Case:
    """At each call to where it returns: one Python call, or two, and what is attached."""
    variants = tuple(
        Variant(
            f"{name}, {smp} vCPUs",
            smp=smp,
            engine="llvm",
            plugins=(f"{{bench}}/at_returns.py,attach={mode}",),
        )
        for smp in HARTS
        for name, mode in MODES.items()
    )
    figures = tuple(
        Figure(one.name, ((one.name, "a first call", 1),), "ms", factor=1e3) for one in variants
    )
    bars = (Bar(f"a place more, {HARTS[0]} vCPUs", Side.AT_MOST, 1.0, CLAIM),)
    return Case(
        name="attaching.returns",
        purpose="2,000 places that call, where each return is attached to at the call",
        guest="many_calls",
        symbols={"rounds": ROUNDS},
        variants=variants,
        figures=figures,
        bars=bars,
        same_output=False,
        rounds=FEW_ROUNDS,
    )


CLAIM = "llvm: at most 1 ms to attach to a place"


def debugger() -> Case:
    """A run that waits for a debugger, and one that has one, over one that does not."""
    place = Path(tempfile.gettempdir()) / f"mttcg-bench-{os.getpid()}.gdb"
    debugged = ("--gdb", str(place), "--wait-gdb")
    variants = (
        Variant("nothing", engine="llvm"),
        Variant(WAITING, engine="llvm", settings={"arguments": ("--gdb",)}),
        Variant(
            BREAKPOINTS,
            engine="llvm",
            plugins=(f"{{bench}}/breakpoints.py,place={place}",),
            settings={"arguments": debugged},
        ),
    )
    figures = tuple(
        Figure(f"{one.name}: CPU", ((one.name, "vcpu_cpu", 1), ("nothing", "vcpu_cpu", -1)))
        for one in variants[1:]
    )
    bars = tuple(
        Bar(figure.name, Side.AT_MOST, MOST_COST, claim)
        for figure, claim in zip(figures, DEBUGGER_CLAIMS, strict=True)
    )
    return Case(
        name="attaching.debugger",
        purpose="mix, with a debugger that does not stop it",
        guest="mix",
        symbols={"rounds": DEBUGGED_ROUNDS},
        variants=variants,
        figures=figures,
        bars=bars,
        rounds=FEW_ROUNDS,
    )


WAITING, BREAKPOINTS = "--gdb", "100 breakpoints"
MOST_COST, DEBUGGED_ROUNDS = 1.02, 4000
DEBUGGER_CLAIMS = (
    "--gdb costs at most 1.02 without a debugger",
    "100 breakpoints in code that does not run cost at most 1.02",
)
