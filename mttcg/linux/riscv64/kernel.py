"""Linux on RISC-V: the current task is in tp in the kernel, and in sscratch in user mode.

Sources: RISC-V ELF psABI (R_RISCV_RELATIVE); linux: arch/riscv/kernel/entry.S, and setup_vm in
arch/riscv/mm/init.c. In the kernel sscratch is 0, but for the first and last instructions of a
trap: it has the task there until it is 0, and tp until then what the program has.
"""

from collections.abc import Callable

from mttcg.isa.riscv64.privilege import SUPERVISOR, USER
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.translation import BARE, MODE_SHIFT, ROOT_BITS, look_up_in
from mttcg.memory.address import Physical, Virtual
from mttcg.memory.page import PAGE

KERNEL_HALF = 1 << 63
"""The kernel's addresses are from here on."""
TP = 4
PROGRAMS = (1 << 47) // 3 * 2
"""ELF_ET_DYN_BASE: programs have 47 bits of addresses, unless they ask for more."""
SMALL_TABLE, LARGE_PAGE = 1 << 30, 2 << 20
"""Bytes: what the first page table of the kernel maps, and of a page in it."""


class RiscvKernel:
    """See KernelIsa."""

    symbols = ("handle_exception", "__cpuid_to_hartid_map")
    vector, hart_numbers = symbols
    thread_pointer = TP
    arguments = tuple(range(10, 18))
    saved = ("a7", "orig_a0", "a0", "a1", "a2", "a3", "a4", "a5")
    relative = 3
    program_base = PROGRAMS // PAGE * PAGE
    moves = "kaslr_offset"

    def shift(self, seed: int, size: int) -> int:
        """See KernelIsa."""
        return seed % ((SMALL_TABLE - size) // LARGE_PAGE) * LARGE_PAGE

    def handler(self, hart: Hart) -> int | None:
        """See KernelIsa."""
        return hart.stvec if hart.stvec >= KERNEL_HALF else None

    def tables(self, hart: Hart) -> int | None:
        """See KernelIsa."""
        return hart.satp if hart.satp >> MODE_SHIFT != BARE else None

    def with_space(self, tables: int, space: int) -> int:
        """See KernelIsa."""
        return tables & ~ROOT_BITS | space

    def look_up(
        self, tables: int, address: Virtual, read: Callable[[Physical], int | None]
    ) -> Physical | None:
        """See KernelIsa."""
        return look_up_in(tables, address, read)

    def candidates(self, hart: Hart, thread_pointer: int) -> tuple[int, ...]:
        """See KernelIsa. A program may have put anything into its tp."""
        if hart.privilege == USER:
            return (hart.sscratch,)
        if hart.privilege != SUPERVISOR:
            return ()
        found = dict.fromkeys((hart.sscratch, thread_pointer))
        return tuple(each for each in found if each >= KERNEL_HALF)


KERNEL = RiscvKernel()
