"""What plugins are told of devices: interrupts by their source, and transfers of devices."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from mttcg.isa.system import System
from mttcg.memory.address import Virtual
from mttcg.vcpu.instrumentation.lifecycle import Lifecycle
from mttcg.vcpu.machine.device_transfers import READER, Transfer, TransferLog

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
        self.taken: list[Transfer] = []
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

    def take_transfers(self) -> None:
        """Make room in the log, to tell of what was there later."""
        if self.transfers is not None:
            self.taken += self.transfers.take()

    def tell_transfers(self) -> None:
        """Tell what devices have done with memory since the last time."""
        self.take_transfers()
        taken, self.taken = self.taken, []
        for transfer in taken:
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


class Claimant(Protocol):
    """A vCPU, as far as devices know it."""

    device_events: DeviceEvents

    def stops_waiting(self) -> bool:
        """Whether to wait for another process no more."""


def claims(vcpu: Callable[[], Claimant | None]) -> Callable[[str, int], None]:
    """What a controller tells of claims that a vCPU makes, which is there by then."""

    def claimed(controller: str, number: int) -> None:
        found = vcpu()
        assert found is not None, "whoever claims is run by it"
        found.device_events.claimed(controller, number)

    return claimed


def stops_waiting(vcpu: Callable[[], Claimant | None]) -> Callable[[], bool]:
    """`Vcpu.stops_waiting` of a vCPU that is there by then."""

    def stops() -> bool:
        found = vcpu()
        assert found is not None, "whoever waits is run by it"
        return found.stops_waiting()

    return stops
