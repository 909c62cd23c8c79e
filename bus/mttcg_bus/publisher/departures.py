"""The subscribers that have left a run: a number of them one by one, the others in sum."""

from dataclasses import dataclass, field

from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.wire.control import Left
from mttcg_bus.wire.limits import MOST_DEPARTURES


@dataclass
class Others:
    """The departures that are kept in sum. count: how many. lost: unacknowledged records.

    ledger: what became of the records that were published while each was there, by stream.
    """

    count: int = 0
    lost: int = 0
    ledger: dict[str, Ledger] = field(default_factory=dict)


class Departures:
    """All that left. listed: the first `MOST_DEPARTURES` of them, in order."""

    def __init__(self) -> None:
        self.listed: list[Left] = []
        self.others = Others()

    def add(self, left: Left) -> None:
        """Take in one more."""
        if len(self.listed) < MOST_DEPARTURES:
            self.listed.append(left)
            return
        others = self.others
        others.count += 1
        others.lost += left.lost
        for stream, counts in left.ledger.items():
            others.ledger[stream] = others.ledger.get(stream, Ledger()) + Ledger(**counts)
