"""The tool `unicorn`: a guest with one hart on Unicorn alone, in a process of its own."""

import json
import sys

from bench.errors import RunFailed
from bench.model import Case, Measurement, Variant
from bench.tools.guests import GUESTS
from bench.tools.process import run

FINISHER_PASS = 0x5555


def unavailable() -> str:
    """Why it can't run here: it can."""
    return ""


def measure(case: Case, variant: Variant) -> Measurement:
    """One run; raises RunFailed if the guest ends with a fault."""
    job = {
        "guest": str(GUESTS.joinpath(case.guest).with_suffix(".elf")),
        "symbols": dict(case.symbols),
        "mapping": variant.settings["mapping"],
    }
    command = [sys.executable, "-m", "bench.processes.bare_unicorn"]
    ended = run(variant.name, command, given=json.dumps(job).encode())
    answer = json.loads(ended.output)
    if answer["finished"] != FINISHER_PASS:
        raise RunFailed(variant.name, f"the guest ended with {answer['finished']:#x}")
    metrics = {name: answer[name] for name in ("guest", "vcpu_cpu")}
    return Measurement({**metrics, "wall": ended.wall, "all_cpu": ended.cpu}, answer["output"])
