"""What it costs to attach something while the guest runs."""

from collections.abc import Iterator

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
