"""The tool `beyond`: a whole `mttcg run`, and how much longer it takes than to start Python."""

from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools import command, python


def unavailable(_variant: Variant) -> str:
    """Why it can't run here: it can."""
    return ""


def measure(case: Case, variant: Variant) -> Measurement:
    """Start Python, and run the guest, one after the other."""
    alone, ran = python.measure(case, variant), command.measure(case, variant)
    beyond = ran.metrics["wall"] - alone.metrics["wall"]
    return Measurement({**ran.metrics, "beyond": beyond}, ran.output)
