"""The entropy device (section 5.4 of the specification)."""

import hashlib
import os
from collections.abc import Mapping
from typing import Any, Protocol

from mttcg.hardware.devices.virtio.backend import Model, Served
from mttcg.hardware.devices.virtio.layout import DeviceKind
from mttcg.hardware.devices.virtio.queue import Chain

MOST_BYTES = 1 << 16
"""Of one answer; a driver that wants more asks again."""


class RandomBytes(Protocol):
    """Where they come from.

    Attributes:
        given: how often some were.
    """

    given: int

    def next(self, size: int) -> bytes:
        """So many bytes."""


class HostBytes:
    """Those of the host, which no two runs have alike."""

    given = 0

    def next(self, size: int) -> bytes:
        """See RandomBytes."""
        return os.urandom(size)


class SeededBytes:
    """Those that a seed gives: the same in each run.

    Args:
        seed: any text.
    """

    def __init__(self, seed: str) -> None:
        self.seed, self.given = seed, 0

    def next(self, size: int) -> bytes:
        """See RandomBytes."""
        found = hashlib.shake_256(f"{self.seed} {self.given}".encode()).digest(size)
        self.given += 1
        return found


class EntropyDevice(Model):
    """Random bytes.

    Args:
        source: where they come from.
    """

    kind = DeviceKind.ENTROPY
    queue_sizes = (64,)

    def __init__(self, source: RandomBytes | None = None) -> None:
        self.source = source or HostBytes()

    def kept(self) -> dict[str, Any]:
        """See Model: how far in those of a seed it is."""
        return {"given": self.source.given}

    def restore(self, kept: Mapping[str, Any]) -> None:
        """See Model."""
        self.source.given = kept.get("given", 0)

    def serve(self, queue: int, chain: Chain) -> Served:
        """Fill the buffers as far as may be."""
        size = min(chain.writable.left, MOST_BYTES)
        return Served(chain.writable.write(self.source.next(size)))
