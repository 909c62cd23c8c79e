"""What a run ran on: facts of this machine and of what is installed."""

import os
import platform
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from mttcg.version import VERSION


class HostFacts(Mapping[str, Any]):
    """The facts, found when one of them is asked for: most results are only printed as a table.

    To find them takes longer than a short guest runs.
    """

    def __getitem__(self, name: str) -> Any:
        """One of them; KeyError if there is none of that name."""
        return host_facts()[name]

    def __iter__(self) -> Iterator[str]:
        """Their names."""
        return iter(host_facts())

    def __len__(self) -> int:
        """How many there are."""
        return len(host_facts())

    def __repr__(self) -> str:
        """As a dict is shown."""
        return repr(host_facts())


@cache
def host_facts() -> dict[str, Any]:
    """What the run ran on."""
    from importlib.metadata import version

    import psutil

    return {
        "system": f"{platform.system()} {platform.release()}",
        "processor": processor_name(),
        "cores": psutil.cpu_count(logical=False),
        "processors": len(os.sched_getaffinity(0)),
        "memory": psutil.virtual_memory().total,
        "python": platform.python_version(),
        "mttcg": VERSION,
        **{name: version(name) for name in ("unicorn", "numba", "pyzmq")},
    }


def processor_name() -> str:
    """The processor's model name (Linux), or the architecture."""
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.machine()
