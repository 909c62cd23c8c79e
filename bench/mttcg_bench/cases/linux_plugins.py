"""Plugins on Debian's kernel: what they cost as its vCPUs become more, beside QEMU's."""

from collections.abc import Iterator

from mttcg_bench.cases.attached import NOTHING
from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.cases.figures import cpu_over, growth, ratio
from mttcg_bench.model import FEW_ROUNDS, Bar, Case, Figure, Side, Variant

WORK = "for n in 1 2 3 4; do md5sum /bin/busybox & done; wait; nproc"
"""Four processes, however many vCPUs there are."""
SMP = (1, 2, 4)
OURS = {
    "icount": ("icount",),
    "hotblocks": ("hotblocks",),
    "access-probe": ("{bench}/access_probe.py",),
}
THEIRS = {
    "QEMU 7.2, instructions inline": ("instructions", "inline"),
    "QEMU 7.2, hotblocks inline": ("hotblocks", "inline"),
    "QEMU 7.2, hotblocks callback": ("hotblocks", "callback"),
    "QEMU 7.2, accesses callback": ("accesses", "callback"),
}
"""What QEMU's plugin interface has that is nearest to ours; inline it adds to words that all vCPUs
share, and loses counts."""
QEMU_NOTHING = "QEMU 7.2, nothing"
GROWS = "llvm: no plugin's overhead on Linux at 4 vCPUs, in CPU time, is over 1.1 times that at 1"
BUSY, WATCHED = "gzip", "md5sum"
"""Programs that run at the same time, each on a vCPU of its own."""
APART = (
    f"taskset 2 sh -c 'for n in 1 2 3 4 5 6; do {BUSY} -c /bin/busybox >/dev/null; done' & "
    f"taskset 1 sh -c 'for n in 1 2 3; do {WATCHED} /bin/busybox; done'; wait"
)
ELSEWHERE = "hotblocks of another process"
UNWATCHED = "hotblocks of nobody"


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of plugins on Linux."""
    if choice.has_engine("llvm"):
        yield overhead(choice.smp or SMP)
        yield elsewhere()
        yield of_nobody()


def key(series: str, smp: int) -> str:
    """The name of a variant."""
    return f"{series}, {smp}"


def overhead(smp: tuple[int, ...]) -> Case:
    """The same work under each plugin, on each number of vCPUs."""
    variants = [variant for n in smp for variant in on_so_many(n)]
    pairs = [(name, NOTHING) for name in OURS] + [(name, QEMU_NOTHING) for name in THEIRS]
    figures, bars = [], []
    for name, base in pairs:
        figures += [cpu_over(f"{name}: CPU, {n} vCPUs", key(name, n), key(base, n)) for n in smp]
        if 1 in smp and 4 in smp:
            names = ((name, 4), (base, 4), (base, 1), (name, 1))
            figures.append(growth(f"{name}: growth at 4", *(key(*one) for one in names)))
            if name in OURS:
                bars.append(Bar(f"{name}: growth at 4", Side.AT_MOST, 1.1, GROWS))
    return Case(
        name="linux.plugins",
        purpose="Debian's kernel, four md5sums, power-off: CPU time with a plugin over without",
        variants=tuple(variants),
        figures=tuple(figures),
        bars=tuple(bars),
        rounds=FEW_ROUNDS,
        same_output=False,
    )


def on_so_many(smp: int) -> Iterator[Variant]:
    """All variants of one number of vCPUs, close in time."""
    for name, plugins in {NOTHING: (), **OURS}.items():
        settings = {"on": "mttcg", "kept": True, "commands": WORK}
        yield Variant(key(name, smp), "linux", smp, "llvm", plugins, settings=settings, series=name)
    for name, attached in {QEMU_NOTHING: None, **THEIRS}.items():
        settings = {"on": "qemu", "version": "7.2", "commands": WORK}
        if attached is not None:
            settings |= dict(zip(("what", "how"), attached, strict=True))
        yield Variant(key(name, smp), "linux", smp, settings=settings, series=name)


def elsewhere() -> Case:
    """What a process costs that nobody watches, on a vCPU of its own, while another is watched."""
    settings = {"on": "mttcg", "kept": True, "commands": APART}
    plugin = f"hotblocks,space={WATCHED},mode=user"
    variants = (
        Variant(NOTHING, "linux", 2, "llvm", settings=settings),
        Variant(ELSEWHERE, "linux", 2, "llvm", (plugin,), settings=settings),
    )
    terms = ratio((ELSEWHERE, "last_vcpu_cpu", 1), (NOTHING, "last_vcpu_cpu", 1))
    name = "a busy vCPU beside the watched one: CPU"
    return Case(
        name="linux.elsewhere",
        purpose="a vCPU busy with a process that no plugin watches, while another vCPU's is",
        variants=variants,
        figures=(Figure(name, terms, "times"),),
        bars=(Bar(name, Side.AT_MOST, 1.05, "llvm: a process that is not watched runs as ever"),),
        rounds=FEW_ROUNDS,
        same_output=False,
    )


def of_nobody() -> Case:
    """A boot with a plugin that is for a process that never comes."""
    settings = {"on": "mttcg", "kept": True}
    variants = (
        Variant(NOTHING, "linux", 1, "llvm", settings=settings),
        Variant(UNWATCHED, "linux", 1, "llvm", ("hotblocks,space=nobody",), settings=settings),
    )
    name = f"{UNWATCHED} over {NOTHING}: CPU"
    return Case(
        name="linux.nobody",
        purpose="Debian's kernel to power-off with hotblocks for a process that never comes",
        variants=variants,
        figures=(cpu_over(name, UNWATCHED, NOTHING),),
        bars=(Bar(name, Side.AT_MOST, 1.05, "llvm: a plugin for a process that never comes"),),
        rounds=FEW_ROUNDS,
        same_output=False,
    )
