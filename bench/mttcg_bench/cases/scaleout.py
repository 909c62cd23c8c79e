"""Scale-out: overhead, speed and exactness as the vCPUs become more.

In the weak cases the work of each vCPU is fixed, in the strong ones that of all together. What is
attached is held against nothing attached on as many vCPUs, in the same round. What takes long has a
share of the work, and is held against that share of the time.
"""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace

from mttcg_bench.cases.attached import BUNDLED, NOTHING, attached, label_of
from mttcg_bench.cases.choice import SMP, CaseChoice
from mttcg_bench.cases.figures import cpu_over, growth, per_second, time_over, work
from mttcg_bench.model import FEW_ROUNDS, Bar, Better, Case, Figure, Side, Variant

DEFAULT = ("icount", "hotblocks", "access-probe")
"""On all numbers of vCPUs."""
LONG = ("memtrace", "memtrace-drop", "callback")
"""On 1 and 2 vCPUs, as are all plugins that come with mttcg."""
STRONG = ("hotblocks",)
ROUNDS = {"llvm": 600, "unicorn": 30}
"""Rounds of mix for each vCPU: about 0.6 s, on a machine of 2024."""
INLINE_ROUNDS = 1500
"""Of what costs next to nothing, so that noise does not hide that."""
STRONG_TIMES = 2
"""How many times the work of a vCPU in the weak case all have together in the strong one."""
PURPOSES = {
    "weak": "the work of each vCPU fixed",
    "strong": "the work of all together fixed",
    "inline": "the work of each vCPU fixed: what costs next to nothing, over longer runs",
    "others": "the work of each vCPU fixed: what costs more, over a share of the work",
}
FOR_UNICORN = (1, 2)
GROWS = (
    "No plugin's overhead at 2 vCPUs, in CPU time of the vCPU processes, is more than 1.1 times "
    "its overhead at 1"
)

QEMU_ROUNDS = 100
QEMU_SMP = (1, 2)
QEMU_ATTACHED = (
    ("instructions", "inline"),
    ("instructions", "callback"),
    ("hotblocks", "inline"),
    ("hotblocks", "callback"),
    ("accesses", "callback"),
)


def cases(choice: CaseChoice) -> Iterator[Case]:
    """The cases of the group."""
    for engine in ("llvm", "unicorn"):
        if choice.has_engine(engine):
            yield from engine_cases(engine, choice)
    for version in ("7.2", "10.0"):
        if choice.has_engine(f"qemu-{version}"):
            yield qemu_case(version, choice.smp or QEMU_SMP)


def engine_cases(engine: str, choice: CaseChoice) -> Iterator[Case]:
    """Weak and strong scaling on one of our engines, and the other plugins on two vCPUs."""
    smp = choice.smp or (SMP if engine == "llvm" else FOR_UNICORN)
    usual = DEFAULT if engine == "llvm" else (*DEFAULT, *LONG)
    wanted = [name for name in choice.plugins or usual if name != NOTHING]
    apart = engine == "llvm" and not choice.plugins  # 1 and 2 vCPUs, in cases of their own
    yield case(engine, "weak", wanted, dict.fromkeys(smp, ROUNDS[engine]), held=not apart)
    total = STRONG_TIMES * ROUNDS[engine]
    strong = [name for name in STRONG if name in wanted]
    if engine == "llvm" or choice.smp:
        yield case(engine, "strong", strong, {n: total // n for n in smp}, held=False)
    if apart:
        all_of_them = ["empty", *DEFAULT, "execlog", *LONG, *BUNDLED]
        inline = [name for name in all_of_them if attached(name).share == 1]
        costly = [name for name in all_of_them if name not in inline]
        yield case(engine, "inline", inline, dict.fromkeys((1, 2), INLINE_ROUNDS), sys.maxsize)
        yield case(engine, "others", costly, dict.fromkeys((1, 2), ROUNDS[engine]), sys.maxsize)


def case(
    engine: str,
    kind: str,
    names: list[str],
    rounds: dict[int, int],
    runs: int = FEW_ROUNDS,
    held: bool = True,
) -> Case:
    """One case: everything attached, on each number of vCPUs with so many rounds for each.

    `runs`: how often all of it is taken, at most. `held`: against the bar.
    What has a share of the rounds is held against nothing attached for that share of its time.
    """
    smp = tuple(rounds)
    variants = [
        variant(engine, name, n, rounds[n]) for n in smp for name in (NOTHING, *names)
    ]  # all of one number of vCPUs in a row, so that what is compared is close in time
    figures = [*speed_figures(smp, strong=kind == "strong")]
    for name in names:
        times = {n: rounds[n] / rounds_of(name, rounds[n]) for n in smp}
        figures += overhead_figures(label_of(name), times)
        figures += event_figures(name, smp)
    bars = []
    if held and 1 in smp and 2 in smp:
        bars = [Bar(f"{label_of(n)}: growth at 2", Side.AT_MOST, 1.1, GROWS) for n in names]
    return Case(
        name=f"scaleout.{engine}-{kind}",
        purpose=f"mix on {engine}, {PURPOSES[kind]}",
        guest="mix",
        variants=tuple(variants),
        figures=tuple(figures),
        bars=tuple(bars),
        rounds=runs,
    )


def key(name: str, smp: int) -> str:
    """The name of a variant."""
    return f"{label_of(name)}, {smp}"


def rounds_of(name: str, rounds: int) -> int:
    """What has a share of the rounds does so many of them, one at least."""
    return max(round(rounds * attached(name).share), 1)


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
        symbols={"rounds": rounds_of(name, rounds)},
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


def event_figures(name: str, smp: tuple[int, ...]) -> Iterator[Figure]:
    """How many events a second there were on each number of vCPUs."""
    for n in smp if attached(name).events else ():
        label = f"{label_of(name)}: {attached(name).events}, {n} vCPUs"
        yield per_second(label, key(name, n), "events", "delivered")


def overhead_figures(label: str, times: Mapping[int, float]) -> Iterator[Figure]:
    """What something attached costs on each number of vCPUs, and how that grows.

    times: by number of vCPUs, how many times its rounds nothing attached does.
    """
    for n, factor in times.items():
        for what, over in (("CPU", cpu_over), ("time", time_over)):
            cost = over(f"{label}: {what}, {n} vCPUs", key(label, n), key(NOTHING, n))
            yield replace(cost, factor=factor)
    for n in tuple(times)[1:] if 1 in times else ():
        yield growth(f"{label}: growth at {n}", *(
            key(what, on) for what, on in ((label, n), (NOTHING, n), (NOTHING, 1), (label, 1))
        ))  # fmt: skip


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
    figures = [
        figure
        for name, _ in series[1:]
        for figure in overhead_figures(name, dict.fromkeys(smp, 1.0))
    ]
    if 1 in smp:
        figures += [work(f"work of {n}", key(NOTHING, 1), key(NOTHING, n), n) for n in smp[1:]]
    return Case(
        name=f"scaleout.qemu-{version}",
        purpose=f"mix on QEMU {version}, thread=multi, the work of each vCPU fixed",
        guest="mix",
        variants=variants,
        figures=tuple(figures),
        rounds=FEW_ROUNDS,
    )
