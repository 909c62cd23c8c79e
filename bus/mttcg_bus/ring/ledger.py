"""The ledger: where every emitted record went."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ledger:
    """Records of one ring, or of several in sum: emitted = delivered + dropped + in_flight.

    emitted: records the guest's events made. delivered: acknowledged by every subscriber they were
    sent to. dropped: given up by the producer, read when nobody had subscribed, or sent to a
    subscriber that left before it acknowledged. in_flight: the rest, on their way.
    stalled_ns: how long producers waited for space.
    """

    emitted: int = 0
    delivered: int = 0
    dropped: int = 0
    in_flight: int = 0
    stalled_ns: int = 0

    def __add__(self, other: "Ledger") -> "Ledger":
        """Return the sum, field by field."""
        return Ledger(
            self.emitted + other.emitted,
            self.delivered + other.delivered,
            self.dropped + other.dropped,
            self.in_flight + other.in_flight,
            self.stalled_ns + other.stalled_ns,
        )

    @property
    def complete(self) -> bool:
        """Whether every emitted record was delivered."""
        return self.delivered == self.emitted

    def to_plain(self) -> dict[str, int]:
        """Return the numbers by name."""
        return {
            "emitted": self.emitted,
            "delivered": self.delivered,
            "dropped": self.dropped,
            "in_flight": self.in_flight,
            "stalled_ns": self.stalled_ns,
        }


def sum_ledgers(ledgers: Iterable[Ledger]) -> Ledger:
    """Return the sum of `ledgers`; all zero for none."""
    return sum(ledgers, start=Ledger())
