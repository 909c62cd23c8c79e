"""What a variant is run by: one file per tool, each with `unavailable()` and `measure(...)`."""

from collections.abc import Callable
from dataclasses import dataclass

from bench.model import Case, Measurement, Variant
from bench.tools import bus, command, memory, native, python, qemu, ring, unicorn


@dataclass(frozen=True)
class Tool:
    """A tool: why it can't run here ("" if it can), and one run of a variant."""

    unavailable: Callable[[], str]
    measure: Callable[[Case, Variant], Measurement]


TOOLS = {
    name: Tool(module.unavailable, module.measure)
    for name, module in {
        "bus": bus,
        "command": command,
        "memory": memory,
        "native": native,
        "python": python,
        "qemu": qemu,
        "ring": ring,
        "unicorn": unicorn,
    }.items()
}
