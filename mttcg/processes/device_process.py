"""The device process: serves the queues of the devices whose registers vCPUs answer.

It sleeps until a vCPU notifies a device, by an eventfd that each device has, or something comes
from outside that a device waits for. It is told of pauses, and of a terminal's new size, by another
eventfd, and of its end by SIGTERM: then it ends the request that it is at, and writes out what is
to outlast the run. Where harts take turns, who notifies it waits until it has nothing to do, and
nothing comes from outside: what does, turns bring.
"""

import os
import select
import signal
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from types import FrameType

from mttcg.config import Config
from mttcg.engine.tracking.device_writes import DeviceWrites
from mttcg.hardware.board import Board, DevicePorts, Wiring
from mttcg.hardware.boards import board_named
from mttcg.hardware.devices.virtio.backend import BackEnd
from mttcg.hardware.devices.virtio.memory import DeviceMemory
from mttcg.hardware.devices.virtio.queue import Chain
from mttcg.isa.registry import isa_named
from mttcg.memory.fence import full_fence
from mttcg.memory.ram import GuestRam
from mttcg.processes.attachments import SERVED, attachments
from mttcg.processes.device_models import DeviceParts, make_model, window_size
from mttcg.processes.kept_models import MODELS, read_kept, write_models
from mttcg.processes.outside_events import OutsideEvents
from mttcg.processes.segments import fixed_sizes, map_segment
from mttcg.state.vcpu_state import Activity
from mttcg.vcpu.machine.console_ends import ConsoleEnds
from mttcg.vcpu.machine.device_transfers import READER, TransferLog
from mttcg.vcpu.machine.interrupt_ports import SharedClock, inputs_of
from mttcg.vcpu.machine.shared import Harts, MachineState
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.host_messages import DeviceWarning, Start

SEGMENTS = ("ram", "harts", "machine", "tracking")


class NoConsole:
    """For devices that this process builds with the others, and whose registers nobody accesses."""

    def send(self, data: bytes) -> None:
        """Nobody sends."""

    def take(self) -> int | None:
        """Nothing comes."""
        return None

    def waiting(self) -> bool:
        """Nothing comes."""
        return False


class DeviceProcess:
    """Serves devices.

    Args:
        backends: by slot.
        bells: the eventfds by which vCPUs notify them, by slot.
        call: the eventfd by which the supervisor has this process look at the machine.
        notice: the eventfd by which the supervisor is made to look.
        machine: the machine's memory.
        harts: of the vCPUs.
        models: the file that has what a snapshot keeps of the devices.
        served: the eventfd by which who waits is told, where harts take turns; None: nobody waits.
    """

    def __init__(
        self,
        backends: Mapping[str, BackEnd],
        bells: Mapping[str, int],
        call: int,
        notice: int,
        machine: MachineState,
        harts: Harts,
        models: int,
        served: int | None = None,
    ) -> None:
        self.models, self.served = models, served
        self.backends, self.call, self.notice = backends, call, notice
        self.slots = {bell: slot for slot, bell in bells.items()}
        self.machine, self.harts, self.activity = machine, harts, machine.devices
        self.ending = self.called = False
        self.poller = select.poll()
        self.outside = OutsideEvents(self.poller)
        for descriptor in (call, *bells.values()):
            self.poller.register(descriptor, select.POLLIN)

    def tell(self, transfers: TransferLog, device: int, chain: Chain) -> None:
        """Tell of a request of a device, if anybody wants to know."""
        if not transfers.wanted:
            return
        for buffers, write in ((chain.readable, False), (chain.writable, True)):
            transfers.append(device, buffers.taken, write, self._ask_reader)
        self._ask_reader()

    def _ask_reader(self) -> bool:
        """Have the vCPU look that is told; whether it will, as the machine runs."""
        if self.machine.stopping:
            return False
        self.harts.request(READER)
        return True

    def leaves(self) -> bool:
        """Whether nothing is to be served now."""
        return self.ending or (self.served is None and self.machine.pause != 0)

    def end_at(self, number: int) -> None:
        """Have `run` return after a signal of that number."""
        signalled, telling = os.pipe()
        for end in (signalled, telling):
            os.set_blocking(end, False)
        # written by the handler itself: a signal just before the process sleeps is not missed
        signal.set_wakeup_fd(telling)
        signal.signal(number, self._end)
        self.poller.register(signalled, select.POLLIN)

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        self.ending = True

    def run(self) -> None:
        """Serve until the process is to end."""
        again: set[str] = set()
        while not self.ending:
            ready = [descriptor for descriptor, _ in self.poller.poll(0 if again else None)]
            self.activity.busy = 1  # before a bell is taken
            again |= self._take(ready)
            if self.machine.pause:
                again |= self._hold(again)
            if self.called:
                self._look()
            again = self._serve(again)
            wanted = {slot: each.wanted() for slot, each in self.backends.items()}
            if self.served is None:
                self.outside.watch(wanted)
            if not again:
                self._rest(any(wanted.values()))

    def _serve(self, slots: Iterable[str]) -> set[str]:
        """Serve devices; those of them that have more to do."""
        return {slot for slot in sorted(slots) if self.backends[slot].serve()}

    def finish(self) -> None:
        """All vCPUs have ended: do what is still to be done, and write out the files."""
        for backend in self.backends.values():
            backend.finish()

    def _take(self, ready: Iterable[int]) -> set[str]:
        """Take what was written to eventfds; the slots with something to do."""
        found: set[str] = set()
        for descriptor in ready:
            if descriptor == self.call:
                os.eventfd_read(descriptor)
                self.called = True
            elif descriptor in self.slots:
                os.eventfd_read(descriptor)
                found.add(self.slots[descriptor])
            elif slot := self.outside.slot_of(descriptor):
                found.add(slot)
        return found

    def _look(self) -> None:
        """See whether what devices say of themselves has changed."""
        self.called = False
        for backend in self.backends.values():
            backend.look()

    def _rest(self, is_wanted: bool) -> None:
        """Say that there is nothing to do; all lines are raised by now.

        is_wanted: whether a device wants something from outside.
        """
        self.activity.rounds += 1
        may_come = self.served is None or self.machine.turns.inputs_open
        self.activity.listens = is_wanted and may_come
        self._tell_served()
        full_fence()  # a hart that falls asleep says so, and then the supervisor looks at `busy`
        if all(hart.state == Activity.IDLE for hart in self.harts.harts):
            os.eventfd_write(self.notice, 1)

    def _tell_served(self) -> None:
        self.activity.busy = 0
        if self.served is not None:
            os.eventfd_write(self.served, 1)

    def _hold(self, notified: set[str]) -> set[str]:
        """Stand still, with the guest, until the supervisor lets it go on.

        Gives the slots that were notified, before and meanwhile. A vCPU that waits for them can't
        stand still before they are served.
        """
        waiting = set(notified)
        self.outside.watch({})  # what comes from there waits
        while (number := self.machine.pause) and not self.ending:
            self._serve_who_waits(waiting)
            write_models(self.models, self.backends)
            self.activity.held = number
            os.eventfd_write(self.notice, 1)
            while self.machine.pause == number and not self.ending:
                ready = [descriptor for descriptor, _ in self.poller.poll()]
                self.activity.busy = 1  # before a bell is taken
                waiting |= self._take(ready)
                if self.served is not None and waiting:
                    break
        return waiting

    def _serve_who_waits(self, waiting: set[str]) -> None:
        """Where a vCPU waits, serve all that it has notified, and let it go on."""
        while self.served is not None and waiting and not self.ending:
            more = self._serve(waiting)
            waiting.clear()
            waiting |= more
        if self.served is not None:
            self._tell_served()


