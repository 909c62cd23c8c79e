"""A console device with several ports, none of which is a terminal (VIRTIO_CONSOLE_F_MULTIPORT).

They are the standard streams of one program in the guest, and, as the first, a port for control:

| port | what goes through it |
|---|---|
| 0 | control, see below |
| 1 | what the program reads |
| 2, 3 | what it writes, and its errors |

For control the guest sends `T`: it is ready for a program; `R`: it takes input from now on; and
`E`: all output is under way. For `T` it gets its task, then numbers of signals, and 0 when all
output has gone where it goes to.

The queues of port 0 come first, then those for control messages, then those of the other ports
(section 5.3.2 of the specification).
"""

import os
import select
import stat
import struct
from collections import deque
from collections.abc import Callable, Mapping
from enum import IntEnum
from typing import Any

from mttcg.hardware.devices.virtio.backend import NOTHING_WANTED, Model, NotKeptError, Served
from mttcg.hardware.devices.virtio.console import CONFIG
from mttcg.hardware.devices.virtio.layout import DeviceKind
from mttcg.hardware.devices.virtio.queue import Chain

MULTIPORT = 1 << 1
"""The feature (section 5.3.3)."""
QUEUE_SIZE = 16
MOST_BYTES = 1 << 16
"""Of input at a time."""
AT_ONCE = select.PIPE_BUF
"""Bytes that go to what says that it can be written without waiting (pipe(7), poll(2))."""
MESSAGE = struct.Struct("<IHH")
"""struct virtio_console_control: port, event, value (section 5.3.6.2)."""
LENGTH = struct.Struct("<Q")
"""Before a task."""
ASKS, FEEDS, ENDS, DRAINED = b"T", b"R", b"E", b"\0"
"""What goes over the port for control, see above."""


class Port(IntEnum):
    """What each port is for."""

    CONTROL = 0
    INPUT = 1
    OUTPUT = 2
    ERRORS = 3


class Event(IntEnum):
    """Control messages (section 5.3.6.2)."""

    DEVICE_READY = 0
    PORT_ADD = 1
    PORT_READY = 3
    PORT_OPEN = 6


TO_GUEST, FROM_GUEST = 2, 3
"""Queues of control messages."""
RECEIVING = {Port.CONTROL: 0, Port.INPUT: 4, Port.OUTPUT: 6, Port.ERRORS: 8}
"""By port, the queue for what the guest receives; that for what it sends is the next."""
UNUSED = (RECEIVING[Port.OUTPUT], RECEIVING[Port.ERRORS])
"""Nobody has anything to say by them."""
SENDING = {queue + 1: port for port, queue in RECEIVING.items()}
QUEUES = 2 * len(Port) + 2


class PortSource:
    """Where a port's input comes from: a descriptor, which is read when it is ready."""

    def __init__(self, descriptor: int) -> None:
        self.descriptor = descriptor
        self.kept, self.ended = b"", False

    def look(self) -> bool:
        """Take what is there, if nothing is kept; whether something is."""
        if not self.kept and not self.ended and _is_ready(self.descriptor, select.POLLIN):
            try:
                self.kept = os.read(self.descriptor, MOST_BYTES)
            except BlockingIOError:  # somebody else read it first
                return False
            except OSError:  # a terminal that is gone: as good as its end
                self.kept = b""
            self.ended = not self.kept
        return bool(self.kept)


class PortSink:
    """Where a port's output goes to: a descriptor, which is written when it is ready.

    complain: is told of an error, other than that nobody reads any more.
    """

    def __init__(self, descriptor: int, complain: Callable[[OSError], None]) -> None:
        self.descriptor, self.complain = descriptor, complain
        self.kept, self.closed = b"", False
        kind = os.fstat(descriptor).st_mode
        self._at_once = MOST_BYTES if stat.S_ISREG(kind) else AT_ONCE

    def flush(self) -> bool:
        """Write what is kept, as far as that is possible now; whether all is written."""
        while self.kept and _is_ready(self.descriptor, select.POLLOUT):
            try:
                written = os.write(self.descriptor, self.kept[: self._at_once])
            except BlockingIOError:
                return False
            except OSError as error:
                self.kept, self.closed = b"", True
                if not isinstance(error, BrokenPipeError):
                    self.complain(error)
            else:
                self.kept = self.kept[written:]
        return not self.kept


def _is_ready(descriptor: int, event: int) -> bool:
    """Whether a descriptor has it, or an end, which the next call says."""
    poller = select.poll()
    poller.register(descriptor, event)
    return bool(poller.poll(0))


