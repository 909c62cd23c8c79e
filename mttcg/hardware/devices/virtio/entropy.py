"""The entropy device (section 5.4 of the specification)."""

import os

from mttcg.hardware.devices.virtio.backend import Model, Served
from mttcg.hardware.devices.virtio.layout import DeviceKind
from mttcg.hardware.devices.virtio.queue import Chain

MOST_BYTES = 1 << 16
"""Of one answer; a driver that wants more asks again."""


class EntropyDevice(Model):
    """Random bytes of the host's."""

    kind = DeviceKind.ENTROPY
    queue_sizes = (64,)

    def serve(self, queue: int, chain: Chain) -> Served:
        """Fill the buffers as far as may be."""
        return Served(chain.writable.write(os.urandom(min(chain.writable.left, MOST_BYTES))))
