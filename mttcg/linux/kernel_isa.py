"""What of a kernel depends on the ISA: how it finds what runs on a hart, and its page tables."""

from collections.abc import Callable
from typing import Any, Protocol

from mttcg.memory.address import Physical, Virtual


class KernelIsa(Protocol):
    """How a kernel uses the registers of an ISA.

    Attributes:
        symbols: names of the kernel's that the ISA asks for.
        vector: the one of them at which the handler of traps is.
        hart_numbers: another, a table of the hart of each of the kernel's processors.
        arguments: numbers of the registers in which a function of the kernel has them.
        saved: members of `pt_regs`, which has the registers of a program that is in the kernel: the
            number of a system call, its first argument as it was, its result, other arguments.
        thread_pointer: number of the integer register that has the current task in the kernel.
        relative: type of the relocations whose place gets the addend, and how far the kernel has
            moved itself.
        program_base: where a program begins that can be anywhere and has a loader, if the kernel
            does not choose at random.
        moves: a name that only a kernel has that moves itself if it is given a seed.
    """

    symbols: tuple[str, ...]
    vector: str
    hart_numbers: str
    arguments: tuple[int, ...]
    saved: tuple[str, ...]
    thread_pointer: int
    relative: int
    program_base: int
    moves: str

    def shift(self, seed: int, size: int) -> int:
        """How far a kernel of so many bytes moves itself with a seed."""

    def handler(self, hart: Any) -> int | None:
        """Where the kernel's handler of traps is; None before there is one."""

    def tables(self, hart: Any) -> int | None:
        """The page tables of a hart, whatever level it is at; None before there are any."""

    def with_space(self, tables: int, space: int) -> int:
        """Page tables of the same kind whose root is a page, by its number."""

    def look_up(
        self, tables: int, address: Virtual, read: Callable[[Physical], int | None]
    ) -> Physical | None:
        """Where an address is in page tables, None if nowhere; `read`: as of `System.look_up`."""

    def candidates(self, hart: Any, thread_pointer: int) -> tuple[int, ...]:
        """Addresses one of which is that of the current task; none if registers do not say."""
