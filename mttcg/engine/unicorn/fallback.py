"""Unicorn in the place of another engine, for whole pages.

The registers are those of the hart state: they are brought here before and taken back after.
"""

from typing import Any

from mttcg.engine.base import Discover, Memory
from mttcg.engine.unicorn.engine import UnicornEngine
from mttcg.engine.unicorn.fetched_pages import FetchedPages
from mttcg.engine.unicorn.frame import NOWHERE, Word
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.base import Isa
from mttcg.memory.address import PhysicalPage, Virtual, physical_of
from mttcg.memory.ram import RamRange
from mttcg.tbcache.cache import BlockCache


class GivenPages(FetchedPages):
    """Of the pages those that are given to this engine.

    Attributes:
        given: pages that run here.
        entered: pages that are fetched.
    """

    def __init__(
        self,
        engine: Any,
        cache: BlockCache,
        ram_range: RamRange,
        known: set[tuple[int, Virtual]],
    ) -> None:
        super().__init__(engine, cache, ram_range, known)
        self.given: set[PhysicalPage] = set()
        self.entered: set[PhysicalPage] = set()

    def enter(self, address: Virtual, pc: Virtual) -> bool:
        """Fetch the page of an address, for the block at pc; False if it is not to be fetched."""
        page = self.cache.page_of(physical_of(address))
        if page == self.cache.page_of(physical_of(pc)) and page not in self.given:
            return False
        return super().enter(address, pc)

    def fetch(self, page: PhysicalPage) -> None:
        """Fetch a page as the hart fetches it; as it is in RAM if the hart does not."""
        if page in self.cache.used:
            self.use(page, self.cache.used[page])
        else:
            super().fetch(page)
        self.entered.add(page)

    def follow_versions(self) -> None:
        """Fetch what the hart fetches: the other engine may have looked at pages anew.

        And nothing else: a page that was only fetched for the end of an instruction is left.
        """
        gone = self.entered - self.given
        stale = {
            page
            for page in self.given & self.entered
            if int(self.slots[page]) != self.cache.used[page] + 1
        }
        self.slots[list(gone)] = 0
        self.entered -= gone
        for page in stale:
            self.use(page, self.cache.used[page])
        if gone or stale:
            self.forget_addresses()


class UnicornFallback(UnicornEngine):
    """Runs the pages that are given to it, and comes back when control leaves them.

    What it comes back with then is an exit of kind FETCH at a pc in RAM.
    """

    pages: GivenPages

    def __init__(
        self,
        memory: Memory,
        hart: Any,
        cache: BlockCache,
        discover: Discover,
        isa: Isa,
        known: set[tuple[int, Virtual]],
    ) -> None:
        """Make one, see `UnicornEngine`; `known`: blocks that the other engine has discovered."""

        def given_pages(engine: Any, cache: BlockCache, ram_range: RamRange) -> GivenPages:
            return GivenPages(engine, cache, ram_range, known)

        super().__init__(memory, hart, cache, discover, isa, given_pages)

    def take_over(self, plan: Plan, resumed: Virtual | None) -> None:
        """Begin where the hart is.

        Args:
            plan: the plan in force.
            resumed: a pc that goes on with a block that was entered, and counted, before.
        """
        self.pages.follow_versions()
        self.enable_float(self.unicorn_isa.float_enabled(self.hart))
        self.fill()
        if plan is not self.instrumentation.plan:
            self.apply(plan)
        self.frame[Word.RESUME_PC] = NOWHERE if resumed is None else resumed

    def hand_back(self) -> Virtual | None:
        """Bring the hart state up to date; `resumed` of `take_over`, if it did not get there."""
        self.spill()
        return self.unfinished
