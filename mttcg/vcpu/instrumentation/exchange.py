"""Instrumentation changes on their way between this vCPU and the others.

A vCPU sends a change to the supervisor, which gives it an epoch and sends it to every vCPU, in
one order for all. A vCPU shows in its hart state the newest epoch that is in force on it. Orders of
the supervisor's own come the same way.
"""

import itertools
import select
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from mttcg.errors import MttcgError
from mttcg.instrument.api.changes import Attachment, Change
from mttcg.instrument.api.ticket import Ticket
from mttcg.state.vcpu_state import ENDED, VcpuState
from mttcg.vcpu.machine.descriptors import readable
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.messages import expect
from mttcg.vcpu.protocol.orders import MakeChange, Order
from mttcg.vcpu.protocol.vcpu_messages import AskChange

Orders: TypeAlias = dict[type[Order], Callable[[Any, list[int]], None]]
"""What is done, by the type of an order, with the message and its descriptors."""

A = TypeVar("A", bound=ProcessMessage)


class SupervisorGoneError(MttcgError):
    """The supervisor is gone; the kernel is about to end this process."""

    def __init__(self) -> None:
        super().__init__("the supervisor ended")


@dataclass
class PendingChange:
    """A change on its way through the supervisor: its epoch, once that is known."""

    attachment: Attachment
    epoch: int | None = None


class ChangeExchange:
    """One vCPU's end.

    Args:
        index: the vCPU.
        channel: to the supervisor.
        harts: all harts.
        decode: makes a change of its text; None for one that comes too late.
        apply: makes a change that concerns this vCPU.
    """

    def __init__(
        self,
        index: int,
        channel: Channel,
        harts: Sequence[VcpuState],
        decode: Callable[[str], Change | None],
        apply: Callable[[Change], None],
    ) -> None:
        self.index, self.channel, self.harts = index, channel, harts
        self.decode, self.apply = decode, apply
        self.numbers = itertools.count()
        self.sent: dict[int, PendingChange] = {}
        self.received: deque[tuple[ProcessMessage, list[int]]] = deque()
        self._orders: Orders = {}

    def serve(self, orders: Orders) -> None:
        """Say what is to be done for orders that are no changes, before the first can come."""
        self._orders = orders

    def send(self, change: Change, text: str) -> Ticket:
        """Send a change, which `text` encodes, to every vCPU."""
        number = next(self.numbers)
        pending = self.sent[number] = PendingChange(change.attachment)
        self.tell(AskChange(text, number))
        return Ticket(lambda: self._everywhere(pending))

    def tell(self, message: ProcessMessage) -> None:
        """Send the supervisor a message."""
        self._wait_for_room()
        self.channel.send(message)

    def ask(self, message: ProcessMessage, answer: type[A]) -> A:
        """Send the supervisor a message, and wait for its answer; orders are kept meanwhile."""
        self.tell(message)
        while (received := self.channel.receive()) is not None:
            if isinstance(received[0], answer):
                return received[0]
            self.received.append(received)
        raise SupervisorGoneError

    def _everywhere(self, pending: PendingChange) -> bool:
        if pending.epoch is None:
            return False
        return all(h.epoch >= pending.epoch or h.state in ENDED for h in self.harts)

    def _wait_for_room(self) -> None:
        """Take in what the supervisor sends until it takes in more: it may be waiting for that."""
        poller = select.poll()
        poller.register(self.channel, select.POLLIN | select.POLLOUT)
        while True:
            ready = poller.poll()[0][1]
            if ready & ~select.POLLIN or not self._receive():
                return

    def _receive(self) -> bool:
        received = self.channel.receive()
        if received is not None:
            self.received.append(received)
        return received is not None

    def take_up(self) -> int:
        """Make the changes that have come; the newest epoch, 0 if there was none."""
        while readable(self.channel.fileno()) and self._receive():
            pass
        epoch = 0
        while self.received:
            message, descriptors = self.received.popleft()
            order = expect(message, Order)
            if isinstance(order, MakeChange):
                self._make(order)
            else:
                self._orders[type(order)](order, descriptors)
            epoch = order.epoch
        return epoch

    def _make(self, message: MakeChange) -> None:
        """Make a change in the order that holds for all vCPUs.

        One of this vCPU's own was made when it was asked for. It is made again, as another's may
        have come in between, unless a later one of its own is about to replace it.
        """
        change = self.decode(message.change)
        ours = message.sender == self.index
        if ours:
            self.sent.pop(message.number).epoch = message.epoch
        if change is None or (ours and self._is_replaced(change.attachment)):
            return
        if change.attachment.concerns(self.index):
            self.apply(change)

    def _is_replaced(self, attachment: Attachment) -> bool:
        return any(pending.attachment == attachment for pending in self.sent.values())
