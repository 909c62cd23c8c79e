"""The half of a virtio device that is in the device process: it serves the queues."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

from mttcg.hardware.devices.virtio.interrupt_line import settle
from mttcg.hardware.devices.virtio.layout import (
    CONFIG,
    BackWord,
    DeviceKind,
    DeviceStatus,
    Feature,
    FrontWord,
    QueueWord,
    queue_word,
)
from mttcg.hardware.devices.virtio.memory import DeviceMemory
from mttcg.hardware.devices.virtio.queue import Chain, QueueError, QueuePlace, Virtqueue
from mttcg.hardware.interrupts.ports import Line
from mttcg.memory.address import Physical
from mttcg.memory.fence import full_fence

MOST_AT_A_TIME = 64
"""Requests of one queue, before other devices have their turn."""
NOTHING_WANTED: Mapping[int, int] = MappingProxyType({})
OFFERED = Feature.VERSION_1 | Feature.INDIRECT | Feature.EVENT_INDEX


class NotKeptError(Exception):
    """A part of a device can't be kept, or is not what it was; what was expected."""

    def __init__(self, wrong: str, expected: str) -> None:
        super().__init__(f"{wrong}; expected {expected}")
        self.wrong, self.expected = wrong, expected


class Model(ABC):
    """What one kind of device is and does.

    Attributes:
        kind: which.
        features: those of its kind that it offers, beside `OFFERED`.
        queue_sizes: the most descriptors that each of its queues may have.
        input_queue: the one with buffers for what comes from outside, None without.
        ends_late: whether what a driver has asked for is done even if the run ends.
    """

    kind: DeviceKind
    features: int = 0
    queue_sizes: Sequence[int]
    input_queue: int | None = None
    ends_late = False

    @property
    def config(self) -> bytes:
        """The configuration space, which may change when something comes from outside."""
        return b""

    @property
    def dropped(self) -> Sequence[int]:
        """By queue, how much was lost for want of somebody, or room, to take it."""
        return ()

    def is_ready(self, queue: int) -> bool:
        """Whether a request of this queue can be served now."""
        return True

    def wanted(self, has_buffers: bool) -> Mapping[int, int]:
        """What is waited for outside: by descriptor, events of poll(2).

        has_buffers: whether the driver is not known to lack buffers for input.
        """
        return {}

    def begin(self, features: int) -> None:
        """A driver that has accepted these features begins."""
        return

    def kept(self) -> dict[str, Any]:
        """What the driver relies on that is not in the device's words, as JSON has it.

        Raises NotKeptError.
        """
        return {}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on from what another run's device gave, in place of `begin`."""
        return

    def takes_again(self) -> bool:
        """Whether a round, which took all it could, has made something for a queue before it."""
        return False

    @abstractmethod
    def serve(self, queue: int, chain: Chain) -> "Served":
        """Do a request; raises QueueError for one that has no room for an answer."""

    def close(self) -> None:
        """The run ends: make what the guest wrote outlast it."""
        return


class Served:
    """How a request ended: bytes of guest memory that were written, and whether it failed."""

    __slots__ = ("failed", "written")

    def __init__(self, written: int, *, failed: bool = False) -> None:
        self.written, self.failed = written, failed


