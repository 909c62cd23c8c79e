"""The tool `command`: a whole `mttcg run`."""

import json
import re
import sys
import tempfile
from pathlib import Path
from typing import Any

from bench.errors import CountWrong, RunFailed
from bench.model import Case, Measurement, Variant
from bench.tools.guests import addresses, guest_file
from bench.tools.process import Ended, run

EVENTS = re.compile(r"^events (\d+)$", re.MULTILINE)
"""What a plugin of ours prints on each vCPU's exit."""


def unavailable() -> str:
    """Why it can't run here: it can."""
    return ""


def measure(case: Case, variant: Variant) -> Measurement:
    """One run.

    A variant with the setting `cold` finds none of its native code compiled by an earlier run.
    Raises RunFailed, and CountWrong if the plugin did not see what was executed.
    """
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "result.json"
        cold = {"NUMBA_CACHE_DIR": scratch} if variant.settings.get("cold") else None
        ended = run(variant.name, command_line(case, variant, report), cold)
        result = json.loads(report.read_text())
    if result["failures"]:
        raise RunFailed(variant.name, result["failures"][0])
    metrics = metrics_of(result, ended)
    if variant.counts and metrics["events"] != metrics[variant.counts]:
        expected = metrics[variant.counts]
        raise CountWrong(variant.name, metrics["events"], variant.counts, expected)
    return Measurement(metrics, ended.output)


def command_line(case: Case, variant: Variant, report: Path) -> list[str]:
    """The command of a variant."""
    known = addresses(case.guest)
    line = [sys.executable, "-m", "mttcg", "run", str(guest_file(case.guest))]
    line += ["--smp", str(variant.smp), "--engine", variant.engine]
    line += ["--quiet", "--json", str(report)]
    for symbol, value in case.symbols.items():
        line += ["--set", f"{symbol}={value}"]
    for plugin in variant.plugins:
        line += ["--plugin", plugin.format_map(known)]
    return line


def metrics_of(result: dict[str, Any], ended: Ended) -> dict[str, float]:
    """The metrics that cases.py describes, from the JSON of a run."""
    vcpus, seconds = result["vcpus"], result["seconds"]
    guest = max(vcpu["seconds_running"] + vcpu["seconds_idle"] for vcpu in vcpus)
    return {
        "guest": guest,
        "delivered": guest + seconds["deliver"],
        "wall": ended.wall,
        "vcpu_cpu": sum(vcpu["seconds_cpu"] for vcpu in vcpus),
        "all_cpu": ended.cpu,
        "instructions": sum(vcpu["instructions"] for vcpu in vcpus),
        "blocks": sum(vcpu["blocks"] for vcpu in vcpus),
        "events": events_of(result, ended.errors),
    }


def events_of(result: dict[str, Any], errors: str) -> float:
    """What the plugins saw: printed by ours, counted by icount, emitted into streams."""
    printed = sum(int(count) for count in EVENTS.findall(errors))
    emitted = sum(ledger["emitted"] for ledger in result["ledger"].values())
    counted = result["plugins"].get("icount", {}).get("total", {}).get("instructions", 0)
    return float(printed or emitted or counted)
