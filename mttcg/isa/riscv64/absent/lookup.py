"""What a word that trapped would have been, had this hart the extension."""

from functools import cache, lru_cache

from mttcg.isa.riscv64.absent import floating, integer, privileged, vector
from mttcg.isa.riscv64.absent.row import SYSTEM, Absent
from mttcg.isa.riscv64.csr import CSRS
from mttcg.isa.riscv64.length import length
from mttcg.isa.riscv64.table.decode import decode

ROWS: tuple[Absent, ...] = (
    *integer.ROWS,
    *floating.ROWS,
    *vector.ROWS,
    *privileged.INSTRUCTIONS,
)
"""Every instruction that is known by name alone."""
OPCODE = {2: 0xE003, 4: 0x7F}
"""By length, the bits that choose a bucket; every row has them fixed."""


@cache
def _buckets() -> dict[int, tuple[Absent, ...]]:
    """The rows by opcode, those with the most fixed bits first."""
    buckets: dict[int, tuple[Absent, ...]] = {}
    for row in sorted(ROWS, key=lambda row: -row.fixed):
        key = row.match & OPCODE[length(row.match)]
        buckets[key] = (*buckets.get(key, ()), row)
    return buckets


@lru_cache(maxsize=1 << 12)
def absent(word: int, extensions: tuple[str, ...]) -> Absent | None:
    """The instruction or CSR that a hart lacks; None for what it has, and what nobody has.

    Args:
        word: the 16 or 32 bits that trapped as an illegal instruction.
        extensions: what the hart has, as `extensions.isa_text` takes it.
    """
    size = length(word)
    word &= (1 << 8 * size) - 1
    known = decode(word)
    if word & 0x7F == SYSTEM and word >> 12 & 3:
        return None if word >> 20 in CSRS else privileged.CSRS.get(word >> 20)
    if known is not None:
        own = known.row
        lacks = own.extension[0] == "Z" and own.extension.lower() not in extensions
        return Absent(own.name, own.extension, own.match, own.mask) if lacks else None
    for row in _buckets().get(word & OPCODE[size], ()):
        if word & row.mask == row.match:
            return row
    return None
