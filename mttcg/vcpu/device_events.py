"""What plugins are told of devices: interrupts by their source, and transfers of devices."""

from collections.abc import Mapping
from typing import Any

from mttcg.isa.system import System
from mttcg.memory.address import Virtual
from mttcg.vcpu.device_transfers import READER, TransferLog
from mttcg.vcpu.lifecycle import Lifecycle

Sources = Mapping[tuple[str, int], str]
"""Devices by their controller and the number of their interrupt there."""


class DeviceEvents:
    """Tells plugins on one vCPU.

    Args:
        index: the vCPU.
        system: of its ISA.
        lifecycle: reaches the plugins.
    """

    def __init__(self, index: int, system: System[Any], lifecycle: Lifecycle) -> None:
        self.index, self.system, self.lifecycle = index, system, lifecycle
        self.transfers: TransferLog | None = None
        self.sources: Sources = {}
        self.source = ""

    def connect(self, transfers: TransferLog, sources: Sources) -> None:
        """Know the log of transfers, which one vCPU is told of, and where interrupts come from."""
        self.transfers = transfers if self.index == READER else None
        self.sources = sources
        self.follow()

    def follow(self) -> None:
        """Look at which plugins there are now."""
        if self.transfers is not None:
            self.transfers.wanted = self.lifecycle.has_listeners("plugin_dma")

    def tell_transfers(self) -> None:
        """Tell what devices have done with memory since the last time."""
        if self.transfers is not None:
            for transfer in self.transfers.take():
                self.lifecycle.tell("plugin_dma", *transfer)

    def interrupt(self, code: int, pc: Virtual) -> None:
        """Tell of an interrupt that the hart takes; that of a device once its handler claims it."""
        self.lifecycle.tell("plugin_trap", code, pc, True)
        source = self.system.interrupt_sources.get(code)
        if source is not None:
            self.lifecycle.tell("plugin_interrupt", source, pc=pc)

    def claimed(self, controller: str, number: int) -> None:
        """The hart has claimed a request of a controller, with the access that it is making."""
        self.source = self.sources.get((controller, number), "")

    def accessed(self, pc: Virtual) -> None:
        """Tell of the request that was claimed with the access that is over now."""
        source, self.source = self.source, ""
        if source:
            self.lifecycle.tell("plugin_interrupt", source, pc=pc)
