"""What was sent to a publisher that no peer in its right mind sends: counted, and dropped."""

from dataclasses import asdict, dataclass


@dataclass
class Garbage:
    """Counts of one run, up to now.

    messages: at the ROUTER, malformed, too large or of another version; each was answered with
    `refused`. packets: the same at the socket that lends rings. connections: that broke off before
    both sides had spoken ZMTP: something else was sent, or the keys do not fit. orders: between
    the publisher and its supervisor. excess: what would have gone beyond one of the `limits`.
    """

    messages: int = 0
    packets: int = 0
    connections: int = 0
    orders: int = 0
    excess: int = 0

    def __bool__(self) -> bool:
        """Whether there was any."""
        return any(asdict(self).values())

    def to_plain(self) -> dict[str, int]:
        """Return the counts by name."""
        return asdict(self)
