"""Counting what is run: one running count of the function, and the hart's counters."""

from mttcg.engine.llvm.calls import ENTRY_COUNTS, Calls
from mttcg.engine.llvm.frame import COUNT_START, ONE_INSTRUCTION
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER
from mttcg.engine.llvm.ir.values import I64, constant
from mttcg.engine.llvm.observed import Entries
from mttcg.engine.llvm.places import BLOCK_PC, BLOCKS, COUNT, INSTRUCTIONS, SINCE
from mttcg.engine.llvm.segment import Pending
from mttcg.engine.llvm.weave import Sites
from mttcg.memory.address import PageOffset

INSTRUCTION_SHIFT = ONE_INSTRUCTION.bit_length() - 1


class Counts:
    """Emits counting.

    Args:
        builder: of the function.
        sites: what the plan has for the page.
        calls: what its rows do.
    """

    def __init__(self, builder: Builder, sites: Sites, calls: Calls) -> None:
        self.builder, self.sites, self.calls = builder, sites, calls

    def add(self, amount: int) -> None:
        """Add instructions and blocks to the running count."""
        if amount:
            build = self.builder
            old = build.load(COUNT, COUNTER, I64)
            build.store(build.binary("add", old, amount), COUNT, COUNTER)

    def settle(self, pending: Pending, uncounted: int = 0) -> None:
        """Count what is pending, but for some instructions that did not run."""
        self.add(pending.amount - uncounted * ONE_INSTRUCTION)
        if pending.entries is not None:
            self._count_entries(pending.entries)

    def only_counts(self, leader: PageOffset) -> bool:
        """Whether all that is to be done before a block is to count its entries."""
        return all(row.kind in ENTRY_COUNTS for row in self.sites.at_block(leader))

    def _count_entries(self, entries: Entries) -> None:
        for row in self.sites.at_block(entries.leader):
            ENTRY_COUNTS[row.kind](self.calls, row, entries.leader // 2, entries.number)

    def retired(self, pending: Pending) -> I64:
        """How many instructions the hart has retired with one that ends its block."""
        return retired_at(self.builder, self.builder.load(COUNT, COUNTER, I64), pending.amount)


def retired_at(build: Builder, running: I64, pending: int) -> I64:
    """How many instructions the hart has retired, by a running count and what it lacks."""
    counted = build.binary("sub", running, build.load(SINCE, COUNTER, I64))
    whole = build.binary("add", counted, pending)
    here = build.binary("ashr", whole, INSTRUCTION_SHIFT)
    return build.binary("add", build.load(INSTRUCTIONS, COUNTER, I64), here)


def publish_counts(build: Builder, leader: I64 | None = None) -> None:
    """Add what was counted to the hart's counters; with a look, at a leader, begin anew."""
    count = build.load(COUNT, COUNTER, I64)
    since = build.load(SINCE, COUNTER, I64)
    total = build.binary("sub", count, since)
    instructions = build.binary("ashr", total, INSTRUCTION_SHIFT)
    blocks = build.binary("and", total, ONE_INSTRUCTION - 1)
    for field, part in ((INSTRUCTIONS, instructions), (BLOCKS, blocks)):
        build.store(build.binary("add", build.load(field, COUNTER, I64), part), field, COUNTER)
    now = count
    if leader is not None:
        now = constant(COUNT_START)
        build.store(now, COUNT, COUNTER)
        build.store(leader, BLOCK_PC, COUNTER)
    build.store(now, SINCE, COUNTER)
