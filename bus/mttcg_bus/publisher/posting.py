"""One span of a ring as messages: each form is made once, for all who get it in that form."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from mttcg_bus.publisher.router import frame_of
from mttcg_bus.ring.consumer import RingConsumer
from mttcg_bus.wire import wire
from mttcg_bus.wire.policy import Policy
from mttcg_bus.wire.stream import Records, bytes_of

if TYPE_CHECKING:
    from mttcg_bus.publisher.router import Payload

Head: TypeAlias = tuple[bytes, bytes]


@dataclass(eq=False)
class Parcel:
    """A batch as one subscriber gets it; `end`: the number after its last record, as it counts.

    span: its records in the ring, until they are copied; None if the subscriber reads them there.
    """

    head: Head
    span: Records | None
    end: int
    count: int
    size: int
    _copied: "Payload" = b""

    @property
    def payload(self) -> "Payload":
        """What goes out with the head; the first who asks has the records copied."""
        if self.span is not None:
            self._copied, self.span = frame_of(bytes_of(self.span)), None
        return self._copied


class Posting:
    """A span of records, still in the ring and not yet taken, of one vCPU's stream."""

    def __init__(
        self, run: str, stream: str, cpu: int, topic: str, ring: RingConsumer, span: Records
    ) -> None:
        self._facts, self._topic = (run, stream, cpu), topic
        self._ring, self._span = ring, span
        self._first = ring.next
        self._made: dict[tuple[int, bool], Parcel | None] = {}

    def parcel(self, policy: Policy, borrowed: bool) -> Parcel | None:
        """Return the message for who has this policy, None if it has nothing for it.

        borrowed: whether it reads in the ring.
        """
        key = (policy.step, borrowed)
        if key not in self._made:
            self._made[key] = self._make(policy, borrowed)
        return self._made[key]

    def _make(self, policy: Policy, borrowed: bool) -> Parcel | None:
        span = self._span[-self._first % policy.step :: policy.step]
        if not len(span):
            return None
        first, dropped = policy.numbers_below(self._first), self._ring.dropped
        at = self._ring.next_at if borrowed else 0
        message = wire.Batch(*self._facts, first, len(span), dropped, at)
        head = wire.encode(self._topic, message)
        copies = None if borrowed else span
        return Parcel(head, copies, first + len(span), len(span), span.nbytes)
