"""Scale-out: overhead, speed and exactness as the vCPUs become more.

In the weak cases the work of each vCPU is fixed, in the strong ones that of all together. What is
attached is held against nothing attached on as many vCPUs, in the same round. Records and callbacks
have fewer rounds of work, and nothing attached for as many rounds beside them.
"""

from collections.abc import Iterator

from mttcg_bench.cases.attached import NOTHING, attached, label_of
from mttcg_bench.cases.choice import SMP, Choice
from mttcg_bench.cases.figures import cpu_over, per_second, ratio, time_over, work
from mttcg_bench.model import Bar, Better, Case, Figure, Side, Variant

DEFAULT = (
    "empty", "icount", "hotblocks", "access-probe", "memtrace", "memtrace-drop", "callback",
)  # fmt: skip
STRONG = ("hotblocks",)
ROUNDS = {"llvm": 700, "unicorn": 40}
"""Rounds of mix for each vCPU: about 0.6 s, on a machine of 2024."""
STRONG_TIMES = 2
"""How many times the work of a vCPU in the weak case all have together in the strong one."""
FOR_UNICORN = (1, 2, 4)
GROWS = (
    "No plugin's overhead at 2 vCPUs, in CPU time of the vCPU processes, is more than 1.1 times "
    "its overhead at 1"
)
TWICE = "Two harts on two cores do at least 1.9 times the work of one"

QEMU_ROUNDS = 150
QEMU_SMP = (1, 2, 4)
QEMU_ATTACHED = (
    ("instructions", "inline"),
    ("instructions", "callback"),
    ("hotblocks", "inline"),
    ("hotblocks", "callback"),
    ("accesses", "callback"),
)


def cases(choice: Choice) -> Iterator[Case]:
    """The cases of the group."""
    for engine in ("llvm", "unicorn"):
        if choice.has_engine(engine):
            yield from engine_cases(engine, choice)
    for version in ("7.2", "10.0"):
        if choice.has_engine(f"qemu-{version}"):
            yield qemu_case(version, choice.smp or QEMU_SMP)


def engine_cases(engine: str, choice: Choice) -> Iterator[Case]:
    """Weak and strong scaling on one of our engines."""
    smp = choice.smp or (SMP if engine == "llvm" else FOR_UNICORN)
    wanted = [name for name in choice.plugins or DEFAULT if name != NOTHING]
    by_share: dict[float, list[str]] = {1.0: []}
    for name in wanted:
        by_share.setdefault(attached(name).share, []).append(name)
    for share, names in by_share.items():
        rounds = round(ROUNDS[engine] * share)
        kind = "weak" if share == 1.0 else f"weak-{rounds}"
        yield case(engine, kind, names, smp, dict.fromkeys(smp, rounds))
    total = STRONG_TIMES * ROUNDS[engine]
    strong = [name for name in STRONG if name in wanted]
    yield case(engine, "strong", strong, smp, {n: total // n for n in smp})


def case(
    engine: str, kind: str, names: list[str], smp: tuple[int, ...], rounds: dict[int, int]
) -> Case:
    """One case: everything attached, on each number of vCPUs with so many rounds for each."""
    labels = [label_of(name) for name in names]
    variants = [
        variant(engine, name, n, rounds[n]) for n in smp for name in (NOTHING, *names)
    ]  # all of one number of vCPUs in a row, so that what is compared is close in time
    figures = [*speed_figures(smp, strong=kind == "strong")]
    figures += [figure for label in labels for figure in overhead_figures(label, smp)]
    figures += [
        per_second(f"{label_of(name)}: {attached(name).events}, {n} vCPUs", key(name, n), "events",
                   "delivered")
        for name in names if attached(name).events for n in smp
    ]  # fmt: skip
    bars = []
    if 1 in smp and 2 in smp and kind != "strong":
        bars = [Bar(f"{label}: growth at 2", Side.AT_MOST, 1.1, GROWS) for label in labels]
    if engine == "llvm" and kind == "weak" and bars:
        bars.append(Bar("work of 2", Side.AT_LEAST, 1.9, TWICE))
    fixed = "all together" if kind == "strong" else "each vCPU"
    return Case(
        name=f"scaleout.{engine}-{kind}",
        purpose=f"mix on {engine}, the work of {fixed} fixed",
        guest="mix",
        variants=tuple(variants),
        figures=tuple(figures),
        bars=tuple(bars),
    )


def key(name: str, smp: int) -> str:
    """The name of a variant."""
    return f"{label_of(name)}, {smp}"


def variant(engine: str, name: str, smp: int, rounds: int) -> Variant:
    """Something attached on so many vCPUs."""
    what = attached(name)
    return Variant(
        key(name, smp),
        smp=smp,
        engine=engine,
        plugins=what.plugins,
        counts=what.counts,
        settings={"arguments": what.arguments, **what.settings},
        symbols={"rounds": rounds},
        series=label_of(name),
    )


def speed_figures(smp: tuple[int, ...], strong: bool) -> Iterator[Figure]:
    """What the uninstrumented guest does with more vCPUs."""
    if 1 in smp:
        for n in smp[1:]:
            one, many = key(NOTHING, 1), key(NOTHING, n)
            if strong:
                yield time_over(f"speed-up of {n}", one, many, better=Better.MORE)
            else:
                yield work(f"work of {n}", one, many, n)
                yield work(f"work of {n}, a core for each", one, many, n, "vcpu_cpu")
    for n in smp:
        yield per_second(f"instructions, {n} vCPUs", key(NOTHING, n), "instructions")


def overhead_figures(label: str, smp: tuple[int, ...]) -> Iterator[Figure]:
    """What something attached costs on each number of vCPUs, and how that grows."""
    for n in smp:
        yield cpu_over(f"{label}: CPU, {n} vCPUs", key(label, n), key(NOTHING, n))
        yield time_over(f"{label}: time, {n} vCPUs", key(label, n), key(NOTHING, n))
    if 1 not in smp:
        return
    for n in smp[1:]:
        terms = (
            *ratio((key(label, n), "vcpu_cpu", 1), (key(NOTHING, n), "vcpu_cpu", 1)),
            *ratio((key(NOTHING, 1), "vcpu_cpu", 1), (key(label, 1), "vcpu_cpu", 1)),
        )
        yield Figure(f"{label}: growth at {n}", terms, "times")


def qemu_case(version: str, smp: tuple[int, ...]) -> Case:
    """The same on QEMU, a thread for each vCPU, with our plugin inline and by callback."""
    series = [(NOTHING, {}), *((f"{what} {how}", {"what": what, "how": how})
                               for what, how in QEMU_ATTACHED)]  # fmt: skip
    variants = tuple(
        Variant(
            key(name, n),
            "qemu",
            smp=n,
            settings={"version": version, **settings},
            symbols={"rounds": QEMU_ROUNDS},
            series=name,
        )
        for n in smp
        for name, settings in series
    )
    figures = [figure for name, _ in series[1:] for figure in overhead_figures(name, smp)]
    if 1 in smp:
        figures += [work(f"work of {n}", key(NOTHING, 1), key(NOTHING, n), n) for n in smp[1:]]
    return Case(
        name=f"scaleout.qemu-{version}",
        purpose=f"mix on QEMU {version}, thread=multi, the work of each vCPU fixed",
        guest="mix",
        variants=variants,
        figures=tuple(figures),
    )
