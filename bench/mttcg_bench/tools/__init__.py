"""What a variant is run by: one file per tool, each with `unavailable` and `measure`."""

from collections.abc import Callable
from dataclasses import dataclass

from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools import (
    beyond,
    bus,
    command,
    exec,
    linux,
    native,
    python,
    python_peers,
    qemu,
    ring,
    translation,
    unicorn,
)


@dataclass(frozen=True)
class Tool:
    """A tool: why it can't run here ("" if it can), and one run of a variant."""

    unavailable: Callable[[Variant], str]
    measure: Callable[[Case, Variant], Measurement]


TOOLS = {
    name: Tool(module.unavailable, module.measure)
    for name, module in {
        "beyond": beyond,
        "bus": bus,
        "command": command,
        "exec": exec,
        "linux": linux,
        "native": native,
        "python": python,
        "python_peers": python_peers,
        "qemu": qemu,
        "ring": ring,
        "translation": translation,
        "unicorn": unicorn,
    }.items()
}
