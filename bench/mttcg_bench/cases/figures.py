"""Figures that many cases have."""

from mttcg_bench.model import Better, Figure, Term


def ratio(over: Term, under: Term) -> tuple[Term, Term]:
    """One term over another."""
    return (over, (*under[:2], -under[2]))


def per_second(name: str, variant: str, counted: str, seconds: str = "guest") -> Figure:
    """Millions of something a second."""
    terms = ratio((variant, counted, 1), (variant, seconds, 1))
    return Figure(name, terms, "M/s", factor=1e-6, better=Better.MORE)


def cpu_over(name: str, variant: str, base: str) -> Figure:
    """CPU time of the vCPUs over that of another variant."""
    return Figure(name, ratio((variant, "vcpu_cpu", 1), (base, "vcpu_cpu", 1)), "times")


def time_over(
    name: str, variant: str, base: str, factor: float = 1.0, better: Better = Better.LESS
) -> Figure:
    """Time inside the guest over that of another variant."""
    terms = ratio((variant, "guest", 1), (base, "guest", 1))
    return Figure(name, terms, "times", factor, better)


def work(name: str, one: str, many: str, smp: int, metric: str = "guest") -> Figure:
    """How many times the work of one vCPU several do in the same time.

    With the metric `vcpu_cpu`, in CPU time: what they would do if each had a core to itself.
    """
    factor = float(smp * smp if metric == "vcpu_cpu" else smp)
    terms = ratio((one, metric, 1), (many, metric, 1))
    return Figure(name, terms, "times", factor, Better.MORE)


def growth(name: str, many: str, base_many: str, base_one: str, one: str) -> Figure:
    """CPU overhead on many vCPUs over that on one, each over a variant with nothing attached."""
    terms = (
        *ratio((many, "vcpu_cpu", 1), (base_many, "vcpu_cpu", 1)),
        *ratio((base_one, "vcpu_cpu", 1), (one, "vcpu_cpu", 1)),
    )
    return Figure(name, terms, "times")
