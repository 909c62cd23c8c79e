"""The processes of a guest that stands still, as commands tell of them."""

from typing import Any

from mttcg.isa.system import System
from mttcg.linux.errors import KernelDataError
from mttcg.linux.linux_guest import LinuxGuest
from mttcg.supervisor.run_state import RunState


def kernel_for_plugins(run: RunState) -> tuple[dict[str, Any] | None, str]:
    """What plugins need of the guest's kernel, plain; or none, and why."""
    if not (run.config.plugins or run.config.control):
        return None, "nobody asks for them"
    try:
        return run.kernel.to_plain(), ""
    except KernelDataError as error:
        return None, str(error)


def process_rows(linux: LinuxGuest, system: System[Any], threads: bool) -> list[dict[str, Any]]:
    """A row for each process, or thread; those that run say on which vCPU.

    Raises KernelDataError.
    """
    running = {}
    for hart in linux.harts:
        current = linux.current(
            hart.index, system.integer_registers(hart)[linux.isa.thread_pointer]
        )
        if current is not None:
            running[current.task] = hart.index
    return [
        {
            "pid": each.pid,
            "tgid": each.tgid,
            "parent": each.parent,
            "state": each.state,
            "cpu": running.get(each.task, each.cpu),
            "running": int(each.task in running),
            "space": each.space,
            "comm": each.comm,
        }
        for each in linux.processes(threads)
    ]
