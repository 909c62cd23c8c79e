"""What the benchmarks ran on: no name of the host, no path."""

import datetime
import subprocess
from importlib.metadata import version
from pathlib import Path
from typing import Any

from mttcg.supervisor.results.host_facts import host_facts
from mttcg_bench.checkout import IS_CHECKOUT, ROOT
from mttcg_bench.quiet import ACCEPTED, load
from mttcg_bench.tools import python_peers, qemu

GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
PYTHON_PEERS = ("unicorn", "qiling", "icicle")


def facts() -> dict[str, Any]:
    """Host, versions, commit and load, and the day."""
    return {
        "taken": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "commit": commit(),
        "host": {
            **host_facts(),
            **{name: version(name) for name in ("numpy", "llvmlite", "msgpack")},
            "governor": governor(),
        },
        "peers": {
            **{f"QEMU {program.version.split('.')[0]}": program.version
               for program in qemu.programs()},
            **{name: found for name in PYTHON_PEERS if (found := python_peers.version(name))},
        },
        "load_before": load(),
        "accepted_foreign_cores": ACCEPTED,
    }  # fmt: skip


def governor() -> str:
    """The frequency governor, or that there is none to be seen (as in most virtual machines)."""
    try:
        return GOVERNOR.read_text().strip()
    except OSError:
        return "not visible"


def commit() -> str:
    """The commit of the tree, with a + if it was changed since; "unknown" outside of one."""
    if not IS_CHECKOUT:
        return "unknown"
    try:
        head = _git("rev-parse", "--short=12", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return head + ("+" if changed else "")


def _git(*arguments: str) -> str:
    command = ["git", "--no-optional-locks", "-C", str(ROOT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
