"""The tool `unicorn`: a guest with one hart on Unicorn alone, in a process of its own."""

import json
import sys

from mttcg_bench.checkout import GUESTS
from mttcg_bench.errors import RunFailed
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools.process import run

FINISHER_PASS = 0x5555


def unavailable(_variant: Variant) -> str:
    """Why it can't run here: it can."""
    return ""


def measure(case: Case, variant: Variant) -> Measurement:
    """One run; raises RunFailed if the guest ends with a fault."""
    job = {
        "guest": str(GUESTS / f"{case.guest}.elf"),
        "symbols": case.work_of(variant),
        "mapping": variant.settings["mapping"],
    }
    command = [sys.executable, "-m", "mttcg_bench.processes.bare_unicorn"]
    ended = run(variant.name, command, given=json.dumps(job).encode())
    answer = json.loads(ended.output)
    if answer["finished"] != FINISHER_PASS:
        raise RunFailed(variant.name, f"the guest ended with {answer['finished']:#x}")
    metrics = {name: answer[name] for name in ("guest", "vcpu_cpu")}
    return Measurement({**metrics, "wall": ended.wall, "all_cpu": ended.cpu}, answer["output"])
