"""The supervisor's loop while the guest runs: everything that can happen, one handler each."""

import os
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, BinaryIO

from mttcg.isa.riscv64.csr import TIMER_INTERRUPT
from mttcg.isa.riscv64.hart import NEVER, Hart, State
from mttcg.isa.riscv64.traps import enabled_interrupts
from mttcg.machine.delivery import Delivery
from mttcg.machine.launch import Host
from mttcg.vcpu.channel import Channel
from mttcg.vcpu.shared import Ending, Harts, MachineState
from mttcg_bus.publisher_process import Died

TICK_SECONDS = 0.25
"""How often the status is shown and every vCPU writes its registers to shared memory."""
GRACE_SECONDS = 30.0
"""How long vCPUs may take to leave once they are told to; then they are killed."""
CONSOLE_BYTES = 1 << 16


@dataclass
class Watch:
    """What the loop watches, and what it has seen.

    `console` takes the guest's output; `failures` are the texts of what went wrong; `lost` are
    the vCPUs whose process ended by itself.
    """

    host: Host
    harts: Harts
    machine: MachineState
    delivery: Delivery
    channels: list[Channel]
    console_output: int
    console_input: int
    notice_fd: int
    console: BinaryIO | None
    stdin_fd: int | None
    on_tick: Callable[[], None]
    failures: list[str] = field(default_factory=list)
    lost: list[int] = field(default_factory=list)
    running: set[int] = field(default_factory=set)
    pids: dict[int, int] = field(default_factory=dict)
    ending: Ending = Ending.NOT_YET
    interrupted: bool = False
    all_waiting: bool = False
    epoch: int = 0
    stop_limit: float = 0.0

    def run(self) -> None:
        """Watch until every vCPU process has ended; Ctrl-C stops the guest, a second one kills."""
        self.running = set(range(self.harts.count))
        with selectors.DefaultSelector() as selector:
            self.selector = selector
            self._register()
            next_tick = time.monotonic() + TICK_SECONDS
            while self.running:
                try:
                    self._step(next_tick)
                    if time.monotonic() >= next_tick:
                        next_tick = time.monotonic() + TICK_SECONDS
                        self._tick()
                except KeyboardInterrupt:
                    self._interrupt()
            self._drain_console()

    def _register(self) -> None:
        add = self.selector.register
        add(self.host.channel, selectors.EVENT_READ, self._from_host)
        add(self.console_output, selectors.EVENT_READ, self._from_console)
        add(self.notice_fd, selectors.EVENT_READ, self._noticed)
        for index, channel in enumerate(self.channels):
            add(channel, selectors.EVENT_READ, self._receiver(index))
        if self.delivery.publisher is not None:
            add(self.delivery.publisher, selectors.EVENT_READ, self._from_publisher)
        if self.stdin_fd is not None:
            try:
                add(self.stdin_fd, selectors.EVENT_READ, self._from_terminal)
            except PermissionError:  # a plain file is always ready: hand it over at once
                self._from_terminal()

    def _step(self, until: float) -> None:
        for key, _ in self.selector.select(max(0.0, until - time.monotonic())):
            key.data()

    def _tick(self) -> None:
        self.on_tick()
        self.harts.request_all()
        if self.stop_limit and time.monotonic() > self.stop_limit:
            self.failures.append(f"vCPUs {sorted(self.running)} did not leave and were killed")
            self._kill()

    def _kill(self) -> None:
        for index in self.running:
            os.kill(self.pids[index], signal.SIGKILL)
        self.stop_limit = 0.0

    def _interrupt(self) -> None:
        if self.interrupted:
            self._kill()
        self.interrupted = True
        self.stop(Ending.SUPERVISOR)

    def stop(self, ending: Ending) -> None:
        """Stop the guest in order; the first reason stands."""
        if self.ending is Ending.NOT_YET:
            self.ending = self.machine.ending if self.machine.stopping else ending
        self.machine.stop(ending)
        self.harts.request_all()
        self.stop_limit = self.stop_limit or time.monotonic() + GRACE_SECONDS

    def _from_host(self) -> None:
        received = self.host.channel.receive()
        if received is None:
            self._host_lost()
            return
        message, _ = received
        if "vcpus" in message:
            self.pids = dict(message["vcpus"])
        else:
            self._vcpu_ended(message["ended"], message["status"])

    def _host_lost(self) -> None:
        """The host was killed, and by that every vCPU."""
        self.selector.unregister(self.host.channel)
        if self.running:
            self.failures.append("the vCPU host process was killed, and all vCPUs with it")
            for index in sorted(self.running):
                self._vcpu_ended(index, -signal.SIGKILL)

    def _vcpu_ended(self, index: int, status: int) -> None:
        self.running.discard(index)
        if status == 0:
            return
        hart = self.harts.harts[index]
        hart.state = State.KILLED
        self.lost.append(index)
        cause = f"signal {-status}" if status < 0 else f"exit status {status}"
        self.failures.append(
            f"vCPU {index}: its process ended ({cause}) near pc {hart.block_pc:#x}, "
            f"after {hart.instructions} instructions"
        )
        self.stop(Ending.FAULT)

    def _receiver(self, index: int) -> Callable[[], None]:
        def receive() -> None:
            received = self.channels[index].receive()
            if received is None:
                self.selector.unregister(self.channels[index])
                return
            message, _ = received
            if "failure" in message:
                self.failures.append(message["failure"])
                self.stop(Ending(message["ending"]))
            elif "change" in message:
                self._spread(index, message)

        return receive

    def _spread(self, sender: int, message: dict[str, Any]) -> None:
        """Give a change its epoch and send it to every vCPU."""
        self.epoch += 1
        for index, channel in enumerate(self.channels):
            if index in self.running:
                try:
                    channel.send(message | {"from": sender, "epoch": self.epoch})
                except OSError:
                    continue  # it has ended; its state says so to whoever waits
                self.harts.request(index)

    def _from_console(self) -> bool:
        data = os.read(self.console_output, CONSOLE_BYTES)
        if data and self.console is not None:
            self.console.write(data)
            self.console.flush()
        return bool(data)

    def _drain_console(self) -> None:
        os.set_blocking(self.console_output, False)
        try:
            while self._from_console():
                pass
        except BlockingIOError:
            return

    def _from_terminal(self) -> None:
        assert self.stdin_fd is not None
        data = os.read(self.stdin_fd, CONSOLE_BYTES)
        if data:
            os.write(self.console_input, data)
        elif self.stdin_fd in self.selector.get_map():
            self.selector.unregister(self.stdin_fd)

    def _from_publisher(self) -> None:
        publisher = self.delivery.publisher
        assert publisher is not None
        for event in publisher.receive():
            if isinstance(event, Died):
                self.failures.append(f"the bus publisher died (exit status {event.exit_status})")
                for key in list(self.selector.get_map().values()):
                    if key.fileobj is publisher:
                        self.selector.unregister(publisher)
                self.stop(Ending.FAULT)

    def _noticed(self) -> None:
        os.eventfd_read(self.notice_fd)
        if self.machine.stopping:
            self.stop(self.machine.ending)
        elif self._nothing_can_wake() and self._nothing_can_wake():
            self.all_waiting = True
            self.stop(Ending.SUPERVISOR)

    def _nothing_can_wake(self) -> bool:
        """Whether every hart sleeps with nothing pending and no timer set.

        Only a running hart makes an interrupt pending, and it does so before it sleeps; so once
        all are asleep, looking at what is pending after looking at the states is enough.
        """
        harts = self.harts.harts
        return all(hart.state == State.IDLE for hart in harts) and all(
            self._sleeps_for_ever(hart) for hart in harts
        )

    def _sleeps_for_ever(self, hart: Hart) -> bool:
        timer = hart.mie & TIMER_INTERRUPT and hart.compare != NEVER
        return not timer and not enabled_interrupts(hart, self.machine)
