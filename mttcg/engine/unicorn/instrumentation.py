"""A plan put into Unicorn: which hooks exist, and which translations have to go when it changes."""

from typing import Any

from unicorn import unicorn_const

from mttcg.engine.unicorn.frame import FrameWords, Word
from mttcg.engine.unicorn.library import add_hook, delete_hook
from mttcg.engine.unicorn.sites import SiteTables, rows_of
from mttcg.engine.unicorn.unicorn_isa import Hooks
from mttcg.instrument.plan.plan import EMPTY, Plan
from mttcg.memory.address import HostAddress, Virtual, offset_in_page
from mttcg.memory.host import address_of_array

HOOKS_BY_ADDRESS = 16
"""Up to so many instrumented addresses have a hook each; each hit walks them all, so beyond that
one hook takes every instruction and looks the address up."""
EVERYWHERE = Virtual(1), Virtual(0)


class Instrumentation:
    """The plan in force on one Unicorn instance.

    Args:
        engine: the `unicorn.Uc`.
        frame: the frame's words.
        address: the frame's host address.
        hooks: the ISA's native functions.
    """

    def __init__(
        self,
        engine: Any,
        frame: FrameWords,
        address: HostAddress,
        hooks: Hooks,
    ) -> None:
        self.hooks = hooks
        self.engine, self.frame, self.address = engine, frame, address
        self.plan = EMPTY
        self.ranges: dict[tuple[Virtual, Virtual], int] = {}
        self.access_hook: int | None = None
        self.sites = SiteTables(2)
        self.arrays: list[Any] = []

    def apply(self, plan: Plan, versions: bool) -> None:
        """Put a plan in force.

        Args:
            plan: what is to hold from the next block on.
            versions: whether a code page has been changed, so that translations exist which
                can't be dropped by address.
        """
        plan = plan.untranslated()
        before, self.plan = self.plan, plan
        self._fill_tables(plan, before)
        flush = self._hook_accesses(bool(plan.every_access))
        added = self._hook_instructions(plan)
        if flush or (added and (versions or EVERYWHERE in added)):
            self.engine.ctl_flush_tb()
            return
        for begin, end in added:
            # from the byte before, or a block of size 0 (see engine.py) would stay
            self.engine.ctl_remove_cache(begin - (offset_in_page(begin) > 0), end + 1)
        seen = before.every_instruction or before.every_order or before.every_retired
        if seen and not self.ranges:
            self.engine.ctl_flush_tb()

    def _fill_tables(self, plan: Plan, before: Plan) -> None:
        every = {
            Word.EVERY_BLOCK: plan.every_block,
            Word.EVERY_INSTRUCTION: plan.every_instruction,
            Word.EVERY_ACCESS: plan.every_access,
            Word.EVERY_ORDER: plan.every_order,
            Word.EVERY_RETIRED: tuple(o for o in plan.every_retired if o.kind != "table"),
            Word.EVERY_TABLE: tuple(o for o in plan.every_retired if o.kind == "table"),
        }
        changed = plan.changed if plan.follows(before) else None
        places = None if changed is None else (changed.blocks, changed.instructions)
        self.sites.follow((plan.blocks, plan.instructions), places)
        arrays: list[Any] = []
        for word, operations in every.items():
            rows = rows_of(operations)
            arrays.append(rows)
            self.frame[word], self.frame[word + 1] = address_of_array(rows), len(operations)
        self.frame[Word.SITE_ROWS] = address_of_array(self.sites.rows)
        self.frame[Word.BLOCK_SITES] = self.sites.address(0)
        self.frame[Word.INSTRUCTION_SITES] = self.sites.address(1)
        self.arrays = arrays

    def _hook_accesses(self, wanted: bool) -> bool:
        """Hook or unhook memory; whether every translation has to go."""
        if wanted == (self.access_hook is not None):
            return False
        if wanted:
            kind = unicorn_const.UC_HOOK_MEM_READ_AFTER | unicorn_const.UC_HOOK_MEM_WRITE
            self.access_hook = add_hook(
                self.engine, kind, self.hooks.on_access, self.address, *EVERYWHERE
            )
        elif self.access_hook is not None:
            delete_hook(self.engine, self.access_hook)
            self.access_hook = None
        return True

    def _hook_instructions(self, plan: Plan) -> set[tuple[Virtual, Virtual]]:
        """Hook the instrumented addresses; the ranges that were not hooked before.

        Fences have no hook of their own: who wants them sees every instruction.
        """
        everywhere = plan.every_instruction or plan.every_order or plan.every_retired
        if everywhere or len(plan.instructions) > HOOKS_BY_ADDRESS:
            wanted = {EVERYWHERE}
        else:
            wanted = {(pc, pc) for pc in plan.instructions}
        for gone in self.ranges.keys() - wanted:
            delete_hook(self.engine, self.ranges.pop(gone))
        added = wanted - self.ranges.keys()
        for begin, end in added:
            self.ranges[begin, end] = add_hook(
                self.engine,
                unicorn_const.UC_HOOK_CODE,
                self.hooks.on_instruction,
                self.address,
                begin,
                end,
            )
        return added
