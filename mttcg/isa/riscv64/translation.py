"""Address translation (Privileged ISA 10.3 to 10.6): satp, and the walk of page tables.

Sv39, Sv48 and Sv57 are there. The hart sets the bits A and D itself, as a hart does that has
neither Svade nor Svadu; so menvcfg.ADUE is no bit that can be set. Entries with the bits of Svnapot
and Svpbmt, which it lacks, are reserved. Address spaces have numbers of 16 bits, which nothing that
is kept of translation depends on: a write of satp drops it.

This is the definition, in plain Python, for who looks at a hart that stands still; native code has
the same walk, see `mttcg.engine.llvm.riscv64.paging`.
"""

from collections.abc import Callable
from enum import IntEnum
from typing import NamedTuple

from mttcg.isa.operations import Operations, SystemWords, V
from mttcg.isa.riscv64.csr_row import Csr, field
from mttcg.isa.riscv64.privilege import MACHINE, SUPERVISOR, USER
from mttcg.isa.riscv64.protection import EXECUTE, READ, WRITE, allows
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.status import (
    MPP_SHIFT,
    MSTATUS_MPRV,
    MSTATUS_MXR,
    MSTATUS_SUM,
    MSTATUS_TVM,
    unless_trapped,
)
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import Physical, Virtual, physical_of
from mttcg.memory.page import PAGE_SHIFT

MODE_SHIFT = 60
BARE, FIRST_MODE, LAST_MODE = 0, 8, 10
"""Of satp: no translation, and Sv39 to Sv57."""
LEVELS_LESS = 5
"""What is to be taken from a mode for its number of levels."""
LEVEL_BITS = 9
SPACE_AT, SPACE_BITS = 44, 0xFFFF
"""Of satp, the number of the address space."""
ROOT_BITS = (1 << 44) - 1
"""Of satp, the page of the root table."""
VALID, READABLE, WRITABLE, EXECUTABLE, OF_USER, GLOBAL, ACCESSED, DIRTY = (
    1 << bit for bit in range(8)
)
"""Bits of an entry."""
NUMBER_SHIFT, NUMBER_BITS = 10, (1 << 44) - 1
"""Where an entry has the number of a page."""
RESERVED_BITS = 0x3FF << 54
NOT_IN_POINTERS = OF_USER | ACCESSED | DIRTY
"""Reserved in an entry that leads to another table."""
ENTRY_BYTES = 8


class AccessKind(IntEnum):
    """What is done with memory."""

    FETCH = 0
    LOAD = 1
    STORE = 2


ASKED = {AccessKind.FETCH: EXECUTE, AccessKind.LOAD: READ, AccessKind.STORE: WRITE}
"""What protection has to allow. What may be written may be read, so this is for atomics as well."""
PAGE_FAULTS = {
    AccessKind.FETCH: MemoryFault.FETCH_PAGE,
    AccessKind.LOAD: MemoryFault.LOAD_PAGE,
    AccessKind.STORE: MemoryFault.STORE_PAGE,
}
ACCESS_FAULTS = {
    AccessKind.FETCH: MemoryFault.FETCH,
    AccessKind.LOAD: MemoryFault.LOAD,
    AccessKind.STORE: MemoryFault.STORE,
}


class Leaf(NamedTuple):
    """The entry that a walk came to.

    Attributes:
        place: its physical address.
        entry: its value.
        level: of its table; 0 has entries of single pages.
    """

    place: int
    entry: int
    level: int

    def physical(self, address: int) -> int:
        """What a virtual address is translated to."""
        below = PAGE_SHIFT + LEVEL_BITS * self.level
        number = self.entry >> NUMBER_SHIFT & NUMBER_BITS
        return number << PAGE_SHIFT | address & (1 << below) - 1


class TranslationRefused(Exception):  # noqa: N818 - no error: what the guest has tried
    """An address is not translated for an access."""

    def __init__(self, fault: MemoryFault) -> None:
        super().__init__(fault)
        self.fault = fault


Read = Callable[[Physical], int | None]
"""Reads 64 bits at a physical address; None if nothing is there that can have tables."""


def effective_privilege(hart: Hart, access: AccessKind) -> int:
    """The level at which an access is made (3.1.6.3)."""
    if access is not AccessKind.FETCH and hart.mstatus & MSTATUS_MPRV:
        return hart.mstatus >> MPP_SHIFT & MACHINE
    return hart.privilege


def is_translated(hart: Hart, privilege: int) -> bool:
    """Whether addresses are translated at a level."""
    return privilege != MACHINE and hart.satp >> MODE_SHIFT != BARE


def _is_canonical(address: int, levels: int) -> bool:
    """Whether the bits above those that are translated are all as the highest of these."""
    above = address >> PAGE_SHIFT + LEVEL_BITS * levels - 1
    return above == 0 or above == (1 << 64 - (PAGE_SHIFT + LEVEL_BITS * levels - 1)) - 1


def find_leaf(hart: Hart, address: int, access: AccessKind, read: Read) -> Leaf:
    """Walk the tables, whatever the leaf allows; raises TranslationRefused."""

    def read_entry(place: Physical) -> int | None:
        return read(place) if allows(hart, place, ENTRY_BYTES, READ, SUPERVISOR) else None

    return _walk(hart.satp, address, access, read_entry)


