"""Whether harts that sleep can be woken by anything in the machine."""

from mttcg.state.vcpu_state import NEVER, Activity, Power, VcpuState
from mttcg.supervisor.run_state import RunState
from mttcg.vcpu.machine.device_activity import RestingDevices


def all_sleep_for_ever(run: RunState) -> bool:
    """Whether every hart sleeps with nothing pending and no timer set, and no device works.

    Only a running hart makes an interrupt pending, and it does so before it sleeps, or a device
    does, or the supervisor, which asks here; so once all are asleep, looking at what is pending
    after looking at the states is enough. It is done twice: one may have been woken meanwhile. That
    holds if no device did anything meanwhile: if they were quiet before, and have been since.
    """
    quiet = quiet_devices(run)
    return quiet is not None and _all_sleep(run) and _all_sleep(run) and quiet_devices(run) == quiet


def quiet_devices(run: RunState) -> RestingDevices | None:
    """What the device process says that has nothing to do; None if it has."""
    return run.machine.devices.quiet(run.device_fds.values())


def _all_sleep(run: RunState) -> bool:
    harts = run.harts.harts
    return all(hart.state == Activity.IDLE for hart in harts) and all(
        sleeps_for_ever(run, hart) for hart in harts
    )


def sleeps_for_ever(run: RunState, hart: VcpuState) -> bool:
    """Whether a hart, which sleeps, has nothing pending and no timer set."""
    if hart.power in (Power.STOPPED, Power.START_PENDING):  # no interrupt wakes it
        return hart.power == Power.STOPPED
    system = run.isa.system
    return system.deadline(hart) == NEVER and not system.wakes(hart, run.machine)
