"""A machine: the guest, its processes, and one run of it."""

import os
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np

from mttcg.config import Config
from mttcg.engine.base import ISA
from mttcg.errors import HostLimitError, OptionError
from mttcg.isa.riscv64.extensions import isa_text
from mttcg.isa.riscv64.hart import State
from mttcg.machine.board import RAM_BASE, fill_ram
from mttcg.machine.boards import Boards
from mttcg.machine.check import RECORDED, make_rings
from mttcg.machine.console import Console, standard_output
from mttcg.machine.control import Control
from mttcg.machine.delivery import SUBSCRIBER_SECONDS, Delivery
from mttcg.machine.elf import load_guest
from mttcg.machine.image import GuestImage
from mttcg.machine.interim import Interims
from mttcg.machine.interrupts import Interrupts
from mttcg.machine.launch import END_SECONDS, Host, start_host
from mttcg.machine.outcome import StatusReader, build_result, counter_reports, vcpu_now
from mttcg.machine.result import RunResult, Status, json_ready
from mttcg.machine.segments import create_segment, fixed_sizes, map_segment
from mttcg.machine.watch import Watch
from mttcg.tbcache.cache import BlockCache
from mttcg.vcpu.channel import Channel
from mttcg.vcpu.shared import Harts, MachineState
from mttcg.vcpu.tables import table_records
from mttcg_bus.host_limits import host_refusal
from mttcg_bus.run_info import RunInfo

DEFAULT_ENGINE = "llvm"


class Machine:
    """A guest and how it is to be run.

    Args:
        guest: path of the ELF file.
        options: as on the command line; the fields of `mttcg.config.Config`.

    Raises OptionError for an option that can't be, GuestFileError for a file that can't be run.
    """

    def __init__(self, guest: Path | str, **options: Any) -> None:
        for name in ("plugins",):
            if name in options:
                options[name] = tuple(options[name])
        self.config = Config(guest=Path(guest), **options)
        self.image: GuestImage = load_guest(self.config.guest, RAM_BASE, self.config.memory)

    def run(
        self,
        console: Console | None = None,
        on_status: Callable[[Status], None] | None = None,
        stdin_fd: int | None = None,
        on_bus: Callable[[str], None] | None = None,
        on_interim: Callable[[RunResult], None] | None = None,
        on_warning: Callable[[str], None] | None = None,
    ) -> RunResult:
        """Run the guest to its end.

        Args:
            console: takes the guest's output, as a binary file does; standard output if None, as
                bytes or, where that takes only text, as in a notebook, as text.
            on_status: called several times a second while the guest runs.
            stdin_fd: descriptor that the guest's UART reads from.
            on_bus: called with the bus's address once subscribers can come, if the run has a bus.
            on_interim: called with the result so far, every `interim` seconds if that is not 0.
            on_warning: called with each warning, a line, when it comes; the result has it, too.

        Raises the errors of a user's mistakes before anything runs; what happens during the run
        is in the result. In the main thread, Ctrl-C stops the guest in order; a second one kills
        the vCPUs, a third one gives up and raises KeyboardInterrupt.
        """
        if console is None:
            console = standard_output()
        run = Run(self.config, self.image, Interrupts())
        try:
            return run.run(console, on_status, stdin_fd, on_bus, on_interim, on_warning)
        except Exception as error:
            if wrong := host_refusal(error, "a smaller machine"):
                raise HostLimitError(self.config.smp, self.config.memory, wrong) from error
            raise
        finally:
            with run.interrupts:
                run.close()


