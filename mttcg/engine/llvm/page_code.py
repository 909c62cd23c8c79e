"""The code of pages: found in the arena, or made with little effort."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from mttcg.engine.base import AccessRefused
from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.compile import FAST, OPTIMISED, RESUMED
from mttcg.engine.llvm.jump_table import WITHIN, JumpTable
from mttcg.engine.llvm.translate import Identity, PageVersion, Translator
from mttcg.engine.llvm.weave import Weave
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import (
    HostAddress,
    PageOffset,
    PhysicalPage,
    Virtual,
    offset_in_page,
    page_start,
    physical_of,
    virtual_of,
)
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import VcpuState
from mttcg.tbcache.cache import BlockCache

if TYPE_CHECKING:
    from mttcg.engine.llvm.interpreter.address_translation import AddressTranslation
    from mttcg.engine.llvm.interpreter.interpreter import PageInterpreter


class FetchRefused(Exception):  # noqa: N818 - no error: what the guest has tried
    """Code at a pc can't be fetched."""

    def __init__(self, fault: MemoryFault) -> None:
        super().__init__(fault)
        self.fault = fault


class PageCode:
    """Finds or makes code, as the plan in force has it.

    Args:
        hart: counts what is translated.
        cache: the block cache, for the pages and their versions.
        arena: where the code is.
        translator: makes it.
        is_stopping: whether the machine stops, so that nothing is translated any more.

    Attributes:
        interpreter: takes the place of code made with little effort, if there is one.
        addresses: translates, if anything does.
        seen_at: of pages that were met under address translation, where they begin.
        watched: whether somebody is to see each block before this vCPU enters it.
    """

    def __init__(
        self,
        hart: VcpuState,
        cache: BlockCache,
        arena: Arena,
        translator: Translator,
        is_stopping: Callable[[], bool],
    ) -> None:
        self.hart, self.cache, self.arena = hart, cache, arena
        self.translator, self.is_stopping = translator, is_stopping
        self.interpreter: PageInterpreter | None = None
        self.addresses: AddressTranslation | None = None
        self.seen_at: dict[PhysicalPage, Virtual] = {}
        self.watched = False
        self.weave = Weave()
        self.specialised_versions: dict[Identity, list[PageVersion]] = {}

    def apply(self, plan: Plan) -> None:
        """Put a plan in force; code of another shape is found, or made, when it is reached."""
        self.weave = Weave(plan)
        self.specialised_versions.clear()
        if self.interpreter is not None:
            self.interpreter.apply(self.weave)

    def forget_pages(self) -> None:
        """Have the interpreter come back for every page."""
        if self.interpreter is not None:
            self.interpreter.forget_pages()

    def prepare(self, pc: Virtual) -> None:
        """Let the interpreter go on at a pc when translated code leaves there."""
        if self.interpreter is not None:
            self.interpreter.prepare(self.version(*self.enter(pc)), self.watched)

    def fetch_natively(self, jumps: JumpTable) -> None:
        """Have changed pages fetched without Python, from now on, where that can be."""
        if self.interpreter is not None:
            self.interpreter.fetch_natively(self.cache.changes, jumps)

    def forget_page(self, page: PhysicalPage) -> None:
        """Have the interpreter come back for a page, of which another version is fetched."""
        if self.interpreter is not None:
            self.interpreter.forget_page(page)

    @property
    def shows_blocks(self) -> bool:
        """Whether blocks are to be shown before they are entered; else they are known natively."""
        return self.interpreter is None or self.watched

    def met_blocks(self) -> Iterator[tuple[int, Virtual]]:
        """The blocks, by slot and pc, that any vCPU met in the pages that this one fetches from."""
        for page, slot in self.cache.used.items():
            start = self.seen_at.get(page, self._start_of(page))
            for offset in self.cache.known_blocks(slot):
                yield slot, Virtual(start + offset)

    def meet_better_code(self, version: PageVersion) -> bool:
        """Have the interpreter leave a page's blocks to better code; whether there is some."""
        if self.interpreter is None or not self.translator.is_current(version):
            return True  # nothing leads away from there
        better = [
            offset
            for offset in map(PageOffset, self.cache.known_blocks(version.slot))
            if self.find_best(version, offset) is not None
        ]
        self.interpreter.leave_to_translation(version, better, self.watched)
        return bool(better)

    def enter(self, pc: Virtual) -> tuple[PhysicalPage, int]:
        """The page of a pc and the slot that it is fetched from."""
        page = self.page_of(pc)
        if page not in self.cache.used:
            self.cache.enter_page(page)
        return page, self.cache.used[page]

    @property
    def is_translating(self) -> bool:
        """Whether the hart's pc is translated, or was when native code was left."""
        return self.addresses is not None and self.addresses.is_translating

    def page_of(self, pc: Virtual) -> PhysicalPage:
        """The page of RAM that has the code at a pc; raises FetchRefused."""
        if self.addresses is None or not self.addresses.is_translating:
            return self.cache.page_of(physical_of(pc))
        found = self.addresses.fetch(Virtual(pc & ~WITHIN))
        if isinstance(found, AccessRefused):
            raise FetchRefused(found.fault)
        page = self.cache.page_of(found)
        self.seen_at[page] = page_start(pc)
        return page

    def _start_of(self, page: PhysicalPage) -> Virtual:
        """Where code sees a page: plans are attached there."""
        return virtual_of(self.cache.ram_range.start_of(page))

    def version(self, page: PhysicalPage, slot: int, start: Virtual | None = None) -> PageVersion:
        """A page as it is in a slot now, with what the plan has for it.

        start: where the hart sees the page, if that is not where it is in RAM.
        """
        start = self._start_of(page) if start is None else start
        generation = int(self.cache.slots["generation"][slot])
        mode = self.translator.isa.mode(self.hart)
        attached = self.weave.page(start, Virtual(start + PAGE))
        return PageVersion(page, slot, generation, mode, *attached)

    def entered_from(
        self,
        page: PhysicalPage,
        slot: int,
        entry: PageOffset,
        is_known: Callable[[PageOffset], bool],
    ) -> Iterable[PageOffset]:
        """The blocks that may be entered unseen once control is at an entry, less known ones.

        The interpreter comes back for each; a translation has all that can be reached.
        """
        if self.interpreter is None:
            if is_known(entry):
                return ()
            discovery = self.translator.discover(page, slot, [entry], elsewhere=is_known)
            return discovery.leaders - discovery.elsewhere
        leaders: Iterable[PageOffset] = (entry,)
        if self.is_translating:
            return [] if is_known(entry) else [entry]
        if self.watched and self.find_best(self.version(page, slot), entry) is not None:
            leaders = self.translator.discover(page, slot, [entry]).leaders
        return [leader for leader in leaders if not is_known(leader)]

    def specialised(self, version: PageVersion) -> PageVersion:
        """A page's code without what runs once, where it has run."""
        start = self._start_of(version.page)
        sites, shape = self.weave.specialised(start, version.slot)
        return replace(version, sites=sites, shape=shape)

    def prefer(self, specialised: PageVersion, version: PageVersion) -> None:
        """Look for the code of a specialised version first, as there is to be some."""
        known = self.specialised_versions.setdefault(version.identity, [])
        if specialised not in known:
            known.insert(0, specialised)

    def find_or_make(
        self, version: PageVersion, entry: PageOffset, start: Virtual
    ) -> HostAddress | None:
        """The best code for an entry that there is, or such made with little effort.

        None if the machine stops: others may hold the arena's lock one after the other until then.
        """
        if self.interpreter is not None:
            if self.is_translating:
                return self.interpreter.enter(version, entry, self.watched, start)
            best = self.find_best(version, entry)
            return best or self.interpreter.enter(version, entry, self.watched)
        code = self._find(version, entry)
        if code is None:
            with self.arena:
                code = self._find(version, entry)
                if code is None and not self.is_stopping():
                    code = self._translate(version, entry)
        return code

    def _find(self, version: PageVersion, entry: PageOffset) -> HostAddress | None:
        best = self.find_best(version, entry)
        return self.arena.find(version.key(entry, FAST)) if best is None else best

    def find_best(self, version: PageVersion, entry: PageOffset) -> HostAddress | None:
        """Code made with more effort; that which leaves out most, if there are several."""
        for specialised in (*self.specialised_versions.get(version.identity, ()), version):
            found = self.arena.find(specialised.key(entry, OPTIMISED))
            if found is not None:
                return found
        return None

    def _translate(self, version: PageVersion, entry: PageOffset) -> HostAddress:
        """Code that begins at an entry, made with little effort. Under the arena's lock.

        What other code has of the page is not translated again.
        """

        def is_elsewhere(leader: PageOffset) -> bool:
            return self.arena.find(version.key(leader, FAST)) is not None

        page, slot = version.page, version.slot
        discovery = self.translator.discover(page, slot, [entry], elsewhere=is_elsewhere)
        part = self.translator.compile(version, discovery, FAST)
        self.hart.cache_translated += 1
        return self.translator.publish(version, FAST, part)

    def rest_of_block(self, pc: Virtual) -> HostAddress | None:
        """Code that goes on in the middle of a block, to some way on; None if the machine stops."""
        version, offset = self.version(*self.enter(pc), page_start(pc)), offset_in_page(pc)
        if self.interpreter is not None:
            at = page_start(pc) if self.is_translating else None
            return self.interpreter.resume(version, self.watched, at)
        key = version.key(offset, RESUMED)
        found = self.arena.find(key)
        if found is None:
            discovery = self.translator.rest(version.page, version.slot, offset)
            with self.arena:
                found = self.arena.find(key)
                if found is None and not self.is_stopping():
                    part = self.translator.compile(version, discovery, RESUMED, offset)
                    self.hart.cache_translated += 1
                    found = self.translator.publish(version, RESUMED, part)
        return found
