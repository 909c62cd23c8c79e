"""How long a producer of records waits for those who take them."""

import time
from collections.abc import Callable

from mttcg_bus.ring.ring import RingProducer

STALL_SECONDS = 10.0
"""How long a full ring may stand still once the machine stops, before its vCPU gives up."""


class Patience:
    """How long a producer waits for space: as long as it takes, until the machine stops.

    A lossless stream makes the guest wait, and the publisher goes on while the vCPUs leave, so to
    stop is no reason to lose anything. But a ring from which nothing is taken for STALL_SECONDS
    after that has a subscriber that hangs: what does not fit is counted as dropped, and so is
    what comes after, so that the vCPU leaves in order.

    Args:
        stopping: whether the machine stops.
    """

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self.stopping = stopping
        self.gave_up: set[RingProducer] = set()

    def over(self, producer: RingProducer) -> Callable[[], bool]:
        """What to ask, again and again, while waiting for space once: whether to give up."""
        tail, limit = -1, 0.0

        def give_up() -> bool:
            nonlocal tail, limit
            if not self.stopping():
                return False
            now = time.monotonic()
            if producer.tail != tail:
                tail, limit = producer.tail, now + STALL_SECONDS
            elif now > limit:
                self.gave_up.add(producer)
            return producer in self.gave_up

        return give_up
