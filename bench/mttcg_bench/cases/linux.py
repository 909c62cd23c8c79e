"""Debian's kernel, from the shell to its power-off."""

from collections.abc import Iterator
from typing import Any

from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.model import FEW_ROUNDS, Bar, Case, Figure, Side, Variant

QEMU = "QEMU 7.2"
BARS = {"first run": 1.2, "kept": 0.7}
"""Of QEMU's time, at most."""


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    if choice.has_engine("llvm"):
        yield boot()


def boot() -> Case:
    """Boots on one vCPU: the first that there is, and one with the code of earlier ones."""
    settings: dict[str, dict[str, Any]] = {
        "first run": {"on": "mttcg"},
        "kept": {"on": "mttcg", "kept": True},
    }
    variants = [
        Variant(name, "linux", engine="llvm", settings=given) for name, given in settings.items()
    ]
    qemu = Variant(QEMU, "linux", settings={"on": "qemu", "version": "7.2"})
    return Case(
        name="linux.boot",
        purpose="Debian's kernel and busybox to power-off, 1 vCPU, whole commands by the clock",
        variants=(*variants, qemu),
        figures=(
            *(Figure(f"{name} over {QEMU}", over(name, "wall"), "times") for name in BARS),
            *(
                Figure(f"{name}: vCPU over {QEMU}, CPU", over(name, "vcpu_cpu"), "times")
                for name in BARS
            ),
            Figure("functions of earlier runs", (("kept", "kept_functions", 1),)),
        ),
        bars=tuple(
            Bar(f"{name} over {QEMU}", Side.AT_MOST, limit, f"llvm: boot of Linux, {name}")
            for name, limit in BARS.items()
        ),
        rounds=FEW_ROUNDS,
    )


def over(name: str, metric: str) -> tuple[tuple[str, str, float], ...]:
    """A time over QEMU's."""
    return (name, metric, 1), (QEMU, metric, -1)
