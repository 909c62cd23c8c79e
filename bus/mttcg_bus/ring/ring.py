"""The ring: a shared-memory queue of records with one producer and one consumer.

A ring is a memfd: a header of 4096 bytes, then `capacity` records. The header's words are unsigned
64-bit little endian; their numbers below are the one place that says where they are. The words
that the producer and the consumer write are 128 bytes apart, so that neither takes the other's
cache line. Native producers write the same words.

Order (x86-64: stores become visible in program order, loads are made in program order):
the producer stores a record, then `head`; the consumer loads `head`, reads the records, then stores
`tail`. A producer that found the ring full stores `waiting`, fences, loads `tail` again and sleeps;
the consumer stores `tail`, fences, loads `waiting` and wakes it if there is as much room. Either
sees what the other stored. It waits for half of the ring, not to be woken for each batch: what
reads the other half has enough to do meanwhile.
"""

import enum
import fcntl
import mmap
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from mttcg_bus.errors import RingError
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.wire.stream import Records, StreamSpec

HEADER_SIZE = 4096
MAGIC = int.from_bytes(b"MTTCRNG1", "little")

# written once, by create_ring
MAGIC_WORD = 0
CAPACITY_WORD = 1  # records, a power of two
ITEMSIZE_WORD = 2  # bytes of a record
BATCH_WORD = 3  # records between two doorbells, a power of two
DROPS_WORD = 4  # 1 if the producer gives records up when the ring is full, where others wait
# written by the producer
HEAD_WORD = 16  # records ever written; stored after the record is in place
DROPPED_WORD = 17  # records the producer gave up
STALLED_WORD = 18  # nanoseconds the producer waited for space
CLOSED_WORD = 19  # 1 when no more will come; by the supervisor if the producer died
WAITING_WORD = 20  # records that the producer waits for room for, 0 while it does not
# written by the consumer
TAIL_WORD = 32  # records ever consumed; stored after the consumer is done with their bytes
CONSUMER_GONE_WORD = 33  # 1 when nobody will consume again; by the supervisor
DELIVERED_WORD = 34  # records acknowledged by every subscriber they were sent to
LOST_WORD = 35  # records read with no subscriber, or whose subscriber left unacknowledged

WAIT_MILLISECONDS = 50
"""How long a producer sleeps before it looks again whether it is to give up."""

_fence_lock = threading.Lock()


class Space(enum.Enum):
    """How waiting for space ended."""

    ROOM = enum.auto()  # there is room for what was asked
    GONE = enum.auto()  # nobody consumes this ring any more
    INTERRUPTED = enum.auto()  # the caller was asked to stop waiting


def full_fence() -> None:
    """Order all earlier stores before all later loads; taking a lock is a locked instruction."""
    with _fence_lock:
        pass


def create_ring(spec: StreamSpec) -> int:
    """Return the descriptor of a new, empty ring for one vCPU of the stream; the caller owns it."""
    flags = os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING
    fd = os.memfd_create(f"mttcg-{spec.name}", flags)
    os.ftruncate(fd, HEADER_SIZE + spec.capacity * spec.dtype.itemsize)
    # who maps it can rely on its size: a page that is gone would be a SIGBUS
    fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_GROW | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_SEAL)
    with header_words(fd) as words:
        # SAFETY: nobody else has the descriptor yet
        words[MAGIC_WORD] = MAGIC
        words[CAPACITY_WORD] = spec.capacity
        words[ITEMSIZE_WORD] = spec.dtype.itemsize
        words[BATCH_WORD] = spec.batch
        words[DROPS_WORD] = not spec.how.waits
    return fd


@contextmanager
def header_words(fd: int) -> Iterator[memoryview]:
    """Map the header of the ring at descriptor `fd`, as 512 words of 64 bits."""
    with mmap.mmap(fd, HEADER_SIZE) as memory, memoryview(memory) as view:
        words = view.cast("Q")
        try:
            yield words
        finally:
            words.release()


def ledger_of(ring: "int | memoryview") -> Ledger:
    """Return where the records of a ring went, from its header alone.

    ring: the ring's descriptor, or its header as words; the processes around it may be dead.
    """
    if isinstance(ring, int):
        with header_words(ring) as words:
            return ledger_of(words)
    # SAFETY: read in the order in which records advance backwards, so that in_flight is never < 0
    delivered, lost = ring[DELIVERED_WORD], ring[LOST_WORD]
    given_up, head = ring[DROPPED_WORD], ring[HEAD_WORD]
    return Ledger(
        emitted=head + given_up,
        delivered=delivered,
        dropped=given_up + lost,
        in_flight=head - delivered - lost,
        stalled_ns=ring[STALLED_WORD],
    )


def mark_closed(fd: int) -> None:
    """Say for a dead producer that no more will come; the doorbell is the caller's to ring."""
    with header_words(fd) as words:
        # SAFETY: the producer's word; it is dead, so nobody else stores there
        words[CLOSED_WORD] = 1


def mark_consumer_gone(fd: int) -> None:
    """Say for a dead consumer that nobody will consume; the caller writes the space eventfds."""
    with header_words(fd) as words:
        # SAFETY: only the supervisor stores this word
        words[CONSUMER_GONE_WORD] = 1


