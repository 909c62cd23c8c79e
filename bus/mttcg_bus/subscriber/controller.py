"""Control of a run from outside, while its guest runs."""

import itertools
import os
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Self, TypeVar

from mttcg_bus.errors import CommandFailed, NoPublisher, SubscriptionRefused
from mttcg_bus.run_info import RunInfo
from mttcg_bus.subscriber.dealer import Dealer
from mttcg_bus.wire import wire
from mttcg_bus.wire.limits import LARGEST_PAYLOAD
from mttcg_bus.wire.security import Security

M = TypeVar("M", bound=wire.Message)

PATIENCE_SECONDS = 60.0
MEMORY_PIECE = 32 << 10
"""Bytes of memory that one command reads or writes."""


class Control:
    """A connection to a run that was started with `--control`.

    url: of its bus. seconds: how long to wait for each answer; what was asked for is done also if
    nobody waits for it any more. security: keys, which a bus beyond this machine asks for, or a
    token. awaits: whether the run may begin only later; else NoPublisher comes at once if nobody
    listens at the address.
    Each method waits for its answer, and raises CommandFailed with the run's words if there is an
    error, NoPublisher if there is no answer in time, PublisherLost if the run ends meanwhile,
    AddressRefused, KeyRefused, ProtocolError, WrongVersion. A `with` block closes it.

        with Control(url) as control:
            control.pause()
            print(hex(control.read_registers(0)["pc"]))
            control.resume()
    """

    def __init__(
        self,
        url: str,
        *,
        seconds: float = PATIENCE_SECONDS,
        security: Security | None = None,
        awaits: bool = True,
    ) -> None:
        self.seconds = seconds
        self._dealer = Dealer(url, security, awaits)
        self._numbers = itertools.count(1)

    def command(self, name: str, arguments: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Give a command by its name in PROTOCOL.md, "Control"; the content of its result."""
        number = next(self._numbers)
        self._dealer.send(wire.Command(number, name), wire.pack(dict(arguments or {})))
        result, payload = self._receive(wire.Result, lambda result: result.number == number)
        if result.error:
            raise CommandFailed(name, result.error)
        return wire.unpack(payload, LARGEST_PAYLOAD)

    def _wait_for(self, kind: type[wire.Message]) -> dict[str, Any]:
        _, payload = self._receive(kind, lambda _message: True)
        return wire.unpack(payload, LARGEST_PAYLOAD)

    def _receive(self, kind: type[M], wanted: Callable[[M], bool]) -> tuple[M, memoryview]:
        """Return the message that is wanted, and its payload.

        Others are answers that nobody waits for any more.
        """
        until = time.monotonic() + self.seconds
        while (left := until - time.monotonic()) > 0:
            received = self._dealer.receive(left)
            if isinstance(received.message, wire.Refused):
                raise SubscriptionRefused(self._dealer.url, received.message.reason)
            if isinstance(received.message, kind) and wanted(received.message):
                return received.message, received.payload
        raise NoPublisher(self._dealer.url, f"no answer within {self.seconds:g} s")

    def status(self) -> dict[str, Any]:
        """What is run, whether it is paused, and each vCPU's state, instructions and pc."""
        return self.command("status")

    def where(self) -> list[dict[str, Any]]:
        """Where each hart is: pc, level of privilege, whether it takes interrupts, symbol."""
        return list(self.command("where")["vcpus"])

    def gdb(self, place: str = "") -> dict[str, Any]:
        """Wait for GDB: the `target` that it is to connect to, and the shell command, `connect`.

        place: HOST:PORT or the path of a socket, as of `mttcg run --gdb`; of a run that waits for
        GDB already, it is not looked at.
        """
        return self.command("gdb", {"place": place})

    def plugins(self) -> list[dict[str, Any]]:
        """The plugins that are loaded, with the epoch from which they are, streams and counters."""
        return list(self.command("plugins")["plugins"])

    def instruments(self) -> dict[str, Any]:
        """What is attached where on each vCPU, and what it costs: PROTOCOL.md has the fields."""
        return self.command("instruments")

    def run_info(self) -> RunInfo:
        """What is run, with the guest's symbols."""
        return RunInfo.from_plain(self.command("run")["run"])

    def ledger(self) -> dict[str, Any]:
        """Where the records of each stream are, as `ask_ledger` gives it."""
        self._dealer.send(wire.Ask("ledger"))
        return self._wait_for(wire.LedgerNow)

    def pause(self) -> list[dict[str, Any]]:
        """Let every vCPU stop between two blocks; each one's state when all have."""
        milliseconds = max(1, int(self.seconds * 500))  # the run is to give up before we do
        return list(self.command("pause", {"milliseconds": milliseconds})["vcpus"])

    def processes(self, threads: bool = False) -> list[dict[str, Any]]:
        """The processes of a Linux guest, or all threads of them; it stands still meanwhile."""
        return list(self.command("processes", {"threads": int(threads)})["processes"])

    def snapshot(self, file: str | os.PathLike[str]) -> dict[str, Any]:
        """Have a snapshot of the machine written to a file, named as the run sees it.

        The guest goes on; what comes back are the `file`, its `bytes`, and `stood_ms`, for how many
        milliseconds the guest stood.
        """
        return self.command("snapshot", {"file": os.fspath(file)})

    def resume(self) -> float:
        """Let all go on; for how many seconds they stood."""
        return float(self.command("resume")["paused_ms"]) / 1000

    def read_registers(self, cpu: int, names: Sequence[str] = ()) -> dict[str, int]:
        """Registers of a vCPU by name, all of them without `names`. While paused."""
        given = {"cpu": cpu, "names": list(names)} if names else {"cpu": cpu}
        return dict(self.command("read_registers", given)["registers"])

    def write_registers(self, cpu: int, values: Mapping[str, int]) -> dict[str, int]:
        """Write registers of a vCPU; what they have then. While paused."""
        given = {"cpu": cpu, "values": dict(values)}
        return dict(self.command("write_registers", given)["registers"])

    def read_memory(
        self, address: int, size: int, *, cpu: int = 0, space: str = "virtual"
    ) -> bytes:
        """Read `size` bytes of RAM at an address that vCPU `cpu` sees, or a physical one.

        space: "virtual" or "physical", the same where no translation is in force. While paused.
        """
        data = bytearray()
        for at in range(address, address + size, MEMORY_PIECE):
            piece = min(MEMORY_PIECE, address + size - at)
            given = {"address": at, "size": piece, "cpu": cpu, "space": space}
            data += self.command("read_memory", given)["data"]
        return bytes(data)

    def write_memory(
        self, address: int, data: bytes, *, cpu: int = 0, space: str = "virtual"
    ) -> None:
        """Write RAM, as `read_memory` reads it. While paused."""
        for at in range(0, len(data), MEMORY_PIECE):
            piece = bytes(data[at : at + MEMORY_PIECE])
            given = {"address": address + at, "data": piece, "cpu": cpu, "space": space}
            self.command("write_memory", given)

    def load(self, spec: str) -> dict[str, Any]:
        """Load a plugin: its name, the epoch from which it sees everything, its streams."""
        return self.command("load", {"spec": spec})

    def unload(self, plugin: str) -> dict[str, Any]:
        """Unload a plugin: what it had counted, its aggregator's report, its ledger."""
        return self.command("unload", {"plugin": plugin})

    def reload(self, plugin: str, spec: str = "") -> dict[str, Any]:
        """Load a plugin anew in its own place, with its options as they are or those of `spec`."""
        given = {"plugin": plugin, "spec": spec} if spec else {"plugin": plugin}
        return self.command("reload", given)

    def stop(self) -> None:
        """Stop the guest in order, as Ctrl-C does."""
        self.command("stop")

    def close(self) -> None:
        """Close the connection."""
        self._dealer.close()

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close."""
        self.close()
