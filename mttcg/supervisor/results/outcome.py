"""From what a run left in shared memory to its result."""

import time
from dataclasses import replace
from typing import Any

from mttcg.engine.llvm.arena import use_of
from mttcg.errors import EXIT_FAULT, EXIT_INTERRUPTED
from mttcg.isa.base import Isa
from mttcg.isa.system import Clock
from mttcg.state.named_counts import HostWork, UnsupportedCounts
from mttcg.state.vcpu_state import Activity, VcpuState
from mttcg.supervisor.results.check import check
from mttcg.supervisor.results.device_statistics import device_rows
from mttcg.supervisor.results.host_facts import HostFacts
from mttcg.supervisor.results.result import RunResult, StopReason, VcpuResult
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.watch import Watch
from mttcg.vcpu.machine.shared import Ending
from mttcg.vcpu.machine.timer import idle_ns_so_far

EXIT_WAITING = 71
"""Every hart waits, or one traps, for ever: neither the user's mistake nor ours, but no end."""
NANOSECONDS = 1e-9

ENDINGS = {
    Ending.GUEST: StopReason.GUEST_EXIT,
    Ending.SUPERVISOR: StopReason.ALL_WAITING,
    Ending.CALLBACK: StopReason.CALLBACK_FAILED,
    Ending.FAULT: StopReason.FAULT,
    Ending.LOG_OVER: StopReason.LOG_OVER,
    Ending.TRAP_LOOP: StopReason.TRAP_LOOP,
}


def registers_of(hart: VcpuState, isa: Isa, clock: Clock) -> dict[str, int]:
    """All registers by name, as of the last time the vCPU left translated code."""
    names = "pc", *isa.registers.integer, *isa.registers.floating
    return {name: isa.system.read_register(hart, name, clock) for name in names}


def vcpu_result(run: RunState, hart: VcpuState) -> VcpuResult:
    """One vCPU's part of the result."""
    state = Activity(hart.state)
    by_itself = state in (Activity.FAILED, Activity.KILLED)
    return VcpuResult(
        index=hart.index,
        instructions=hart.instructions,
        blocks=hart.blocks,
        seconds_running=hart.running_ns * NANOSECONDS,
        seconds_idle=idle_ns_so_far(hart) * NANOSECONDS,
        cache_hits=hart.cache_hits,
        cache_misses=hart.cache_misses,
        cache_invalidated=hart.cache_invalidated,
        state=state.name.lower(),
        pc=hart.last_pc if state is Activity.KILLED else hart.pc,
        registers=registers_of(hart, run.isa, run.machine) if by_itself else None,
        seconds_cpu=hart.cpu_ns * NANOSECONDS,
        seconds_stalled=run.streams.stalled_ns(hart.index) * NANOSECONDS,
        traps=hart.traps,
        interrupts=hart.interrupts,
        callbacks=hart.callbacks,
        unsupported=UnsupportedCounts(hart).to_dict(),
        host_work=HostWork(hart).to_dict(),
    )


def stop_reason(watch: Watch) -> StopReason:
    """Why the run ended; what the user wanted goes before what came of it.

    An interrupt may have come since the loop ended.
    """
    if watch.interrupted or watch.interrupts.waiting:
        return StopReason.INTERRUPTED
    if watch.lost:
        return StopReason.VCPU_LOST
    return ENDINGS.get(watch.run.machine.ending, StopReason.FAULT)


def exit_status(watch: Watch, reason: StopReason) -> int:
    """What the command returns: the guest's code unless something else decided."""
    if reason is StopReason.INTERRUPTED:
        return EXIT_INTERRUPTED
    if watch.failures or reason in (StopReason.VCPU_LOST, StopReason.FAULT):
        return EXIT_FAULT
    if reason is StopReason.GUEST_EXIT:
        return watch.run.machine.status
    if reason is StopReason.LOG_OVER:
        return 0
    return EXIT_WAITING


def idle_plugins(watch: Watch) -> list[str]:
    """The plugins that attached nothing on any vCPU, if all have left and said so."""
    every = [watch.idle.get(cpu, ()) for cpu in range(watch.run.harts.count)]
    return [name for name in every[0] if all(name in idle for idle in every)]


def build_result(run: RunState, watch: Watch, reports: dict[str, Any]) -> RunResult:
    """The result of a run that has ended."""
    garbage = {where: count for where, count in run.garbage().items() if count}
    if garbage:
        counts = ", ".join(f"{count} {where}" for where, count in garbage.items())
        watch.warnings.texts.append(f"the bus was sent garbage, which it dropped: {counts}")
    for plugin in idle_plugins(watch):
        watch.warn(
            f"plugin {plugin} attached nothing, and has no function that is called while the guest "
            "runs"
        )
    ledgers = run.streams.ledger()
    for name, ledger in ledgers.items():
        lossless = run.streams.known[name].how.whole
        if not ledger.complete if lossless else ledger.in_flight:
            watch.failures.add(
                f"stream {name}: {ledger.emitted - ledger.delivered} of {ledger.emitted} "
                "records were not delivered",
                follows=True,
            )
    checked = check(run).to_json() if run.config.check else {}
    if checked.get("difference"):
        watch.failures.add(checked["difference"], follows=True)
    reason = stop_reason(watch)
    found = result_of(run, watch, reports, reason, exit_status(watch, reason))
    return replace(found, check=checked)


def interim_result(run: RunState, watch: Watch) -> RunResult:
    """The result so far of a run that goes on, with the reports that came last."""
    reports = {
        aggregator.plugin: aggregator.latest
        for aggregator in run.aggregators
        if aggregator.latest is not None
    }
    found = result_of(run, watch, reports, StopReason.RUNNING, 0)
    ran = time.monotonic() - run.started - run.seconds["start"]
    return replace(found, seconds=found.seconds | {"run": ran})


def result_of(
    run: RunState, watch: Watch, reports: dict[str, Any], reason: StopReason, status: int
) -> RunResult:
    """All there is of a run, with the `reports` of its aggregators."""
    counted, delivery = run.counters(), run.delivery
    plugins = run.past_reports | {
        plugin.name: counted.get(plugin.name, {}) | reports.get(plugin.name, {})
        for plugin in run.host.needs.plugins
    }
    return RunResult(
        guest=str(run.config.guest),
        engine=run.engine,
        host=HostFacts(),
        exit_status=status,
        stop_reason=reason,
        vcpus=[vcpu_result(run, hart) for hart in run.harts.harts],
        plugins=plugins,
        ledger=run.ledger(),
        subscribers=delivery.subscribers() if delivery is not None else [],
        more_subscribers=delivery.more_subscribers() if delivery is not None else {},
        failures=watch.failures.all(),
        consequences=list(watch.failures.consequences),
        warnings=list(watch.warnings.texts),
        unsupported=list(watch.unsupported),
        seconds=dict(run.seconds),
        code_cache=use_of(run.maps["arena"]) if run.engine == "llvm" else {},
        garbage=run.garbage(),
        tiers=run.config.tiers if run.engine == "llvm" else "",
        devices=list(device_rows(run)),
    )
