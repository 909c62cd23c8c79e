"""The registers of a hart as a debugger is told of them."""

from dataclasses import dataclass
from typing import NamedTuple


class DescribedRegister(NamedTuple):
    """A register.

    Attributes:
        name: as `System.read_register` takes it, and the debugger shows it.
        number: in the debugger's protocol.
        bits: its size.
        kind: its type, in the debugger's words.
        group: "general", "float" or "system".
    """

    name: str
    number: int
    bits: int
    kind: str
    group: str


@dataclass(frozen=True)
class DebugDescription:
    """All that a debugger has to know of an ISA.

    Attributes:
        architecture: its name there.
        types: definitions of types that registers have beside those that it knows, by feature.
        features: the registers, by the feature of the debugger's that they are.
        counter: name of the program counter.
        shown: names of those that come with each stop, and in one packet.
        steps_over_access: whether the debugger takes a hart to have stopped before the access that
            is watched, and has it make one step at once.
    """

    architecture: str
    features: dict[str, tuple[DescribedRegister, ...]]
    types: dict[str, str]
    counter: str
    shown: tuple[str, ...]
    steps_over_access: bool

    @property
    def registers(self) -> dict[int, DescribedRegister]:
        """All registers, by number."""
        return {each.number: each for each in sum(self.features.values(), ())}
