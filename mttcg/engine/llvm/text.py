"""LLVM text as it grows."""

import re
from dataclasses import dataclass, field

REGISTER, COUNTER, MEMORY, RECORD = (f"!tbaa !{number}" for number in (1, 2, 3, 4))
"""Kinds of memory that LLVM is told are apart."""
UNLIKELY = "!prof !8"
"""On a branch whose second way is hardly ever gone."""
Value = int | str
"""A number, or the name of an SSA value."""
ADVICE = re.compile(r", !(?:tbaa|prof) !\d")


def without_advice(text: str) -> str:
    """A module without what only passes use that it is not put through; it is read faster."""
    return ADVICE.sub("", text)


def is_literal(value: str) -> bool:
    """Whether an operand is a number, not a name."""
    return value.lstrip("-").isdigit()


@dataclass
class Text:
    """Lines of a function, in the order they are run and, apart, those that hardly ever are."""

    lines: list[str] = field(default_factory=list)
    cold: list[str] = field(default_factory=list)
    names: int = 0
    label: str = "entry"

    def name(self) -> str:
        """A fresh SSA name."""
        self.names += 1
        return f"%v{self.names}"

    def value(self, text: str) -> str:
        """Append an instruction and name its result."""
        name = self.name()
        self.lines.append(f"{name} = {text}")
        return name

    def narrow(self, value: str, bits: int) -> str:
        """The low bits of a 64-bit value."""
        return value if bits == 64 else self.value(f"trunc i64 {value} to i{bits}")

    def widen(self, value: str, bits: int) -> str:
        """A value of so many bits, zero-extended to 64."""
        return value if bits == 64 else self.value(f"zext i{bits} {value} to i64")

    def bit(self, value: str) -> str:
        """Whether a 64-bit value is not 0."""
        return self.value(f"icmp ne i64 {value}, 0")

    def shifted(self, value: Value, shift: int) -> Value:
        """A 64-bit value, shifted to the left."""
        return value << shift if isinstance(value, int) else self.value(f"shl i64 {value}, {shift}")

    def do(self, text: str) -> None:
        """Append an instruction without a result, or a label."""
        self.lines.append(text)
        if text.endswith(":"):
            self.label = text[:-1]

    def count(self, lines: list[str], amount: int) -> None:
        """Add instructions and blocks to the running count."""
        if amount:
            old, new = self.name(), self.name()
            lines.append(f"{old} = load i64, ptr %count, {COUNTER}")
            lines.append(f"{new} = add i64 {old}, {amount}")
            lines.append(f"store i64 {new}, ptr %count, {COUNTER}")
