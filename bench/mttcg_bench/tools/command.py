"""The tool `command`: a whole `mttcg run`."""

import json
import re
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mttcg_bench.checkout import below_root
from mttcg_bench.errors import CountWrong, RunFailed
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools.guests import addresses, guest_file, measured
from mttcg_bench.tools.process import EndedProcess, run

EVENTS = re.compile(r"^events (\d+)$", re.MULTILINE)
"""What a plugin of ours prints on each vCPU's exit."""
PLUGINS = Path(__file__).parents[1] / "plugins"
REPORT = "result.json"


def unavailable(_variant: Variant) -> str:
    """Why it can't run here: it can."""
    return ""


def measure(case: Case, variant: Variant) -> Measurement:
    """One run.

    Settings: `arguments`, further ones of the command; `cold`: none of its native code was compiled
    by an earlier run; `calls_of_a_round`: how often, on each hart, a round calls what the plugin
    counts. Raises RunFailed, also if a stream lost something unseen, and CountWrong if the plugin
    did not see what was executed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        cold = {"NUMBA_CACHE_DIR": scratch} if variant.settings.get("cold") else None
        ended = run(variant.name, command_line(case, variant, Path(scratch)), cold, watched=True)
        result = json.loads((Path(scratch) / REPORT).read_text())
    if result["failures"]:
        raise RunFailed(variant.name, result["failures"][0])
    metrics = metrics_of(result, ended)
    rounds = case.work_of(variant).get("rounds", 0)
    metrics |= measured(ended.output)
    metrics["calls"] = variant.settings.get("calls_of_a_round", 0) * rounds * variant.smp
    check_ledger(variant, metrics)
    if variant.counts and metrics["events"] != metrics[variant.counts]:
        expected = metrics[variant.counts]
        raise CountWrong(variant.name, metrics["events"], variant.counts, expected)
    return Measurement(metrics, ended.output)


def command_line(case: Case, variant: Variant, scratch: Path) -> list[str]:
    """The command of a variant, which writes its files into `scratch`."""
    guest = case.guest_of(variant)
    known = {**addresses(guest), "bench": below_root(PLUGINS), "scratch": scratch}
    line = [sys.executable, "-m", "mttcg", "run", guest_file(guest)]
    line += ["--smp", str(variant.smp), "--engine", variant.engine]
    line += ["--tiers", variant.tiers] if variant.tiers else []
    line += ["--quiet", "--json", str(scratch / REPORT)]
    for symbol, value in case.work_of(variant).items():
        line += ["--set", f"{symbol}={value}"]
    for plugin in variant.plugins:
        line += ["--plugin", plugin.format_map(known)]
    return [*line, *variant.settings.get("arguments", ())]


def metrics_of(result: Mapping[str, Any], ended: EndedProcess) -> dict[str, float]:
    """The metrics that cases/__init__.py describes, from the JSON of a run."""
    vcpus, seconds = result["vcpus"], result["seconds"]
    guest = max(vcpu["seconds_running"] + vcpu["seconds_idle"] for vcpu in vcpus)
    return {
        "guest": guest,
        "delivered": guest + seconds["deliver"],
        "wall": ended.wall,
        "start": seconds["start"],
        "vcpu_cpu": sum(vcpu["seconds_cpu"] for vcpu in vcpus),
        "all_cpu": ended.cpu,
        "stalled": sum(vcpu["seconds_stalled"] for vcpu in vcpus),
        "instructions": sum(vcpu["instructions"] for vcpu in vcpus),
        "blocks": sum(vcpu["blocks"] for vcpu in vcpus),
        "translations": sum(vcpu["cache"]["misses"] for vcpu in vcpus),
        "events": events_of(result, ended.errors),
        **{
            f"records_{name}": sum(ledger[name] for ledger in result["ledger"].values())
            for name in ("emitted", "delivered", "dropped")
        },
        **({"unique": ended.unique["vcpus"]} if "vcpus" in ended.unique else {}),
        **{f"cpu_{role}": seconds for role, seconds in ended.cpu_of.items()},
    }


def check_ledger(variant: Variant, metrics: Mapping[str, float]) -> None:
    """Raise RunFailed unless every record was delivered or counted as dropped."""
    emitted, dropped = metrics["records_emitted"], metrics["records_dropped"]
    if emitted != metrics["records_delivered"] + dropped:
        wrong = f"{emitted:.0f} records; {metrics['records_delivered']:.0f} came, {dropped:.0f} not"
        raise RunFailed(variant.name, wrong)
    if dropped and "drop" not in " ".join(variant.settings.get("arguments", ())):
        raise RunFailed(variant.name, f"{dropped:.0f} records were dropped by a lossless stream")


def events_of(result: Mapping[str, Any], errors: str) -> float:
    """What the plugins saw: printed by ours, reported by icount and hotblocks, or emitted."""
    if printed := EVENTS.findall(errors):
        return float(sum(int(count) for count in printed))
    plugins = result["plugins"]
    if "icount" in plugins:
        return float(plugins["icount"]["total"]["instructions"])
    if "hotblocks" in plugins:
        return float(plugins["hotblocks"]["executions"])
    return float(sum(ledger["emitted"] for ledger in result["ledger"].values()))
