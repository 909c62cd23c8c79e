"""What a run gives back: its result, and its status while it is under way.

The names in `RunResult.to_json()` are fixed; more may join them, none may change.
"""

import dataclasses
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from mttcg.errors import OptionError

LedgerCounts = Mapping[str, int]
"""Records of a stream, summed over vCPUs: `emitted`, `delivered`, `dropped`, `in_flight`."""


class StopReason(StrEnum):
    """Why a run ended; the values are the words of the report."""

    RUNNING = "the guest runs"
    GUEST_EXIT = "the guest ended"
    ALL_WAITING = "every hart waits and nothing can wake one"
    INTERRUPTED = "interrupted"
    VCPU_LOST = "a vCPU process died"
    LOG_OVER = "the recorded run was stopped here"
    TRAP_LOOP = "a hart takes the same trap for ever"
    CALLBACK_FAILED = "a plugin callback raised"
    FAULT = "a fault"


@dataclass(frozen=True)
class VcpuResult:
    """What one vCPU did.

    Seconds running and idle are wall time in guest code and waiting for interrupts, `seconds_cpu`
    is the CPU time of the vCPU's process from its fork, `seconds_stalled` the part of its running
    time that it waited for room in its rings; `registers` are those of the last exit, by ABI name,
    for a vCPU that did not end in order, None otherwise. `unsupported` counts, by name, the
    instructions and system registers that the engine did not know, `host_work`, by kind, what it
    left to the host, which takes thousands of times as long. `traps` are synchronous
    exceptions, whose instructions did not retire; `callbacks` the calls of plugins' Python
    functions that were attached to something.
    """

    index: int
    instructions: int
    blocks: int
    seconds_running: float
    seconds_idle: float
    cache_hits: int
    cache_misses: int
    cache_invalidated: int
    state: str
    pc: int
    registers: dict[str, int] | None = None
    unsupported: dict[str, int] = field(default_factory=dict)
    host_work: dict[str, int] = field(default_factory=dict)
    seconds_cpu: float = 0.0
    seconds_stalled: float = 0.0
    traps: int = 0
    interrupts: int = 0
    callbacks: int = 0

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object of one vCPU; addresses and registers are hexadecimal text."""
        registers = self.registers
        return {
            "index": self.index,
            "instructions": self.instructions,
            "blocks": self.blocks,
            "seconds_running": self.seconds_running,
            "seconds_idle": self.seconds_idle,
            "seconds_cpu": self.seconds_cpu,
            "seconds_stalled": self.seconds_stalled,
            "cache": {
                "hits": self.cache_hits,
                "misses": self.cache_misses,
                "invalidated": self.cache_invalidated,
            },
            "traps": self.traps,
            "interrupts": self.interrupts,
            "callbacks": self.callbacks,
            "state": self.state,
            "pc": hex(self.pc),
            "registers": registers and {name: hex(value) for name, value in registers.items()},
            "unsupported": self.unsupported,
            "host_work": self.host_work,
        }


@dataclass(frozen=True)
class RunResult:
    """What a run gives back.

    `host` holds facts of the machine it ran on; `exit_status` is the guest's code, or what the
    error that ended the run gives; `plugins` maps a plugin's name to its report and `ledger` a
    stream's name to its counts; `subscribers` are those there were, with ledgers of their own, and
    `more_subscribers` the `count` of those beyond a number of them, and their `ledger` in sum;
    `failures` are messages of one or more lines, empty after a run without fault, and
    `consequences` those of them that only came of the others; `warnings` say in a line each what
    the run had to do without, or more slowly; `unsupported` has the places of instructions and
    system registers that the harts lack: `name`, `extension`, `pc`, `symbol`; `seconds` maps a
    phase of the run to its wall time; `code_cache` has, with the llvm engine, the arena's bytes,
    how much code was written into it, and how many regions were emptied for that; `garbage` counts
    what came to the bus that is none of its protocol's, by where it came; `check` has the numbers
    that `--check` compared, empty without it; `devices` has, for each queue of what `--drive` and
    the like attached, the requests that were served, those that failed, and bytes of guest memory
    that the device read and wrote; `tiers` are those of the llvm engine, "" without it.
    """

    guest: str
    engine: str
    host: Mapping[str, Any]
    exit_status: int
    stop_reason: str
    vcpus: list[VcpuResult]
    plugins: dict[str, Any] = field(default_factory=dict)
    ledger: Mapping[str, LedgerCounts] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)
    consequences: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    subscribers: list[dict[str, Any]] = field(default_factory=list)
    more_subscribers: dict[str, Any] = field(default_factory=dict)
    code_cache: dict[str, int] = field(default_factory=dict)
    tiers: str = ""
    garbage: dict[str, int] = field(default_factory=dict)
    unsupported: list[dict[str, str]] = field(default_factory=list)
    check: dict[str, Any] = field(default_factory=dict)
    devices: list[dict[str, Any]] = field(default_factory=list)

    @property
    def causes(self) -> list[str]:
        """The failures that did not come of others."""
        return [text for text in self.failures if text not in self.consequences]

    @property
    def instructions(self) -> int:
        """Instructions that all vCPUs executed together."""
        return sum(vcpu.instructions for vcpu in self.vcpus)

    def tables(self) -> dict[str, list[dict[str, Any]]]:
        """Give all tables, rows by column, under the headings that a report shows them by.

        `vcpus` and `ledger` are those of the run, others begin with their plugin's name.
        """
        from mttcg.report.parts import Rows, parts_of  # most results are not asked for tables

        whole = self.to_json()
        found = {
            "vcpus": [flattened(vcpu) for vcpu in whole["vcpus"]],
            "ledger": [{"stream": name, **counts} for name, counts in whole["ledger"].items()],
        }
        for name, report in whole["plugins"].items():
            parts = (part for part in parts_of(name, report) if isinstance(part, Rows))
            found |= {part.title: [dict(row) for row in part.rows] for part in parts}
        return found

    def to_polars(self, table: str = "vcpus") -> Any:
        """Give one of the `tables` as a polars.DataFrame; OptionError if there is none so called.

        Raises ImportError where polars is not installed: `pip install 'mttcg[polars]'`.
        """
        import polars

        return polars.DataFrame(self._table(table), infer_schema_length=None, strict=False)

    def to_pandas(self, table: str = "vcpus") -> Any:
        """Give one of the `tables` as a pandas.DataFrame; OptionError if there is none so called.

        Raises ImportError where pandas is not installed.
        """
        import pandas

        return pandas.DataFrame(self._table(table))

    def _table(self, name: str) -> list[dict[str, Any]]:
        found = self.tables()
        if name not in found:
            there = ", ".join(found)
            raise OptionError("table", f"there is none called {name!r}", f"one of: {there}")
        return found[name]

    def _repr_html_(self) -> str:
        """Show the result in a notebook, as its page does."""
        from mttcg.report.page import run_fragment

        return run_fragment(self.to_json())

    def to_json(self) -> dict[str, Any]:
        """Give the whole result as an object that the json module writes without a default."""
        found: dict[str, Any] = json_ready(
            {
                "guest": self.guest,
                "engine": self.engine,
                "tiers": self.tiers,
                "host": self.host,
                "exit_status": self.exit_status,
                "stop_reason": str(self.stop_reason),
                "vcpus": [vcpu.to_json() for vcpu in self.vcpus],
                "plugins": self.plugins,
                "ledger": self.ledger,
                "subscribers": self.subscribers,
                "more_subscribers": self.more_subscribers,
                "failures": self.failures,
                "consequences": self.consequences,
                "warnings": self.warnings,
                "unsupported": self.unsupported,
                "seconds": self.seconds,
                "code_cache": self.code_cache,
                "garbage": self.garbage,
                "check": self.check,
                "devices": self.devices,
            }
        )
        return found


@dataclass(frozen=True)
class VcpuStatus:
    """One vCPU at a moment of the run; `rate` is in instructions per second of wall time."""

    index: int
    state: str
    instructions: int
    rate: float


@dataclass(frozen=True)
class Status:
    """A run at a moment, `seconds` after its start; `ledger` maps each stream to its counts."""

    seconds: float
    vcpus: tuple[VcpuStatus, ...]
    ledger: Mapping[str, LedgerCounts] = field(default_factory=dict)


def flattened(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row without dicts in it: their values have columns `name_key`; registers are left out."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if isinstance(value, Mapping):
            found |= {f"{name}_{key}": inner for key, inner in value.items()}
        elif name != "registers":
            found[name] = value
    return found


def json_ready(value: Any) -> Any:
    """Turn a report into what JSON has, so that no odd value of a plugin's loses the whole.

    numpy scalars and arrays become numbers and lists, dataclasses objects, other keys and values
    their text, numbers that JSON lacks (NaN, infinity) null.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {json_key(key): json_ready(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_ready(inner) for inner in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [item.name for item in dataclasses.fields(value)]
        return {name: json_ready(getattr(value, name)) for name in names}
    # numpy's scalars and arrays, without importing numpy
    to_list = getattr(value, "tolist", None)
    plain = to_list() if callable(to_list) and not isinstance(value, type) else str(value)
    return json_ready(plain) if type(plain) is not type(value) else str(value)


def json_key(key: Any) -> str:
    """Write a key as text; Python's json module would refuse most that are not."""
    return key if isinstance(key, str) else str(json_ready(key))
