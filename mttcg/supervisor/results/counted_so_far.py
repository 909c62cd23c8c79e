"""What a run has counted so far, plain, for those who subscribe late."""

import time
from typing import Any

from mttcg.state.vcpu_state import Activity, VcpuState
from mttcg.supervisor.results.result import json_ready
from mttcg.supervisor.run_state import RunState, stream_of
from mttcg.vcpu.machine.timer import idle_ns_so_far


def counted_so_far(run: RunState) -> dict[str, Any]:
    """The counters, tables and vCPUs at this moment."""
    tables = [
        {
            "plugin": table.plugin,
            "name": table.name,
            "cpu": hart.index,
            "stream": stream_of(table),
            "records": run.table_records(table, hart.index).tobytes(),
        }
        for table in run.host.needs.tables
        for hart in run.harts.harts
    ]
    return {
        "counters": json_ready(run.counters()),
        "tables": tables,
        "at_ns": time.monotonic_ns(),
        "vcpus": [vcpu_now(hart) for hart in run.harts.harts],
    }


def vcpu_now(hart: VcpuState) -> dict[str, Any]:
    """What one vCPU has counted so far, plain; `idle_ns` has the idle time up to now."""
    state = Activity(hart.state)
    return {
        "cpu": hart.index,
        "state": state.name.lower(),
        "pc": hart.last_pc,
        "instructions": hart.instructions,
        "blocks": hart.blocks,
        "idle_ns": idle_ns_so_far(hart),
        "cache_hits": hart.cache_hits,
        "cache_misses": hart.cache_misses,
    }
