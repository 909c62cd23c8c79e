"""Physical memory protection (Privileged ISA 3.7): its registers, and what it lets through.

There are 16 entries with a granularity of 4 bytes. As long as machine mode has set up none, lower
levels may access nothing.
"""

from typing import NamedTuple

from mttcg.isa.operations import Operations, SystemWords, V
from mttcg.isa.riscv64.csr_row import Csr, field, masked
from mttcg.isa.riscv64.privilege import MACHINE
from mttcg.isa.riscv64.state import Hart

ENTRIES = 16
READ, WRITE, EXECUTE = 1, 2, 4
"""Bits of an entry's configuration, and of what is asked for; 0x18 have its kind."""
KIND_SHIFT, KIND_MASK, LOCKED = 3, 3, 0x80
OFF, TOP_OF_RANGE, FOUR_BYTES, POWER_OF_TWO = range(4)
EXISTING = 0x9F
"""Bits of an entry's configuration that can be set."""
ADDRESS_BITS = (1 << 54) - 1
"""Of pmpaddr: bits 55 to 2 of an address."""
PER_REGISTER = 8
"""Entries that one of pmpcfg0 and pmpcfg2 configures."""


class ProtectedRegion(NamedTuple):
    """The addresses that an entry is for, and its configuration."""

    low: int
    high: int
    configuration: int


def configurations(hart: Hart) -> list[int]:
    """Those of all entries."""
    words = (hart.pmpcfg0, hart.pmpcfg2)
    return list(b"".join(word.to_bytes(PER_REGISTER, "little") for word in words))


def regions(hart: Hart) -> list[ProtectedRegion]:
    """The entries that are on, in order."""
    found, before = [], 0
    for configuration, address in zip(configurations(hart), hart.pmpaddr, strict=True):
        low, high = before << 2, address << 2
        before = address
        kind = configuration >> KIND_SHIFT & KIND_MASK
        if kind == OFF:
            continue
        if kind == FOUR_BYTES:
            low, high = address << 2, (address << 2) + 4
        elif kind == POWER_OF_TWO:
            ones = address ^ (address + 1)  # the lowest ones, and the zero above them
            low, high = (address & ~ones) << 2, ((address | ones) + 1) << 2
        found.append(ProtectedRegion(low, high, configuration))
    return found


def allows(hart: Hart, address: int, size: int, asked: int, privilege: int) -> bool:
    """Whether a hart may make an access to physical memory at a level (3.7.1.3).

    asked: READ, WRITE and EXECUTE, of which all have to be allowed.
    """
    for low, high, configuration in regions(hart):
        if address + size <= low or address >= high:
            continue
        if privilege == MACHINE and not configuration & LOCKED:
            return low <= address and address + size <= high
        inside = low <= address and address + size <= high
        return inside and configuration & asked == asked
    return privilege == MACHINE


def open_to_all(hart: Hart) -> None:
    """Let all levels access everything, by one entry, as firmware does."""
    hart.pmpaddr[0] = ADDRESS_BITS
    hart.pmpcfg0 = POWER_OF_TWO << KIND_SHIFT | READ | WRITE | EXECUTE


def _is_locked(ops: Operations[V], hart: SystemWords[V], entry: int) -> V:
    """LOCKED, if an entry's address can't be written, else 0."""
    register, place = divmod(entry, PER_REGISTER)
    words = hart.read_state(f"pmpcfg{2 * register}")
    own = masked(ops, ops.shift("lshr", words, ops.constant(8 * place)), LOCKED)
    if entry + 1 == ENTRIES:
        return own
    register, place = divmod(entry + 1, PER_REGISTER)
    words = hart.read_state(f"pmpcfg{2 * register}")
    following = ops.shift("lshr", words, ops.constant(8 * place))
    ranged = LOCKED | KIND_MASK << KIND_SHIFT
    wanted = ops.constant(LOCKED | TOP_OF_RANGE << KIND_SHIFT)
    is_range = ops.compare("eq", masked(ops, following, ranged), wanted)
    return ops.select(is_range, ops.constant(LOCKED), own)


def _address(entry: int) -> Csr:
    def read(ops: Operations[V], hart: SystemWords[V]) -> V:
        return hart.read_state("pmpaddr", entry)

    def write(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
        old, new = hart.read_state("pmpaddr", entry), masked(ops, value, ADDRESS_BITS)
        kept = ops.select(_is_locked(ops, hart, entry), old, new)
        hart.write_state("pmpaddr", kept, entry)
        hart.fence_translations()

    return Csr(f"pmpaddr{entry}", read, write, changes_status=True)


def _configuration(ops: Operations[V], old: V, new: V) -> V:
    """One entry's: a locked one stays; to write, without to read, is reserved, and not kept."""
    new = masked(ops, new, EXISTING)
    readable = masked(ops, new, READ)
    new = ops.select(readable, new, masked(ops, new, EXISTING & ~WRITE))
    return ops.select(masked(ops, old, LOCKED), old, new)


def _configuration_register(name: str) -> Csr:
    def write(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
        before, total = hart.read_state(name), ops.constant(0)
        for place in range(PER_REGISTER):
            shift = ops.constant(8 * place)
            old, new = (masked(ops, ops.shift("lshr", v, shift), 0xFF) for v in (before, value))
            kept = _configuration(ops, old, new)
            total = ops.binary("or", total, ops.shift("shl", kept, shift))
        hart.write_state(name, total)
        hart.fence_translations()

    return Csr(name, field(name), write, changes_status=True)


PROTECTION_REGISTERS = {
    0x3A0: _configuration_register("pmpcfg0"),
    0x3A2: _configuration_register("pmpcfg2"),
    **{0x3B0 + entry: _address(entry) for entry in range(ENTRIES)},
}
"""Their rows in the table of CSRs, by number."""
