"""Where an instruction goes, as its text has it: an address, and what is there."""

from collections.abc import Callable

from mttcg.isa.code import Code
from mttcg.memory.address import Virtual


def target_text(target: Virtual, place: str) -> str:
    """An operand that is an address; place: the symbol there, "" if there is none."""
    return f"{target:#x} <{place}>" if place else f"{target:#x}"


def disassemble_absolute(
    code: Code, data: bytes, address: Virtual, symbol_at: Callable[[Virtual], str] | None = None
) -> list[tuple[int, int, str]]:
    """As `Code.disassemble`, with addresses where that has distances."""
    lines = []
    for at, size, text in code.disassemble(data, address):
        begin = at - address
        facts = code.facts(int.from_bytes(data[begin : begin + size], "little"))
        target = facts.target_from(Virtual(at))
        others, space, _ = text.rpartition(", " if ", " in text else " ")
        if target is not None and space:  # it is the last operand, of those that have some
            place = "" if symbol_at is None else symbol_at(target)
            text = f"{others}{space}{target_text(target, place)}"
        lines.append((at, size, text))
    return lines
