"""The end of the device process, as the supervisor sees it."""

import select
import time
from collections.abc import Callable

from mttcg.processes.device_end import FLUSH_SECONDS
from mttcg.supervisor.run_state import RunState
from mttcg.supervisor.start.launch import end_text
from mttcg.vcpu.protocol.host_messages import DeviceWarning


def devices_ended(status: int) -> str:
    """What is said of a device process that has ended by itself; it is to end with the vCPUs."""
    return f"the device process ended ({end_text(status)})"


def see_devices_off(
    run: RunState, warn: Callable[[str], None], console: int, show: Callable[[], bool]
) -> None:
    """Wait until the device process, if there is one, has written out its files.

    All vCPUs have ended, and the host ends with it, when its time is over at the latest. `warn`:
    takes what it has to say. `show`: shows what it still writes to the console, a descriptor, and
    says whether there may be more.
    """
    if not run.device_fds:
        return
    poller, until = select.poll(), time.monotonic() + FLUSH_SECONDS
    poller.register(run.host.channel, select.POLLIN)
    poller.register(console, select.POLLIN)
    while ready := poller.poll(max(0.0, until - time.monotonic()) * 1000):
        for descriptor, _ in ready:
            if descriptor == console:
                if not show():
                    poller.unregister(console)
                continue
            received = run.host.channel.receive()
            if received is None:
                show()
                return
            if isinstance(received[0], DeviceWarning):
                warn(received[0].text)
