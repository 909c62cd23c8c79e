"""The 9P transport: a folder of the host for the guest (section 5.13 of the specification)."""

import struct
from collections.abc import Mapping
from enum import IntFlag
from typing import Any

from mttcg.hardware.devices.ninep.kept import kept_of, restore_into
from mttcg.hardware.devices.ninep.server import ERROR_BYTES, Server
from mttcg.hardware.devices.virtio.backend import Model, Served
from mttcg.hardware.devices.virtio.layout import DeviceKind
from mttcg.hardware.devices.virtio.queue import Chain, QueueError
from mttcg.host_folder import HostFolder

TAG_SIZE = struct.Struct("<H")
QUEUE_SIZE = 128
"""Descriptors, as many as Linux has for a request (linux: net/9p/trans_virtio.c)."""


class ShareFeature(IntFlag):
    """Features that are offered."""

    MOUNT_TAG = 1 << 0


class ShareDevice(Model):
    """A folder.

    Args:
        folder: the folder.
        tag: by which the guest finds it.
        may_write: whether the guest may change it.
    """

    kind = DeviceKind.SHARE
    queue_sizes = (QUEUE_SIZE,)
    features = ShareFeature.MOUNT_TAG

    def __init__(self, folder: HostFolder, tag: str, *, may_write: bool) -> None:
        self.server, self.tag = Server(folder, may_write=may_write), tag.encode()

    @property
    def config(self) -> bytes:
        """struct virtio_9p_config."""
        return TAG_SIZE.pack(len(self.tag)) + self.tag

    def begin(self, features: int) -> None:
        """A driver begins: what another had open is closed."""
        self.server.close()

    def kept(self) -> dict[str, Any]:
        """See Model: what the client has mounted and open."""
        return kept_of(self.server.client)

    def restore(self, kept: Mapping[str, Any]) -> None:
        """See Model; what is not there any more is an error for who uses it."""
        restore_into(self.server.client, kept, lambda _error: None)

    def serve(self, queue: int, chain: Chain) -> Served:
        """Answer a message."""
        if chain.writable.left < ERROR_BYTES:
            raise QueueError("a 9P request has no room for its answer")
        answered = self.server.answer(chain.readable, chain.writable)
        return Served(answered.written, failed=answered.failed)

    def close(self) -> None:
        """The run ends: close what is open."""
        self.server.close()
