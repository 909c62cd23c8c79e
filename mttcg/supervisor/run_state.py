"""The state of a run: all that it has, as its result, its commands and its plugins look at it."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mttcg.config import Config
from mttcg.guest.boot import BootState
from mttcg.guest.boot_files import BootFiles
from mttcg.guest.image import GuestImage
from mttcg.guest.kernel_data import facts_of
from mttcg.hardware.board import Board
from mttcg.instrument.errors import ElfFileError
from mttcg.instrument.program.source_lines import source_lines
from mttcg.instrument.program.symbol_names import readable_name
from mttcg.isa.base import Isa
from mttcg.linux.kernel_facts import KernelFacts
from mttcg.linux.linux_guest import LinuxGuest
from mttcg.linux.registry import kernel_isa
from mttcg.memory.ram import GuestRam
from mttcg.supervisor.delivery.streams import Streams
from mttcg.supervisor.scoreboards import Scoreboards
from mttcg.supervisor.start.launch import Host
from mttcg.tbcache.cache import BlockCache
from mttcg.vcpu.instrumentation.tables import table_records
from mttcg.vcpu.machine.shared import Harts, MachineState
from mttcg.vcpu.protocol.needs import NeededTable
from mttcg_bus.run_info import RunInfo

if TYPE_CHECKING:
    from mttcg.supervisor.delivery.aggregator_process import AggregatorProcess
    from mttcg.supervisor.delivery.delivery import Delivery


@dataclass
class RunState:
    """What a run has when its vCPUs are about to start, and until its result is made.

    `delivery` is there if somebody can subscribe. `maps` are the segments by name, `fds` all
    descriptors that go to the vCPU host; `boot_state` is how the harts start, or had; `cache_fd` is
    the block cache's descriptor, which is its lock; `device_fds` are the eventfds of the device
    process by name, "devices" and one for each device, none without it; `check_rings` are those of
    `--check`, one a vCPU, none without it. `started` is when the run began, on the monotonic clock;
    `seconds` maps a phase to its wall time. `past_reports` are those of plugins that were unloaded,
    by name.
    """

    identifier: str
    config: Config
    boot: BootFiles
    board: Board
    host: Host
    streams: Streams
    delivery: "Delivery | None"
    maps: Mapping[str, memoryview]
    fds: Mapping[str, int]
    boot_state: BootState
    cache_fd: int
    device_fds: Mapping[str, int]
    machine: MachineState
    harts: Harts
    scoreboards: Scoreboards
    check_rings: list[int]
    started: float
    seconds: dict[str, float]
    past_reports: dict[str, Any] = field(default_factory=dict)

    @property
    def image(self) -> GuestImage:
        """What is shown of what was loaded."""
        return self.boot.image

    @property
    def input_pipe(self) -> str:
        """The descriptor, by name, from which the guest's console takes its input."""
        return "keys" if self.config.has_virtio_console else "console_input"

    @property
    def isa(self) -> Isa:
        """The guest's."""
        return self.image.isa

    @property
    def engine(self) -> str:
        """Name of the engine."""
        return self.config.engine_name

    def info(self) -> RunInfo:
        """What is run, for those who subscribe."""
        return info_of(self.identifier, self.config, self.image, self.board, self.host)

    def call_devices(self) -> None:
        """Have the device process, if there is one, look at the machine."""
        if "devices" in self.device_fds:
            os.eventfd_write(self.device_fds["devices"], 1)

    @cached_property
    def symbol_at(self) -> Callable[[int], str]:
        """Names what is at an address, "" if it has no name."""
        return self.info().symbol_at

    @cached_property
    def kernel(self) -> KernelFacts:
        """Where things are in the guest's kernel; raises KernelDataError if it is none of Linux."""
        return facts_of(self.boot)

    def linux(self) -> LinuxGuest:
        """The guest's processes; raises KernelDataError."""
        ram = GuestRam(self.board.ram_base, self.maps["ram"])
        return LinuxGuest(self.harts.harts, ram, kernel_isa(self.isa.name), self.kernel)

    def source_at(self, address: int) -> str:
        """File and line of what is at an address, "" without debug information."""
        ram = self.image.ram
        try:
            lines = source_lines(self.config.guest, (ram.base, ram.size))
        except ElfFileError:  # it was there when the run began
            return ""
        return lines.line_at(address)

    def place_at(self, address: int) -> str:
        """Names what is at an address, with file and line if they are known."""
        symbol, source = self.symbol_at(address), self.source_at(address)
        return ", ".join(filter(None, (symbol, source)))

    def cache(self) -> BlockCache:
        """The block cache, to be read."""
        ram = np.frombuffer(self.maps["ram"], dtype=np.uint8)
        ram_base, code = self.board.ram_base, self.isa.code
        return BlockCache(self.maps["cache"], self.cache_fd, ram, ram_base, 0, code)

    def table_records(self, table: NeededTable, cpu: int) -> Any:
        """What a table has counted on a vCPU, in the layout of its stream."""
        words = self.scoreboards.words(table.plugin, table.name, cpu)
        spec = self.streams.specs[stream_of(table)]
        return table_records(words, self.cache(), spec.dtype)

    @property
    def aggregators(self) -> "list[AggregatorProcess]":
        """Those that run."""
        return self.delivery.aggregators if self.delivery is not None else []

    def garbage(self) -> dict[str, int]:
        """What the bus was sent that is none of its protocol's, by where; empty without a bus."""
        return self.delivery.publisher.garbage.to_plain() if self.delivery is not None else {}

    def counters(self) -> dict[str, dict[str, Any]]:
        """Per plugin with Counters: a row per vCPU, and the sums."""
        return self.scoreboards.counters(self.harts.harts)

    def ledger(self) -> dict[str, dict[str, int]]:
        """Each stream's counts."""
        return {name: ledger.to_plain() for name, ledger in self.streams.ledger().items()}


def stream_of(table: NeededTable) -> str:
    """Name of the stream that a table's records go out by."""
    return f"{table.plugin}.{table.stream}"


def info_of(
    identifier: str, config: Config, image: GuestImage, board: Board, host: Host | None = None
) -> RunInfo:
    """What is run, for those who subscribe; before there is a host, as far as it is known."""
    return RunInfo(
        run=identifier,
        guest=str(config.guest),
        smp=config.smp,
        engine=config.engine_name,
        ram_base=image.ram.base,
        ram_size=config.memory,
        entry=image.entry,
        symbols=tuple((s.address, s.size, readable_name(s.name)) for s in image.symbols),
        plugins=config.plugins if host is None else tuple(host.plugin_specs()),
        ticks_per_second=0 if host is None else host.ticks_per_second,
        isa=image.isa.name,
        interprocessor=board.interprocessor or (0, 0, 0),
    )
