"""What engines leave to the host, which takes thousands of times as long: counted by kind."""

from collections.abc import Callable

from mttcg.engine.base import Exit, ExitKind
from mttcg.isa.code import Code
from mttcg.isa.system import MemoryFault
from mttcg.state.named_counts import HostWork
from mttcg.state.vcpu_state import VcpuState

ACCESSES = {True: "stores to devices", False: "loads from devices"}
"""By whether it stores; accesses that can't be made are among them."""
FAULTS = {
    MemoryFault.FETCH: "fetches outside of RAM",
    MemoryFault.LOAD: "atomics outside of RAM",
    MemoryFault.STORE: "atomics outside of RAM",
    MemoryFault.LOAD_MISALIGNED: "misaligned atomics",
    MemoryFault.STORE_MISALIGNED: "misaligned atomics",
}
UNKNOWN = "unknown instructions"


class HostWorkCounter:
    """Counts the ways in which an engine comes back.

    Args:
        hart: the hart's state, which has the counts.
        code: its instructions.
    """

    def __init__(self, hart: VcpuState, code: Code) -> None:
        self.counts, self.code = HostWork(hart), code

    def serve(self, handler: Callable[[Exit], None], left: Exit) -> None:
        """Count an exit, and have it handled."""
        self.count(left)
        handler(left)

    def count(self, left: Exit) -> None:
        """Count one; requests and callbacks are no work of the guest's."""
        if left.kind is ExitKind.SYSTEM:
            found = self.code.decode(left.word)
            self.counts.add(UNKNOWN if found is None else found.name)
        elif left.kind is ExitKind.ACCESS:
            access = self.code.facts(left.word).access
            self.counts.add(ACCESSES[access is not None and access.stores])
        elif left.kind is ExitKind.FETCH:
            self.counts.add(FAULTS[MemoryFault.FETCH])
        elif left.kind is ExitKind.TRAP:
            self.counts.add(FAULTS.get(left.fault, "faults") if left.fault else "faults")
