"""A plan that counts as `--check` does, and the comparison of what it counted on one bare vCPU."""

from typing import Any

import numpy as np
from engine_harness import Bare
from recorded import Recorded

from mttcg.instrument.api.targets import BLOCK_TABLE_WORDS, CodeTable
from mttcg.instrument.native import operations
from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.processes.check_counters import ENTERED, LEFT, RETIRED
from mttcg.supervisor.results.check import compare, count


class Counting:
    """The words that are counted in, and the plan that does it beside the records of accesses."""

    def __init__(self, recorded: Recorded) -> None:
        self.words: dict[str, np.ndarray[Any, Any]] = {
            name: np.zeros(BLOCK_TABLE_WORDS, dtype=np.uint64) for name in (ENTERED, LEFT, RETIRED)
        }
        self.accesses = np.zeros(1, dtype=np.uint64)
        table, one = operations.count(in_table=True), operations.count(in_table=False)
        counted = Operation(one, int(self.accesses.ctypes.data), "count")
        self.plan = Plan(
            every_block=(Operation(table, int(self.words[ENTERED].ctypes.data), "table"),),
            every_retired=(Operation(table, int(self.words[RETIRED].ctypes.data), "table"),),
            every_access=(counted, *recorded.plan.every_access),
        )
        self.records = 0

    def watch(self, bare: Bare) -> None:
        """Let the vCPU tell of blocks that it leaves early, as it tells a table of a plugin's."""
        guest: Any = bare.vcpu.guest
        guest.declarations.things["", LEFT] = CodeTable(LEFT, less_left=True)
        guest.vcpu_words = lambda table, _cpu: self.words[table.name]

    def check(self, bare: Bare) -> None:
        """Compare all that was counted since the beginning."""
        found = count(bare.hart, bare.cache, self.words, int(self.accesses[0]), self.records)
        assert list(compare(found, bare.cache, lambda _pc: "")) == []
        assert found.instructions == found.by_instruction
