"""Debian's kernel, from the shell to its power-off."""

from collections.abc import Iterator
from typing import Any

from mttcg_bench.cases import linux_plugins, linux_programs
from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.model import FEW_ROUNDS, Bar, Case, Figure, Side, Variant

QEMU = "QEMU 7.2"
BARS = {"first run": 1.2, "kept": 0.7}
"""Of QEMU's time, at most."""


VCPUS = (1, 2)
HOTBLOCKS, WITHOUT, OVER = "hotblocks", "without", "hotblocks over without"


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    if choice.has_engine("llvm"):
        yield from map(boot, VCPUS)
        yield with_hotblocks()
    yield from linux_plugins.cases(choice)
    yield from linux_programs.cases(choice)


def boot(vcpus: int) -> Case:
    """Boots: the first that there is, and one with the code of earlier ones."""
    settings: dict[str, dict[str, Any]] = {
        "first run": {"on": "mttcg"},
        "kept": {"on": "mttcg", "kept": True},
    }
    variants = [
        Variant(name, "linux", engine="llvm", smp=vcpus, settings=given)
        for name, given in settings.items()
    ]
    qemu = Variant(QEMU, "linux", smp=vcpus, settings={"on": "qemu", "version": "7.2"})
    several = "" if vcpus == 1 else f" on {vcpus} vCPUs"
    return Case(
        name="linux.boot" if vcpus == 1 else f"linux.boot-{vcpus}",
        purpose=f"Debian's kernel and busybox to power-off, vCPUs: {vcpus}; whole commands by the "
        "clock",
        variants=(*variants, qemu),
        figures=(
            *(Figure(f"{name} over {QEMU}", over(name, "wall"), "times") for name in BARS),
            *(
                Figure(f"{name}: vCPU over {QEMU}, CPU", over(name, "vcpu_cpu"), "times")
                for name in BARS
            ),
            *(
                Figure(f"{name}: all processes over {QEMU}, CPU", over(name, "all_cpu"), "times")
                for name in BARS
            ),
            Figure("functions of earlier runs", (("kept", "kept_functions", 1),)),
        ),
        bars=tuple(
            Bar(f"{name} over {QEMU}", Side.AT_MOST, limit, f"llvm: boot of Linux, {name}{several}")
            for name, limit in BARS.items()
        ),
        rounds=FEW_ROUNDS,
    )


def with_hotblocks() -> Case:
    """What hotblocks costs in a boot, both with the code of earlier runs."""
    kept = {"on": "mttcg", "kept": True}
    variants = (
        Variant(WITHOUT, "linux", engine="llvm", settings=kept),
        Variant(HOTBLOCKS, "linux", engine="llvm", plugins=(HOTBLOCKS,), settings=kept),
    )
    both = {"": "wall", ": vCPU, CPU": "vcpu_cpu", ": all processes, CPU": "all_cpu"}
    return Case(
        name="linux.hotblocks",
        purpose="Debian's kernel and busybox to power-off with hotblocks and without, 1 vCPU",
        variants=variants,
        figures=tuple(
            Figure(f"{OVER}{what}", ((HOTBLOCKS, metric, 1), (WITHOUT, metric, -1)), "times")
            for what, metric in both.items()
        ),
        bars=(Bar(OVER, Side.AT_MOST, 1.2, "llvm: boot of Linux with hotblocks"),),
        rounds=FEW_ROUNDS,
    )


def over(name: str, metric: str) -> tuple[tuple[str, str, float], ...]:
    """A time over QEMU's."""
    return (name, metric, 1), (QEMU, metric, -1)