class Run:
    """One run: its segments, processes and descriptors, and their end."""

    def __init__(self, config: Config, image: GuestImage, interrupts: Interrupts) -> None:
        self.config, self.image, self.interrupts = config, image, interrupts
        self.identifier = uuid.uuid4().hex
        self.fds: dict[str, int] = {}
        self.channels: list[Channel] = []
        self.host: Host | None = None
        self.delivery: Delivery | None = None
        self.started = time.monotonic()
        self.seconds: dict[str, float] = {}
        self.past_reports: dict[str, Any] = {}
        self.check_rings: list[int] = []
        self.boards = Boards()

    def run(
        self,
        console: Console | None,
        on_status: Callable[[Status], None] | None,
        stdin_fd: int | None,
        on_bus: Callable[[str], None] | None,
        on_interim: Callable[[RunResult], None] | None,
        on_warning: Callable[[str], None] | None,
    ) -> RunResult:
        """Start everything, watch it, collect what it left."""
        self._make_segments()
        self.host = host = start_host(self.config, self.image, self.run_info())
        self._make_delivery(host, on_bus)
        self._make_descriptors(host)
        self.seconds["start"] = time.monotonic() - self.started
        reader = StatusReader(self.harts.harts, self._ledger)
        interims: Interims | None = None

        def tick() -> None:
            if on_status is not None:
                on_status(reader.read())
            if interims is not None:
                interims.look()

        with self.interrupts as interrupts:
            watch = self._watch(host, console, stdin_fd, tick, on_warning or (lambda _text: None))
            for text in (*self.image.warnings, *host.warnings):
                watch.warn(text)
            if self.config.control:
                watch.control = Control(self, watch)
            if on_interim is not None and self.config.interim:
                interims = Interims(self, watch, on_interim)
            began = time.monotonic()
            self.machine.start_clock()
            self._start_vcpus(host)
            watch.run()
            self.seconds["run"] = time.monotonic() - began
            if watch.interrupted:
                interrupts.let_through()
            reports = self._finish(watch)
            watch.interrupted = watch.interrupted or interrupts.waiting
        return build_result(self, watch, reports)

    def _make_segments(self) -> None:
        sizes = fixed_sizes(self.config.smp, self.config.memory, self.config.code_cache)
        for name, size in sizes.items():
            self.fds[name] = create_segment(name, size)
        self.maps = {name: map_segment(self.fds[name], size) for name, size in sizes.items()}
        self.device_tree = fill_ram(
            self.config, self.image, self.maps["ram"], isa_text(ISA[self.engine])
        )
        self.machine = MachineState(self.maps["machine"])

    def _make_delivery(self, host: Host, on_bus: Callable[[str], None] | None) -> None:
        self.delivery = delivery = Delivery.prepare(
            host.needs["streams"], self.config.smp, self.config.policies
        )
        others = self.config.wait_subscribers
        if others and not delivery.specs:
            wrong = "nobody can subscribe, as no plugin has a stream"
            raise OptionError("--wait-subscribers", wrong, "a plugin that records something")
        may_come = bool(delivery.specs) or self.config.control
        if self.config.record is not None and not may_come:
            wrong = "there is nothing to record, as no plugin has a stream"
            raise OptionError("--record", wrong, "a plugin that records something")
        if delivery.specs or self.config.bus is not None or self.config.control:
            publisher = delivery.publish(self.config, self.run_info())
            publisher.state = self._state
            if on_bus is not None:
                on_bus(publisher.url)
            delivery.aggregate(host.needs["plugins"] if self.config.aggregate else [], self.config)
            if self.config.record is not None:
                delivery.record(Path(self.config.record), self.config.record_limit)
            delivery.wait_subscribers(others, SUBSCRIBER_SECONDS)

    def run_info(self) -> RunInfo:
        """What is run, for those who subscribe."""
        return RunInfo(
            run=self.identifier,
            guest=str(self.config.guest),
            smp=self.config.smp,
            engine=self.engine,
            ram_base=RAM_BASE,
            ram_size=self.config.memory,
            entry=self.image.entry,
            symbols=tuple((s.address, s.size, s.name) for s in self.image.symbols),
            plugins=tuple(self.plugin_specs()),
            ticks_per_second=0 if self.host is None else self.host.ticks_per_second,
        )

    def plugin_specs(self) -> list[str]:
        """The plugins that there are now, as users gave them."""
        if self.host is None:
            return list(self.config.plugins)
        return [plugin["spec"] for plugin in self.host.needs["plugins"]]

    @property
    def engine(self) -> str:
        """Name of the engine that `auto` stands for, or that was asked for."""
        return DEFAULT_ENGINE if self.config.engine == "auto" else self.config.engine

    def _make_descriptors(self, host: Host) -> None:
        assert self.delivery is not None
        fds, smp = self.fds, self.config.smp
        flags = os.EFD_CLOEXEC | os.EFD_NONBLOCK
        for cpu in range(smp):
            fds[f"wake{cpu}"] = os.eventfd(0, flags)
        fds["notice"] = os.eventfd(0, flags)
        self.console_output, fds["console_output"] = os.pipe()
        fds["console_input"], self.console_input = os.pipe()
        os.set_blocking(fds["console_input"], False)
        os.set_blocking(self.console_input, False)
        self.boards.add(host.needs["boards"], smp)
        if self.config.check:
            self.check_rings = make_rings(smp)
        self.harts = Harts(
            self.maps["harts"], [fds[f"wake{cpu}"] for cpu in range(smp)], self.machine
        )

    def _watch(
        self,
        host: Host,
        console: Console | None,
        stdin_fd: int | None,
        tick: Callable[[], None],
        on_warning: Callable[[str], None],
    ) -> Watch:
        assert self.delivery is not None
        return Watch(
            host=host,
            harts=self.harts,
            machine=self.machine,
            delivery=self.delivery,
            channels=self.channels,
            interrupts=self.interrupts,
            console_output=self.console_output,
            console_input=self.console_input,
            notice_fd=self.fds["notice"],
            console=console,
            stdin_fd=stdin_fd,
            on_tick=tick,
            on_warning=on_warning,
            symbol_at=self.run_info().symbol_at,
            stop_on_trap_loop=self.config.stop_on_trap_loop,
        )

    def _start_vcpus(self, host: Host) -> None:
        """Send the host what the vCPUs need; it forks them."""
        assert self.delivery is not None
        passed = dict(self.fds)
        with ExitStack() as theirs:
            for cpu in range(self.config.smp):
                ours, other = Channel.pair()
                self.channels.append(ours)
                theirs.callback(other.close)
                passed[f"vcpu{cpu}"] = other.fileno()
                for end, channel in zip(("asking", "translator"), Channel.pair(), strict=True):
                    theirs.callback(channel.close)
                    passed[f"{end}{cpu}"] = channel.fileno()
                passed[f"space{cpu}"] = self.delivery.space_fds[cpu]
                for stream, rings in self.delivery.ring_fds.items():
                    passed[f"ring {stream} {cpu}"] = rings[cpu]
            for cpu, ring in enumerate(self.check_rings):
                passed[f"ring {'.'.join(RECORDED)} {cpu}"] = ring
            for (plugin, name), descriptor in self.boards.descriptors.items():
                passed[f"board {plugin}.{name}"] = descriptor
            passed["doorbell"] = self.delivery.doorbell_fd
            host.send(self._start_message(host, list(passed)), list(passed.values()))
        os.close(self.fds.pop("console_output"))

    def _start_message(self, host: Host, descriptors: list[str]) -> dict[str, Any]:
        """What every vCPU is told, with the names of the descriptors that come along, in order."""
        assert self.delivery is not None
        return {
            "guest": str(self.config.guest),
            "smp": self.config.smp,
            "memory": self.config.memory,
            "code_cache": self.config.code_cache,
            "engine": self.engine,
            "pin": self.config.pin,
            "entry": self.image.entry,
            "device_tree": self.device_tree,
            "htif": [self.image.tohost, self.image.fromhost],
            "control": self.config.control,
            "streams": [name.split(".", 1) for name in self.delivery.specs]
            + ([list(RECORDED)] if self.check_rings else []),
            "boards": [[board["plugin"], board["name"]] for board in host.needs["boards"]],
            "fds": {name: place for place, name in enumerate(descriptors)},
        }

    def _finish(self, watch: Watch) -> dict[str, Any]:
        """Emit for those that could not, deliver the rest, collect the reports."""
        assert self.delivery is not None and self.host is not None
        for hart in self.harts.harts:
            if hart.state == State.STOPPED:
                continue
            for table in self.host.needs["tables"]:
                stream = f"{table['plugin']}.{table['stream']}"
                self.delivery.emit_for(stream, hart.index, self._table_records(table, hart.index))
        reports = self.delivery.finish(watch.failures)
        self.seconds["deliver"] = time.monotonic() - self.started - sum(self.seconds.values())
        return reports

    def _table_records(self, table: dict[str, Any], cpu: int) -> Any:
        """What a table has counted on a vCPU, in the layout of its stream."""
        assert self.delivery is not None
        words = self.boards.words(table["plugin"], table["name"], cpu)
        spec = self.delivery.specs[f"{table['plugin']}.{table['stream']}"]
        return table_records(words, self.cache(), spec.dtype)

    def _state(self) -> dict[str, Any]:
        """What has been counted so far, for who comes late; nothing before the start."""
        if self.host is None or not hasattr(self, "harts"):
            return {}
        tables = [
            {
                "plugin": table["plugin"],
                "name": table["name"],
                "cpu": hart.index,
                "stream": f"{table['plugin']}.{table['stream']}",
                "records": self._table_records(table, hart.index).tobytes(),
            }
            for table in self.host.needs["tables"]
            for hart in self.harts.harts
        ]
        return {
            "counters": json_ready(counter_reports(self)),
            "tables": tables,
            "at_ns": time.monotonic_ns(),
            "vcpus": [vcpu_now(hart) for hart in self.harts.harts],
        }

    def cache(self) -> BlockCache:
        """The block cache, to be read."""
        ram = np.frombuffer(self.maps["ram"], dtype=np.uint8)
        return BlockCache(self.maps["cache"], self.fds["cache"], ram, RAM_BASE, 0)

    def _ledger(self) -> Mapping[str, Mapping[str, int]]:
        assert self.delivery is not None
        return {name: ledger.to_plain() for name, ledger in self.delivery.ledger().items()}

    def close(self) -> None:
        """End every process that is left; close every descriptor."""
        if self.host is not None:
            self.host.end()
        until = time.monotonic() + END_SECONDS
        for channel in self.channels:
            channel.wait_end(until)
            channel.close()
        if self.delivery is not None:
            self.delivery.close()
        self.boards.close()
        for descriptor in (*self.fds.values(), *self.check_rings):
            os.close(descriptor)
        if hasattr(self, "console_output"):
            os.close(self.console_output)
            os.close(self.console_input)
        self.interrupts.close()
