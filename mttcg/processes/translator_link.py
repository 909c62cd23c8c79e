"""The translator, as a vCPU reaches it."""

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mttcg.memory.address import PhysicalPage, Virtual
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.vcpu_messages import PageOfPlace, SamplesWait

if TYPE_CHECKING:
    from mttcg.engine.llvm.translate import PageVersion


@dataclass(frozen=True)
class LinkToTranslator:
    """The translator, as a vCPU reaches it; without one code stays as it is.

    Args:
        channel: to it.
        device_pages: of RAM.
    """

    channel: Channel
    device_pages: tuple[PhysicalPage, ...]

    def wake(self) -> None:
        """See TranslatorLink."""
        self._send(SamplesWait())

    def describe(self, pc: Virtual, version: "PageVersion | None", better: bool) -> None:
        """See TranslatorLink."""
        page = None if version is None else version.to_plain()
        self._send(PageOfPlace(pc, page, better, self.device_pages))

    def _send(self, message: ProcessMessage) -> None:
        with contextlib.suppress(OSError):
            self.channel.send(message)
