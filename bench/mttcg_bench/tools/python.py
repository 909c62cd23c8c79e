"""The tool `python`: the interpreter alone, the floor of every start."""

import sys

from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools.process import run


def unavailable(_variant: Variant) -> str:
    """Why it can't run here: it can."""
    return ""


def measure(_case: Case, variant: Variant) -> Measurement:
    """Start and end an interpreter."""
    ended = run(variant.name, [sys.executable, "-c", "pass"])
    return Measurement({"wall": ended.wall, "all_cpu": ended.cpu})
