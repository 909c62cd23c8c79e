"""The instructions of RV64GC and further extensions, as the rest of the project asks for them."""

from collections.abc import Iterable
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from mttcg.isa.code import Missing, Numbers
from mttcg.isa.facts import Facts
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.length import LONGEST, length
from mttcg.isa.riscv64.table.decode import ROWS, SELECTORS, decode, find
from mttcg.isa.riscv64.table.reserved import RESERVED, kind_of_reserved
from mttcg.isa.table.facts import facts_of
from mttcg.isa.table.lookup import DECODED_WORDS

if TYPE_CHECKING:
    from mttcg.isa.table.kinds import FindKinds


@cache
def _capstone() -> Any:
    import capstone

    return capstone.Cs(capstone.CS_ARCH_RISCV, capstone.CS_MODE_RISCV64 | capstone.CS_MODE_RISCVC)


def disassemble(code: bytes, address: int) -> list[tuple[int, int, str]]:
    """Text of a run of instructions: (address, length in bytes, text) each.

    What capstone does not know is shown as data (`.insn`), and the run goes on after it.
    """
    lines: list[tuple[int, int, str]] = []
    at = 0
    while at + 2 <= len(code):
        for _, size, name, operands in _capstone().disasm_lite(code[at:], address + at):
            lines.append((address + at, size, f"{name} {operands}".strip()))
            at += size  # capstone's addresses wrap
        if at + 2 <= len(code):
            size = length(int.from_bytes(code[at : at + 2], "little"))
            word = int.from_bytes(code[at : at + size], "little")
            lines.append((address + at, size, f".insn {word:#x}"))
            at += size
    return lines


@lru_cache(maxsize=DECODED_WORDS)
def facts(word: int) -> Facts:
    """What is known of an instruction; of one that the table lacks, length and kind."""
    found = decode(word)
    return Facts(length(word), kind_of_reserved(word)) if found is None else facts_of(found)


def kind(word: int) -> Kind:
    """What an instruction is to a block; of most, its row says so."""
    row = find(word)
    if row is None:
        return kind_of_reserved(word)
    own = row.behaviour.kind
    return facts(word).kind if callable(own) else own


@cache
def _find_kinds() -> "FindKinds":
    from mttcg.isa.table.kinds import make_kinds  # numpy, which not all need

    return make_kinds(ROWS, SELECTORS, (pattern for pattern, _ in RESERVED), kind)


def kinds(words: Numbers, lengths: Numbers) -> Numbers:
    """See `isa.code.Code`."""
    return _find_kinds()(words, lengths)


def returns_from_trap(word: int) -> bool:
    """Whether it is the return from machine mode."""
    found = decode(word)
    return found is not None and found.name == "mret"


def missing(word: int, extensions: Iterable[str]) -> Missing | None:
    """The instruction or CSR that a hart with these extensions lacks; None if there is none."""
    from mttcg.isa.riscv64.absent.lookup import absent  # long tables, which few guests need

    return absent(word, tuple(extensions))


class Rv64Code:
    """See `isa.code.Code`."""

    alignment = 2
    longest = LONGEST
    length = staticmethod(length)
    decode = staticmethod(decode)
    facts = staticmethod(facts)
    kind = staticmethod(kind)
    kinds = staticmethod(kinds)
    disassemble = staticmethod(disassemble)
    returns_from_trap = staticmethod(returns_from_trap)
    missing = staticmethod(missing)