class PortsDevice(Model):
    """The streams of a program.

    Args:
        signals: where numbers of signals come from, a byte each.
        source: what the program reads.
        sinks: what it writes, and its errors.
        task: gives what the guest is to do, when it asks.
    """

    kind = DeviceKind.CONSOLE
    queue_sizes = (QUEUE_SIZE,) * QUEUES
    features = MULTIPORT
    input_queue = RECEIVING[Port.INPUT]

    def __init__(
        self,
        signals: PortSource,
        source: PortSource,
        sinks: Mapping[Port, PortSink],
        task: Callable[[], bytes],
    ) -> None:
        self.task = task
        self.sources = {Port.CONTROL: signals, Port.INPUT: source}
        self.sinks = sinks
        self.begin(0)

    @property
    def config(self) -> bytes:
        """struct virtio_console_config (section 5.3.4)."""
        return CONFIG.pack(0, 0, len(Port), 0)

    def begin(self, features: int) -> None:
        """See Model."""
        self._messages = deque[bytes]()
        self._shut = set[Port]()
        self._asked = self._feeds = self._ends = self._again = False

    def kept(self) -> dict[str, Any]:
        """See Model: what is said to the guest, which has no program yet."""
        if self._asked:
            raise NotKeptError("a program of mttcg exec runs, with streams of the host", "none yet")
        messages = [message.hex() for message in self._messages]
        return {"messages": messages, "shut": sorted(self._shut)}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """See Model."""
        self._messages.extend(map(bytes.fromhex, kept["messages"]))
        self._shut.update(map(Port, kept["shut"]))

    def wanted(self, has_buffers: bool) -> Mapping[int, int]:
        """See Model: signals; input, if the guest takes it; room for output that waits."""
        if not self._feeds:
            return NOTHING_WANTED
        taken = [self.sources[Port.CONTROL]]
        if has_buffers:
            taken.append(self.sources[Port.INPUT])
        found = {each.descriptor: select.POLLIN for each in taken if not (each.kept or each.ended)}
        full = {each.descriptor: select.POLLOUT for each in self.sinks.values() if each.kept}
        return found | full

    def takes_again(self) -> bool:
        """See Model."""
        if self._ends and not any(sink.kept for sink in self.sinks.values()):
            # the guest has said that it was all, and this round has taken all
            self.sources[Port.CONTROL].kept += DRAINED
            self._ends, self._again = False, True
        self._see_ends()
        again, self._again = self._again, False
        return again

    def is_ready(self, queue: int) -> bool:
        """See Model."""
        if queue == TO_GUEST:
            return bool(self._messages)
        if queue in UNUSED:
            return False
        if queue in (RECEIVING[Port.CONTROL], RECEIVING[Port.INPUT]):
            source = self._source(queue)
            return bool(source.kept) or (self._feeds and source.look())
        port = SENDING.get(queue, Port.CONTROL)
        return port not in self.sinks or self.sinks[port].flush()

    def serve(self, queue: int, chain: Chain) -> Served:
        """See Model."""
        if queue == TO_GUEST:
            return Served(chain.writable.write(self._messages.popleft()))
        if queue == FROM_GUEST:
            self._take_message(chain.readable.read(MESSAGE.size))
        elif queue in SENDING:
            self._take(SENDING[queue], chain.readable.read(chain.readable.left))
        else:
            source = self._source(queue)
            written = chain.writable.write(source.kept)
            source.kept = source.kept[written:]
            return Served(written)
        return Served(0)

    def _source(self, queue: int) -> PortSource:
        """Where what is received by a queue comes from."""
        port = Port.CONTROL if queue == RECEIVING[Port.CONTROL] else Port.INPUT
        return self.sources[port]

    def _take(self, port: Port, data: bytes) -> None:
        """Take what the guest sends."""
        if port in self.sinks:
            sink = self.sinks[port]
            sink.kept = b"" if sink.closed else data
        elif port == Port.CONTROL:
            if ASKS in data and not self._asked:
                self._asked = True
                task = self.task()
                self.sources[Port.CONTROL].kept += LENGTH.pack(len(task)) + task
            self._feeds = self._feeds or FEEDS in data
            self._ends = self._ends or ENDS in data
            self._again = True

    def _see_ends(self) -> None:
        """Tell the guest of streams that have ended: input, and those that nobody reads."""
        ended = {port for port, sink in self.sinks.items() if sink.closed}
        source = self.sources[Port.INPUT]
        if self._feeds and source.ended and not source.kept:
            ended.add(Port.INPUT)
        for port in ended - self._shut:
            self._shut.add(port)
            self._say(port, Event.PORT_OPEN, 0)

    def _say(self, port: Port, event: Event, value: int) -> None:
        self._messages.append(MESSAGE.pack(port, event, value))
        self._again = True

    def _take_message(self, message: bytes) -> None:
        """Take a control message, by which a driver begins."""
        if len(message) < MESSAGE.size:
            return
        number, event, value = MESSAGE.unpack(message)
        if event == Event.DEVICE_READY and value:
            for port in Port:
                self._say(port, Event.PORT_ADD, 0)
        elif event == Event.PORT_READY and value and number in list(Port):
            self._say(Port(number), Event.PORT_OPEN, 1)
