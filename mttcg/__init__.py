"""mttcg: SMP guests in real parallel, one translator process per vCPU, instrumented from Python.

Importing this package is light; unicorn and numba are loaded by the vCPU processes alone.
"""

from typing import TYPE_CHECKING, Any

from mttcg.errors import MttcgError, UserError
from mttcg.version import VERSION

if TYPE_CHECKING:
    from mttcg.supervisor.machine import Machine
    from mttcg.supervisor.results.result import RunResult

__version__ = VERSION

__all__ = ["Machine", "MttcgError", "RunResult", "UserError", "__version__"]

LAZY = {"Machine": "mttcg.supervisor.machine", "RunResult": "mttcg.supervisor.results.result"}


def __getattr__(name: str) -> Any:
    """Import what needs more than the standard library when it is first asked for."""
    if name in LAZY:
        import importlib

        return getattr(importlib.import_module(LAZY[name]), name)
    raise AttributeError(f"module 'mttcg' has no attribute {name!r}")
