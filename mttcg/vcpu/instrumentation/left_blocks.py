"""What tables of blocks are told when a block that was counted is left, or goes on elsewhere."""

from collections.abc import Iterator
from typing import Any

from mttcg.engine.base import Engine, current_block
from mttcg.instrument.api.targets import BlockTable, CodeTable, VcpuWords
from mttcg.isa.context import MARKS_MASK
from mttcg.memory.address import Virtual, offset_in_page
from mttcg.tbcache.cache import Block
from mttcg.vcpu.instrumentation.guest import GuestOfVcpu
from mttcg.vcpu.instrumentation.tables import count_rest, leave_early


class LeftBlocks:
    """Books what is left of blocks, in the tables that want to know.

    Args:
        guest: has the tables.
        engine: knows the current block, and whether it is over.
    """

    def __init__(self, guest: GuestOfVcpu, engine: Engine) -> None:
        self.guest, self.engine = guest, engine

    def _tables(self, plugin: str | None = None) -> Iterator[CodeTable]:
        for thing in self.guest.declarations.things.values():
            wanted = plugin is None or thing.plugin == plugin
            if wanted and isinstance(thing, CodeTable) and thing.less_left:
                yield thing

    def any(self) -> bool:
        """Whether there are such tables."""
        return any(True for _ in self._tables())

    def leave(self, pc: Virtual, trapped: bool = False) -> None:
        """The current block, which was counted, ends before the one at pc.

        trapped: that one traps, so it was begun.
        """
        for table in self._tables():
            begun = trapped and table.trapped
            block = current_block(self.engine)
            for _ in range(self._times_counted(table, block)):
                leave_early(self._words(table), self.engine.cache, block, pc, begun)

    def count_rest(self, executions: int, plugin: str | None = None) -> None:
        """Add executions of what is left of the current block, if that is not over.

        A plugin's table that came in the middle of it has not counted that; one that goes there
        has. plugin: whose tables; None: all.
        """
        pc = self.engine.unfinished
        if pc is not None:
            for table in self._tables(plugin):
                block = current_block(self.engine)
                more = executions * self._times_counted(table, block)
                count_rest(self._words(table), block, pc, more)

    def follow_context(self) -> None:
        """Note the context in which the hart goes on: the rest of a block may be in another."""
        self.guest.chosen.look()
        followed = self.guest.followed
        remarked = followed.marks != self.guest.hart.context & MARKS_MASK
        if remarked:
            self.count_rest(-1)
        followed.follow_context()
        if remarked:
            self.count_rest(1)

    def _times_counted(self, table: CodeTable, block: Block) -> int:
        """How often a table counts a block when it is entered in the hart's context."""
        if not isinstance(table, BlockTable):
            return 1  # nothing counts in it, it has only what was left
        place = self.engine.cache.address_of(block.slot, offset_in_page(block.pc))
        return sum(
            attached.scope.holds(self.guest.context)
            and attached.pc in (None, place if attached.physical else block.pc)
            for attached in self.guest.registry.counted_in.get(table, ())
        )

    def _words(self, table: VcpuWords) -> Any:
        return self.guest.vcpu_words(table, self.guest.index)
