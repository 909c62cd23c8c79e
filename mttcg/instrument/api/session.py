"""Where a plugin's calls go: the guest of this process, and which plugin is calling.

A vCPU process has one `Guest`. An aggregator has none: there, declarations are only names.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar, Token
from pathlib import Path
from typing import Any, Protocol

from mttcg.instrument.api.process import GuestProcess, MappedArea, ModuleSymbol
from mttcg.instrument.api.ticket import Ticket
from mttcg.instrument.errors import NoGuestError
from mttcg.memory.address import Virtual


class Guest(Protocol):
    """The guest as instrumentation sees it."""

    @property
    def count(self) -> int:
        """How many vCPUs it has."""

    @property
    def levels(self) -> Mapping[str, int]:
        """Its levels of privilege, by name."""

    def declare(self, plugin: str, thing: Any) -> None:
        """Make room for words or a stream."""

    def change(self, change: Any) -> Ticket:
        """Attach something, or take it away."""

    @property
    def symbols(self) -> Mapping[str, Virtual]:
        """Addresses of the guest file's symbols, by name."""

    def processes(self, threads: bool) -> list[GuestProcess]:
        """The processes of the guest's system; raises NoKernelError."""

    def areas(self, task: int) -> list[MappedArea]:
        """What a process of the guest's system has mapped; raises NoKernelError."""

    def module_symbols(self) -> list[ModuleSymbol]:
        """The functions of the modules of the guest's kernel; raises NoKernelError."""

    def mapped_file(
        self, process: GuestProcess, area: MappedArea, sysroot: Path | None
    ) -> Path | None:
        """The file of an area in a sysroot; raises NoKernelError and ElfFileError."""

    def program_symbol(self, name: str, process: GuestProcess | str) -> int:
        """Where a function is in a process; raises NoKernelError and UnknownSymbolError."""

    def vcpu_words(self, declared: Any, cpu: int) -> Any:
        """What one vCPU has of declared words."""

    def counter_value(self, counter: Any, cpu: int) -> int:
        """What a Counter has counted on a vCPU."""

    def emit(self, stream: Any, cpu: int, records: Any) -> None:
        """Put records into a vCPU's ring of a stream."""


_guest: Guest | None = None
_plugin: ContextVar[str] = ContextVar("plugin", default="")


def set_guest(guest: Guest | None) -> None:
    """Say what guest this process has."""
    global _guest
    _guest = guest


def guest(asked: str) -> Guest:
    """The guest; NoGuestError, naming what was asked, where there is none."""
    if _guest is None:
        raise NoGuestError(asked)
    return _guest


def begin_call(plugin: str) -> Token[str]:
    """Note that a plugin's code runs from here on; returns what `end_call` takes."""
    return _plugin.set(plugin)


def end_call(token: Token[str]) -> None:
    """Undo `begin_call`."""
    _plugin.reset(token)


@contextmanager
def calling(plugin: str) -> Iterator[None]:
    """Run a plugin's code: what it asks for is its own."""
    token = begin_call(plugin)
    try:
        yield
    finally:
        end_call(token)


def current_plugin() -> str:
    """Name of the plugin whose code is running; empty outside of them."""
    return _plugin.get()


def declare(thing: Any) -> str:
    """Declare words or a stream for the calling plugin; the plugin's name."""
    plugin = current_plugin()
    if _guest is not None:
        _guest.declare(plugin, thing)
    return plugin


def vcpu_words(declared: Any, cpu: int) -> Any:
    """What one vCPU has of declared words."""
    return guest(f"the values of {declared!r}").vcpu_words(declared, cpu)


def counter_value(counter: Any, cpu: int) -> int:
    """What a Counter has counted on a vCPU."""
    return guest(f"the value of {counter!r}").counter_value(counter, cpu)


def emit(stream: Any, cpu: int, records: Any) -> None:
    """Put records into a vCPU's ring of a stream."""
    guest(f"emitting into {stream!r}").emit(stream, cpu, records)
