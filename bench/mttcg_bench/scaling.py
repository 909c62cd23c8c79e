"""What the scale-out cases show, by what is attached and by number of vCPUs."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from mttcg_bench.cases import figures
from mttcg_bench.cases.attached import NOTHING
from mttcg_bench.cases.figures import cpu_over, time_over, work
from mttcg_bench.law import Law, fit
from mttcg_bench.model import Figure
from mttcg_bench.runner import CaseResult
from mttcg_bench.summary import Spread, spread_of

Curve = Mapping[int, Spread]
"""Something by the number of vCPUs."""
GROUP = "scaleout"
CORES_BEYOND = (16, 32, 64)
"""For how many cores the model is asked."""


def scaled(results: Iterable[CaseResult]) -> list[CaseResult]:
    """The cases of the group."""
    return [result for result in results if result.case.group == GROUP]


def is_strong(result: CaseResult) -> bool:
    """Whether the work of all vCPUs together is fixed."""
    return result.case.name.endswith("-strong")


def engine_of(result: CaseResult) -> str:
    """What a case ran on: llvm, unicorn, qemu-7.2, ..."""
    name = result.case.name.partition(".")[2]
    return name if name.startswith("qemu") else name.partition("-")[0]


def variants_of(result: CaseResult) -> dict[tuple[str, int], str]:
    """Names of the variants by series and number of vCPUs."""
    return {(one.series, one.smp): one.name for one in result.case.variants if one.series}


def curves(result: CaseResult, metric: str) -> dict[str, Curve]:
    """What each thing attached costs over nothing on as many vCPUs, in `vcpu_cpu` or `guest`."""
    make = cpu_over if metric == "vcpu_cpu" else time_over
    found: dict[str, dict[int, Spread]] = {}
    known = variants_of(result)
    for (series, smp), name in known.items():
        base = known.get((NOTHING, smp))
        if series == NOTHING or base is None:
            continue
        figure = replace(make("", name, base), factor=times_the_work(result, base, name))
        if spread := spread_of(figure, result):
            found.setdefault(series, {})[smp] = spread
    return dict(found)


def times_the_work(result: CaseResult, one: str, other: str) -> float:
    """How many times the rounds of another variant one has."""
    rounds = {v.name: result.case.work_of(v).get("rounds", 1) for v in result.case.variants}
    return rounds[one] / rounds[other]


def growth(result: CaseResult, series: str, smp: int) -> Spread | None:
    """CPU overhead on so many vCPUs over that on one, round by round."""
    known = variants_of(result)
    names = [known.get(key) for key in ((series, smp), (NOTHING, smp), (NOTHING, 1), (series, 1))]
    if smp == 1 or None in names:
        return None
    return spread_of(figures.growth("", *map(str, names)), result)


def speed(result: CaseResult, series: str, metric: str = "guest") -> Curve:
    """How many times the work of one vCPU several do in the time, or in the CPU time, it takes."""
    known = variants_of(result)
    one, found = known.get((series, 1)), {}
    for (of, smp), name in known.items():
        if of != series or one is None:
            continue
        figure = work("", one, name, smp, metric)
        if is_strong(result):
            figure = Figure("", figure.terms, "times", figure.factor / smp, figure.better)
        if spread := spread_of(figure, result):
            found[smp] = spread
    return found


def law_of(result: CaseResult, series: str) -> Law | None:
    """The scalability law of a series, from what its vCPUs would do with a core for each."""
    points = [(float(n), one.median) for n, one in speed(result, series, "vcpu_cpu").items()]
    return fit(points)