def _walk(satp: int, address: int, access: AccessKind, read: Read) -> Leaf:
    levels = (satp >> MODE_SHIFT) - LEVELS_LESS
    if not _is_canonical(address, levels):
        raise TranslationRefused(PAGE_FAULTS[access])
    table = (satp & ROOT_BITS) << PAGE_SHIFT
    for level in reversed(range(levels)):
        number = address >> PAGE_SHIFT + LEVEL_BITS * level & (1 << LEVEL_BITS) - 1
        place = table + ENTRY_BYTES * number
        entry = read(Physical(place))
        if entry is None:
            raise TranslationRefused(ACCESS_FAULTS[access])
        writes_alone = entry & (READABLE | WRITABLE) == WRITABLE
        if not entry & VALID or writes_alone or entry & RESERVED_BITS:
            raise TranslationRefused(PAGE_FAULTS[access])
        if entry & (READABLE | EXECUTABLE):
            return Leaf(place, entry, level)
        if entry & NOT_IN_POINTERS:
            raise TranslationRefused(PAGE_FAULTS[access])
        table = (entry >> NUMBER_SHIFT & NUMBER_BITS) << PAGE_SHIFT
    raise TranslationRefused(PAGE_FAULTS[access])


def _permits(hart: Hart, leaf: Leaf, access: AccessKind, privilege: int) -> bool:
    """Whether a leaf lets an access be made at a level (10.3.2, steps 5 to 8)."""
    entry = leaf.entry
    if privilege == USER and not entry & OF_USER:
        return False
    is_closed = access is AccessKind.FETCH or not hart.mstatus & MSTATUS_SUM
    if privilege == SUPERVISOR and entry & OF_USER and is_closed:
        return False
    readable = entry & READABLE or (hart.mstatus & MSTATUS_MXR and entry & EXECUTABLE)
    has = {
        AccessKind.FETCH: entry & EXECUTABLE,
        AccessKind.LOAD: readable,
        AccessKind.STORE: entry & WRITABLE,
    }
    aligned = not (entry >> NUMBER_SHIFT) & (1 << LEVEL_BITS * leaf.level) - 1
    return bool(has[access]) and aligned


def translate(
    hart: Hart,
    address: int,
    size: int,
    access: AccessKind,
    read: Read,
    update: Callable[[int, int], None],
) -> int:
    """The physical address for an access within a page; raises TranslationRefused.

    update: writes an entry in which A, or A and D, are set now.
    """
    privilege = effective_privilege(hart, access)
    physical = address
    if is_translated(hart, privilege):
        leaf = find_leaf(hart, address, access, read)
        if not _permits(hart, leaf, access, privilege):
            raise TranslationRefused(PAGE_FAULTS[access])
        bits = ACCESSED | (DIRTY if access is AccessKind.STORE else 0)
        if leaf.entry & bits != bits:
            if not allows(hart, leaf.place, ENTRY_BYTES, READ | WRITE, SUPERVISOR):
                raise TranslationRefused(ACCESS_FAULTS[access])
            update(leaf.place, leaf.entry | bits)
        physical = leaf.physical(address)
    if not allows(hart, physical, size, ASKED[access], privilege):
        raise TranslationRefused(ACCESS_FAULTS[access])
    return physical


def look_up(hart: Hart, address: Virtual, read: Read) -> Physical | None:
    """Where what a hart sees at an address is, whoever may access it; None if it is nowhere.

    Nothing is changed: for those who look at a guest from outside.
    """
    if not is_translated(hart, effective_privilege(hart, AccessKind.LOAD)):
        return physical_of(address)
    try:
        return Physical(find_leaf(hart, address, AccessKind.LOAD, read).physical(address))
    except TranslationRefused:
        return None


def look_up_in(satp: int, address: Virtual, read: Read) -> Physical | None:
    """The same in the tables that a value of satp names, whichever level asks."""
    try:
        return Physical(_walk(satp, address, AccessKind.LOAD, read).physical(address))
    except TranslationRefused:
        return None


def _write_satp(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    """A write with a mode that there is not changes nothing (10.1.11).

    Code is fetched anew, as fetches may see stores at any time: there are guests that load programs
    into pages that had others before, and leave it at this.
    """
    hart.fetch_again()  # first, as all of the instruction is left to the host where that is needed
    mode = ops.shift("lshr", value, ops.constant(MODE_SHIFT))
    from_first = ops.binary("sub", mode, ops.constant(FIRST_MODE))
    exists = ops.compare("ule", from_first, ops.constant(LAST_MODE - FIRST_MODE))
    exists = ops.select(exists, exists, ops.compare("eq", mode, ops.constant(BARE)))
    hart.write_state("satp", ops.select(exists, value, hart.read_state("satp")))
    hart.fence_translations()


SATP = Csr(
    "satp", field("satp"), _write_satp, changes_status=True, allowed=unless_trapped(MSTATUS_TVM)
)
"""Its row in the table of CSRs."""


def fence(ops: Operations[V], hart: SystemWords[V], address: V, all_addresses: bool) -> None:
    """Run sfence.vma (10.2.1): drop what is kept of an address, or of all, in all spaces."""
    hart.require(unless_trapped(MSTATUS_TVM)(ops, hart))
    hart.fence_translations(None if all_addresses else address)