def make_ports(
    board: Board, message: Start, machine: MachineState, harts: Harts, ram: GuestRam
) -> Mapping[str, DevicePorts]:
    """What the devices are connected to in this process."""
    wiring = Wiring(
        ram=ram,
        harts=inputs_of(harts),
        clock=SharedClock(harts),
        console=NoConsole(),
        finish=lambda _code: None,
        state=machine.device_state,
    )
    return board.apart(wiring, message.device_symbols)


def make_devices(
    config: Config,
    message: Start,
    descriptors: Sequence[int],
    channel: Channel,
    transfers: TransferLog,
) -> DeviceProcess:
    """Map what the process needs, and make the devices; it closes the descriptors of others."""
    fds = dict(zip(message.descriptors, descriptors, strict=True))
    board, isa = board_named(message.board), isa_named(message.isa)
    sizes = fixed_sizes(config, board.state_bytes)
    maps = {name: map_segment(fds[name], sizes[name]) for name in SEGMENTS}
    wake_fds = [fds[f"wake{cpu}"] for cpu in range(config.smp)]
    machine = MachineState(maps["machine"], board.timebase)
    harts = Harts(maps["harts"], wake_fds, machine, isa.system)
    ram = GuestRam(board.ram_base, maps["ram"])
    memory = DeviceMemory(ram, DeviceWrites(maps["tracking"], ram.range).tell)
    attached = attachments(config, board)
    bells = {each.row: fds[each.bell] for each in attached}
    parts = DeviceParts(
        fds,
        ConsoleEnds(fds["console_output"], fds["keys"]) if "keys" in fds else None,
        lambda: window_size(machine),
        lambda text: channel.send(DeviceWarning(text)),
        f"rng {config.seed}" if config.deterministic else None,
    )
    ports = make_ports(board, message, machine, harts, ram)
    backends: dict[str, BackEnd] = {}
    process = DeviceProcess(
        backends,
        bells,
        fds["devices"],
        fds["notice"],
        machine,
        harts,
        fds[MODELS],
        fds.get(SERVED),
    )
    kept = read_kept(fds[MODELS])
    for each in attached:
        model = make_model(each, parts)
        row = ports[each.row]
        tell = partial(process.tell, transfers, transfers.devices.index(each.row))
        backends[each.row] = BackEnd(model, row.state, row.line, memory, process.leaves, tell)
        if each.row in kept:
            backends[each.row].restore(kept[each.row])
    names = (name for each in attached for name in each.descriptors)
    keep = {
        fds[name] for name in (*names, "devices", "notice", "keys", MODELS, SERVED) if name in fds
    }
    keep |= {*wake_fds, *bells.values()}
    if "keys" in fds:
        keep.add(fds["console_output"])
    for descriptor in descriptors:
        if descriptor not in keep:
            os.close(descriptor)
    return process


def main(
    config: Config,
    message: Start,
    descriptors: list[int],
    channel: Channel,
    ready: int,
    transfers: TransferLog,
) -> int:
    """Be the device process; its exit status. `ready` is closed when the devices are there."""
    process = make_devices(config, message, descriptors, channel, transfers)
    process.end_at(signal.SIGTERM)
    os.close(ready)
    process.run()
    process.finish()
    return 0
