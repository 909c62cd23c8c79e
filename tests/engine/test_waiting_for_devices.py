"""A vCPU that waits for another, which waits for the device process, which waits for that vCPU."""

import threading
from typing import Any

from engine_harness import Bare

from mttcg.memory.address import Physical
from mttcg.state.vcpu_state import Activity
from mttcg.vcpu.machine.device_transfers import CAPACITY, TransferLog

RAM, SIZE, LIMIT = 0x8000_0000, 1 << 16, 20.0


def test_the_log_of_transfers_gets_room_meanwhile() -> None:
    bare = Bare("unicorn", RAM, SIZE, harts=2)
    vcpu, other = bare.vcpu, bare.harts.harts[1]
    log = TransferLog(["disk"])
    vcpu.device_events.connect(log, {})
    told: list[Any] = []
    vcpu.lifecycle.tell = lambda _name, *transfer, **_: told.append(transfer)  # type: ignore[method-assign]
    log.append(0, [(Physical(RAM + n), 8) for n in range(CAPACITY)], True, lambda: False)
    other.state = Activity.RUNNING
    done = threading.Event()

    def serve_disk() -> None:
        """Of which the other vCPU waits till it is over, and then does what it was asked for."""
        log.append(0, [(Physical(RAM + CAPACITY), 8)], False, lambda: not vcpu.machine.stopping)
        other.fences_asked = 0

    def ask() -> None:
        vcpu.fences.ask([1], translations=True, code=False)
        done.set()

    threads = [threading.Thread(target=does) for does in (ask, serve_disk)]
    for thread in threads:
        thread.start()
    in_time = done.wait(LIMIT)
    vcpu.machine.words[0] = 1  # it stops
    for thread in threads:
        thread.join()
    assert in_time
    vcpu.device_events.tell_transfers()
    assert [address for _, address, *_ in told] == [RAM + n for n in range(CAPACITY + 1)]
    bare.close()
