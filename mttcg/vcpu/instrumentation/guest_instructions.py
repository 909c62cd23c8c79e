"""Instructions of the guest's code, taken apart for plugins."""

from bisect import bisect_right
from collections.abc import Callable, Mapping

from mttcg.instrument.api.instruction import GuestInstruction
from mttcg.isa.code import Code
from mttcg.isa.targets import target_text
from mttcg.memory.address import Virtual


class GuestInstructions:
    """Reads instructions.

    Args:
        code: of the guest's ISA.
        read: bytes of its memory; raises NotRamError.
        symbols: addresses by name.
    """

    def __init__(
        self,
        code: Code,
        read: Callable[[Virtual, int], bytes],
        symbols: Mapping[str, Virtual],
    ) -> None:
        self.code, self.read = code, read
        self.symbols = symbols
        self.named: list[tuple[Virtual, str]] = []

    def at(self, pc: Virtual) -> GuestInstruction:
        """The instruction at a pc, as memory has it now; raises NotRamError."""
        half = int.from_bytes(self.read(pc, self.code.alignment), "little")
        length = self.code.length(half)
        code = self.read(pc, length)
        word = int.from_bytes(code, "little")
        facts = self.code.facts(word)
        name, _, rest = self.code.disassemble(code, pc)[0][2].partition(" ")
        operands = tuple(filter(None, (part.strip() for part in rest.split(","))))
        target = facts.target_from(pc)
        if target is not None and operands:  # it is the last one, as a distance
            operands = *operands[:-1], target_text(target, self.symbol_at(target))
        text = f"{name} {', '.join(operands)}".strip()
        where = self.symbol_at(pc)
        return GuestInstruction(pc, word, length, text, facts.what, name, operands, target, where)

    def symbol_at(self, address: Virtual) -> str:
        """The symbol before an address, with the distance from there; "" if there is none."""
        if not self.named:
            self.named = sorted((place, name) for name, place in self.symbols.items())
        found = bisect_right(self.named, address, key=lambda symbol: symbol[0])
        if not found:
            return ""
        place, name = self.named[found - 1]
        return f"{name}+{address - place:#x}" if address > place else name