class Ring:
    """One mapping of a ring; its two ends derive from it, and the view of a subscriber.

    fd: the ring's descriptor; the mapping outlives it. access: of the mapping, as mmap has it.
    Raises RingError if it holds something else.
    """

    def __init__(self, fd: int, dtype: np.dtype[Any], access: int = mmap.ACCESS_DEFAULT) -> None:
        size = os.fstat(fd).st_size
        if size < HEADER_SIZE:
            raise RingError(f"ring of {size} bytes; expected at least {HEADER_SIZE}")
        self._memory = mmap.mmap(fd, size, access=access)
        self.words = memoryview(self._memory)[:HEADER_SIZE].cast("Q")
        self.capacity = self.words[CAPACITY_WORD]
        self.batch = self.words[BATCH_WORD]
        itemsize = self.words[ITEMSIZE_WORD]
        if self.words[MAGIC_WORD] != MAGIC or itemsize != dtype.itemsize:
            raise RingError(f"not a ring with records of {dtype.itemsize} bytes")
        if size != HEADER_SIZE + self.capacity * itemsize or self.capacity & (self.capacity - 1):
            raise RingError(f"ring of {size} bytes for {self.capacity} records of {itemsize}")
        self.slots: Records = np.frombuffer(self._memory, dtype, self.capacity, HEADER_SIZE)
        self.bytes = self.slots.view(np.uint8)

    @property
    def head(self) -> int:
        """Records ever written."""
        return self.words[HEAD_WORD]

    @property
    def tail(self) -> int:
        """Records ever consumed."""
        return self.words[TAIL_WORD]

    @property
    def dropped(self) -> int:
        """Records the producer gave up."""
        return self.words[DROPPED_WORD]

    @property
    def closed(self) -> bool:
        """Whether no more will come; read it before `head` to know that `head` is final."""
        return self.words[CLOSED_WORD] != 0

    def unmap(self) -> None:
        """Let the mapping go; no array that `peek` returned may be alive."""
        del self.slots, self.bytes
        self.words.release()
        self._memory.close()


class RingProducer(Ring):
    """The producer's end.

    doorbell_fd: eventfd that wakes the publisher. space_fd: non-blocking eventfd of this vCPU,
    which the publisher writes when it made room while the producer was waiting.
    """

    def __init__(self, fd: int, dtype: np.dtype[Any], doorbell_fd: int, space_fd: int) -> None:
        super().__init__(fd, dtype)
        self._doorbell_fd, self.space_fd = doorbell_fd, space_fd

    @property
    def room(self) -> int:
        """Records that fit now; it only grows until the producer writes."""
        return self.capacity - (self.head - self.tail)

    @property
    def drops(self) -> bool:
        """Whether records that find no room are given up."""
        return self.words[DROPS_WORD] != 0

    @property
    def consumer_gone(self) -> bool:
        """Whether nobody consumes this ring any more."""
        return self.words[CONSUMER_GONE_WORD] != 0

    def append(self, records: Records, interrupted: Callable[[], bool] = lambda: False) -> int:
        """Write `records` (one dimension, any length), waiting for space; return how many went in.

        Those that did not, because the ring is one that does not wait, the consumer is gone or
        `interrupted()` became true while waiting, are counted as dropped.
        """
        done, count = 0, len(records)
        while done < count:
            room = self.room
            if room == 0:
                if self.drops or wait_for_space(self, 1, interrupted) is not Space.ROOM:
                    self.drop(count - done)
                    break
                continue
            done += self._store(records[done : done + room])
        return done

    def _store(self, records: Records) -> int:
        count, head, size = len(records), self.head, self.slots.dtype.itemsize
        at = (head & (self.capacity - 1)) * size
        # as bytes: numpy copies structured records field by field
        source = np.ascontiguousarray(records, self.slots.dtype).view(np.uint8)
        first = min(len(source), self.capacity * size - at)
        # SAFETY: the slots from head to tail + capacity are the producer's; head is stored after
        self.bytes[at : at + first] = source[:first]
        self.bytes[: len(source) - first] = source[first:]
        self.words[HEAD_WORD] = head + count
        if (head + count) // self.batch != head // self.batch:
            self.ring_doorbell()
        return count

    def drop(self, count: int) -> None:
        """Count `count` records as given up."""
        # SAFETY: only the producer stores this word
        self.words[DROPPED_WORD] += count

    def ring_doorbell(self) -> None:
        """Wake the publisher."""
        os.eventfd_write(self._doorbell_fd, 1)

    def close(self) -> None:
        """Say that no more will come, and wake the publisher for the rest."""
        # SAFETY: the producer's word, stored after its last head
        self.words[CLOSED_WORD] = 1
        self.ring_doorbell()


def wait_for_space(ring: RingProducer, needed: int, interrupted: Callable[[], bool]) -> Space:
    """Wait until `needed` records fit (at most the capacity; half of it, if they are fewer).

    The time counts as stalled. A native producer stores its head before it calls this.
    `interrupted` is asked at least every 50 ms, so it must be quick.
    """
    if not 0 < needed <= ring.capacity:
        raise RingError(f"room for {needed} records in a ring of {ring.capacity}")
    wanted = max(needed, ring.capacity // 2)
    words, stalled, started = ring.words, ring.words[STALLED_WORD], time.monotonic_ns()
    poller = select.poll()
    poller.register(ring.space_fd, select.POLLIN)
    # SAFETY: waiting and stalled are the producer's words; waiting, fence, tail: see the module
    words[WAITING_WORD] = wanted
    ring.ring_doorbell()
    try:
        while True:
            full_fence()
            if ring.room >= wanted:
                return Space.ROOM
            if ring.consumer_gone:
                return Space.GONE
            if interrupted():
                return Space.INTERRUPTED
            if poller.poll(WAIT_MILLISECONDS):
                os.eventfd_read(ring.space_fd)
            words[STALLED_WORD] = stalled + time.monotonic_ns() - started
    finally:
        words[WAITING_WORD] = 0
        words[STALLED_WORD] = stalled + time.monotonic_ns() - started
