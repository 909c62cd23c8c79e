"""The processes of a Linux guest as plugins on a vCPU see them."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Protocol, TypeVar

from mttcg.instrument.api.process import GuestProcess, MappedArea, ModuleSymbol
from mttcg.instrument.errors import NoKernelError
from mttcg.isa.base import Isa
from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_facts import KernelFacts
from mttcg.linux.linux_guest import LinuxGuest, ProcessIdentity
from mttcg.linux.registry import kernel_isa
from mttcg.memory.ram import GuestRam
from mttcg.state.vcpu_state import VcpuState

T = TypeVar("T")


class KernelView(Protocol):
    """What is looked at: RAM, the states of all harts, and registers of the vCPU's own."""

    index: int
    isa: Isa
    harts: Sequence[VcpuState]
    ram: GuestRam
    kernel: KernelFacts | str

    def read_x(self, register: int) -> int:
        """An integer register, exact in a callback."""


class ProcessesOfVcpu:
    """Reads the kernel's structures; every method raises NoKernelError where that can't be."""

    def __init__(self, guest: KernelView) -> None:
        self.guest = guest

    @cached_property
    def linux(self) -> LinuxGuest:
        """The guest's system."""
        guest = self.guest
        if isinstance(guest.kernel, str):
            raise NoKernelError(guest.kernel)
        return LinuxGuest(guest.harts, guest.ram, kernel_isa(guest.isa.name), guest.kernel)

    def listed(self, threads: bool) -> list[GuestProcess]:
        """The processes at this moment."""
        return self.read(lambda linux: linux.processes(threads))

    def current(self) -> GuestProcess | None:
        """What runs on this vCPU."""
        pointer = self.guest.read_x(self.linux.isa.thread_pointer)
        return self.read(lambda linux: linux.current(self.guest.index, pointer))

    def task(self, address: int) -> GuestProcess:
        """The process whose structure is at an address of the kernel's."""
        return self.read(lambda linux: linux.process_at(address))

    def identity(self, task: int) -> ProcessIdentity:
        """The process of a task, as it is told from all others."""
        return self.read(lambda linux: linux.identity(task))

    def areas(self, task: int) -> list[MappedArea]:
        """What a process has mapped."""
        return self.read(lambda linux: linux.areas(task))

    def differing(self, task: int, area: MappedArea, content: bytes) -> int | None:
        """Where an area of a process has something else than a file, None if nowhere in RAM."""
        return self.read(lambda linux: linux.differing(task, area, content))

    def module_symbols(self) -> list[ModuleSymbol]:
        """The functions of the kernel's modules."""
        return self.read(lambda linux: linux.module_symbols())

    def system_call(self, frame: int, entered: bool) -> tuple[int, tuple[int, ...], int]:
        """The number, arguments and result that a program's registers have, as they are saved.

        frame: where that is. entered: the kernel has begun with the call.
        """
        return self.read(lambda linux: linux.system_call(frame, entered))

    def set_result(self, frame: int, value: int) -> None:
        """Give a program another result."""
        self.read(lambda linux: linux.set_result(frame, value))

    def read(self, look: Callable[[LinuxGuest], T]) -> T:
        """What a look at the kernel's structures gives."""
        try:
            return look(self.linux)
        except KernelDataError as error:
            raise NoKernelError(str(error)) from error
