"""What has to be known of a kernel to find its processes, as plain data for other processes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from mttcg.linux.btf import KernelTypes
from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_isa import KernelIsa
from mttcg.linux.layout import Layout, MemberPlace, layout_of
from mttcg.linux.modules import LIST

NEEDED = ("init_task", "runqueues", "__per_cpu_offset")
IF_THERE = (LIST,)
"""Names that a kernel may lack."""
NAMES = "names of the kernel's data (CONFIG_KALLSYMS_ALL, or --symbols)"


@dataclass(frozen=True)
class KernelFacts:
    """Where things are in a kernel.

    Attributes:
        layout: in its structures.
        symbols: addresses of what is looked for by name, as the kernel was linked.
    """

    layout: Layout
    symbols: Mapping[str, int]

    def to_plain(self) -> dict[str, Any]:
        """The same as plain data."""
        layout = {name: list(place) for name, place in self.layout.items()}
        return {"layout": layout, "symbols": dict(self.symbols)}

    @classmethod
    def from_plain(cls, plain: Mapping[str, Any]) -> "KernelFacts":
        """What `to_plain` described."""
        layout = {name: MemberPlace(*place) for name, place in plain["layout"].items()}
        return cls(layout, dict(plain["symbols"]))


def kernel_facts(
    types: KernelTypes, address_of: Callable[[str], int | None], isa: KernelIsa
) -> KernelFacts:
    """Find what is needed; raises KernelDataError for what a kernel lacks.

    address_of: address of a symbol, None if there is none. isa: of the kernel.
    """
    found = {name: address_of(name) for name in (*NEEDED, *isa.symbols)}
    found |= {name: address_of(name) for name in IF_THERE}
    needed = {*NEEDED, *isa.symbols}
    lacking = [name for name, address in found.items() if address is None and name in needed]
    if lacking:
        wrong = f"it has no name {', '.join(lacking)}"
        raise KernelDataError("the kernel", wrong, NAMES)
    symbols = {name: address for name, address in found.items() if address is not None}
    return KernelFacts(layout_of(types, isa.saved), symbols)