class BackEnd:
    """Serves the queues of one device.

    Args:
        model: what the device is.
        state: of its row, see `layout`.
        line: its interrupt line.
        memory: guest RAM.
        leaves: whether the process is to stop serving.
        tell: is told of each request, before the driver is.

    Attributes:
        wrong: why the device needs a reset; "" if it needs none.
    """

    def __init__(
        self,
        model: Model,
        state: memoryview,
        line: Line | None,
        memory: DeviceMemory,
        leaves: Callable[[], bool],
        tell: Callable[[Chain], None] = lambda _chain: None,
    ) -> None:
        self.tell = tell
        self.model, self.line, self.memory, self.leaves = model, line, memory, leaves
        self.words = state.cast("Q")
        self.queues: dict[int, Virtqueue] = {}
        self.epochs: dict[int, int] = {}
        self.generation = 0
        self.wrong, self.began, self.starved = "", False, False
        words = self.words
        self.config_bytes = state[8 * CONFIG :]
        self.config = b""
        self._configure()
        words[BackWord.FEATURES] = OFFERED | model.features
        words[BackWord.QUEUES] = len(model.queue_sizes)
        for queue, most in enumerate(model.queue_sizes):
            words[queue_word(queue, QueueWord.MOST)] = most
        words[BackWord.DEVICE_ID] = model.kind  # before the guest runs; last, all the same

    def _configure(self) -> bool:
        """Bring the configuration space up to date; whether it was another."""
        before, self.config = self.config, self.model.config
        if before == self.config:
            return False
        words, size = self.words, len(self.config)
        words[BackWord.CONFIG_GENERATION] = words[BackWord.CONFIG_GENERATION] + 1
        self.config_bytes[:size] = self.config
        words[BackWord.CONFIG_SIZE] = size
        words[BackWord.CONFIG_GENERATION] = words[BackWord.CONFIG_GENERATION] + 1
        return True

    def look(self) -> None:
        """Tell the driver if the configuration has changed."""
        if self._configure() and self._is_working:
            self._raise(BackWord.CONFIG_RAISED)

    def wanted(self) -> Mapping[int, int]:
        """What is waited for outside: by descriptor, events of poll(2)."""
        is_on = self.began and self._is_working
        return self.model.wanted(not self.starved) if is_on else NOTHING_WANTED

    def kept(self) -> dict[str, Any] | None:
        """What a snapshot keeps beside the words; None if no driver uses the device.

        Raises NotKeptError.
        """
        is_on = self.began and self.words[FrontWord.GENERATION] == self.generation
        return self.model.kept() if is_on else None

    def restore(self, kept: Mapping[str, Any]) -> None:
        """Go on where another run's device was, whose words these are; before all else."""
        self.generation, self.began = self.words[FrontWord.GENERATION], True
        self.model.restore(kept)

    def finish(self) -> None:
        """No vCPU runs any more: do what is still to be done."""
        if self.model.ends_late:
            self.leaves = lambda: False
            while self.serve():
                continue
        self.model.close()

    def serve(self) -> bool:
        """Serve the requests that are there, some of many; whether there may be more.

        What is done is told to the driver.
        """
        words = self.words
        words[BackWord.SERVING] = 1
        full_fence()  # see VirtioMmio._let_go
        try:
            self._follow_resets()
            if not self._is_working:
                return False
            if not self.began:
                self.began = True
                self.model.begin(words[FrontWord.FEATURES])
            more = [self._serve_queue(number) for number in range(words[BackWord.QUEUES])]
            for number, dropped in enumerate(self.model.dropped):
                words[queue_word(number, QueueWord.DROPPED)] = dropped
            return any(more) or self.model.takes_again()
        except QueueError as error:
            self._break(error)
            return False
        finally:
            # after all accesses to the guest's memory
            words[BackWord.SERVING] = 0

    @property
    def _is_working(self) -> bool:
        """Whether a driver uses the device, which needs no reset."""
        words = self.words
        broken = words[BackWord.BROKEN] == self.generation + 1
        return bool(words[FrontWord.STATUS] & DeviceStatus.DRIVER_OK) and not broken

    def _follow_resets(self) -> None:
        generation = self.words[FrontWord.GENERATION]
        if generation != self.generation:
            self.generation = generation
            self.queues.clear()
            self.epochs.clear()
            self.wrong, self.began, self.starved = "", False, False

    def _queue(self, number: int) -> Virtqueue | None:
        """A queue if it is ready; a new one where it was made ready anew."""
        words = self.words
        if not words[queue_word(number, QueueWord.READY)]:
            self.queues.pop(number, None)
            return None
        epoch = words[queue_word(number, QueueWord.EPOCH)]
        if number not in self.queues or self.epochs[number] != epoch:
            place = QueuePlace(
                words[queue_word(number, QueueWord.SIZE)],
                Physical(words[queue_word(number, QueueWord.DESCRIPTORS)]),
                Physical(words[queue_word(number, QueueWord.DRIVER)]),
                Physical(words[queue_word(number, QueueWord.DEVICE)]),
            )
            if place.size > self.model.queue_sizes[number]:
                most = self.model.queue_sizes[number]
                raise QueueError(f"queue {number} has {place.size} descriptors of at most {most}")
            event_index = bool(words[FrontWord.FEATURES] & Feature.EVENT_INDEX)
            position = self._position(number, epoch)
            self.queues[number] = Virtqueue(self.memory, place, event_index, position)
            self.epochs[number] = epoch
        return self.queues[number]

    def _position(self, number: int, epoch: int) -> int:
        """Where to go on in a queue: not at its start if it was served before, in another run.

        Between two requests all that were taken are given back, and told of: it is one number.
        """
        words = self.words
        served, position = (
            queue_word(number, word) for word in (QueueWord.SERVED_EPOCH, QueueWord.POSITION)
        )
        if words[served] != epoch:
            words[served], words[position] = epoch, 0
        return words[position]

    def _may_go_on(self, number: int) -> bool:
        """Whether the driver has taken nothing back, and the process goes on."""
        words = self.words
        return (
            words[FrontWord.GENERATION] == self.generation
            and words[queue_word(number, QueueWord.READY)] != 0
            and words[queue_word(number, QueueWord.EPOCH)] == self.epochs[number]
            and not self.leaves()
        )

    def _serve_queue(self, number: int) -> bool:
        queue, takes_input = self._queue(number), number == self.model.input_queue
        if takes_input:
            self.starved = False
        if queue is None:
            self.starved = self.starved or takes_input
            return False
        for _ in range(MOST_AT_A_TIME):
            if not self._may_go_on(number):
                return self.leaves()
            if not self.model.is_ready(number):
                return False
            chain = queue.take()
            if chain is not None:
                self._finish(number, queue, chain, self.model.serve(number, chain))
            elif not queue.rearm():
                self.starved = self.starved or takes_input
                return False
        return True

    def _finish(self, number: int, queue: Virtqueue, chain: Chain, served: Served) -> None:
        self._count(number, QueueWord.REQUESTS, 1)
        self._count(number, QueueWord.READ, chain.readable.used)
        self._count(number, QueueWord.WRITTEN, served.written)
        self._count(number, QueueWord.FAILED, served.failed)
        self.tell(chain)
        queue.give_back(chain, served.written)
        self.words[queue_word(number, QueueWord.POSITION)] = queue.position
        if queue.wants_interrupt():
            self._raise(BackWord.USED_RAISED)

    def _count(self, number: int, word: QueueWord, more: int) -> None:
        place = queue_word(number, word)
        self.words[place] = self.words[place] + more

    def _raise(self, word: BackWord) -> None:
        self.words[word] = self.words[word] + 1
        settle(self.line, self.words)

    def _break(self, error: QueueError) -> None:
        """Stop serving until the driver resets the device (section 2.1.2)."""
        self.wrong = error.wrong
        self.words[BackWord.BROKEN] = self.generation + 1
        if self.words[FrontWord.STATUS] & DeviceStatus.DRIVER_OK:
            self._raise(BackWord.CONFIG_RAISED)
