"""The code of pages: better code that is in the arena, and the interpreter for the rest."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

import numpy as np

from mttcg.engine.base import AccessRefused
from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.interpreter import PageInterpreter
from mttcg.engine.llvm.jump_table import JumpTable
from mttcg.engine.llvm.kept.kept_code import Codes, KeptPages
from mttcg.engine.llvm.surviving import SurvivingCode, found_code
from mttcg.engine.llvm.translate import Identity, PageVersion, Translator, in_mode
from mttcg.engine.llvm.woven_plan import Weave
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

PLACES = np.arange(0, PAGE, 2, dtype=np.uint64)
"""Offsets in a page at which an instruction can be."""


class FetchRefused(Exception):  # noqa: N818 - no error: what the guest has tried
    """Code at a pc can't be fetched."""

    def __init__(self, fault: MemoryFault) -> None:
        super().__init__(fault)
        self.fault = fault


class PageCode:
    """Finds code, as the plan in force has it.

    Args:
        hart: whose code it is.
        cache: the block cache, for the pages and their versions.
        arena: where better code is.
        translator: knows what can be reached.
        interpreter: runs what there is no better code of.
        kept: puts code of earlier runs in place; None: there is none.

    Attributes:
        watched: whether somebody is to see each block before this vCPU enters it.
        seen_at: of pages that were met where addresses are translated, where they began then.
    """

    def __init__(
        self,
        hart: VcpuState,
        cache: BlockCache,
        arena: Arena,
        translator: Translator,
        interpreter: PageInterpreter,
        kept: KeptPages | None = None,
    ) -> None:
        self.hart, self.cache, self.arena = hart, cache, arena
        self.translator, self.interpreter = translator, interpreter
        self.kept, self.followed = kept, 0
        self.watched = False
        self.seen_at: dict[PhysicalPage, Virtual] = {}
        self.weave = Weave()
        self.surviving = SurvivingCode(arena)
        self.specialised_versions: dict[Identity, list[PageVersion]] = {}
        self.on_checked: Callable[[PhysicalPage], None] = lambda page: None

    def apply(self, plan: Plan) -> dict[PhysicalPage, frozenset[PageOffset]] | None:
        """Put a plan in force; the places that have other code now, None if all may.

        Code of another shape is found when it is reached.
        """
        before = self._plain_versions(plan)
        changed = self.weave.follow(plan)
        if changed is None:
            self.specialised_versions.clear()
            self.surviving.clear()
            self.interpreter.apply(self.weave)
            return None
        for version in before:
            others = self.specialised_versions.pop(version.identity, ())
            blocks = self.cache.known_blocks(version.slot)
            self.surviving.keep(version, others, blocks, changed[version.start])
        pages: dict[PhysicalPage, frozenset[PageOffset]] = {}
        self.interpreter.use_rows()
        for start, offsets in changed.items():
            for page in self.interpreter.follow(start, self.weave.page(start)[0], offsets):
                pages[page] = pages.get(page, frozenset()) | offsets
        return pages

    def _plain_versions(self, plan: Plan) -> list[PageVersion]:
        """The pages that a plan concerns, as they are before it is in force.

        Only what runs where addresses are not translated, as it is at one address then.
        """
        if plan.changed is None or not plan.follows(self.weave.plan):
            return []
        starts = {page_start(pc) for pc in plan.changed.blocks | plan.changed.instructions}
        found = []
        for start in starts:
            address = physical_of(start)
            page = self.cache.page_of(address)
            if self.cache.ram_range.has_page(page) and page in self.cache.used:
                version = self.version(page, self.cache.used[page], start)
                found.append(replace(version, mode=in_mode(version.mode >> 1, False)))
        return found

    def forget_pages(self) -> None:
        """Have the interpreter come back for every page."""
        self.interpreter.forget_pages()

    def prepare(self, pc: Virtual) -> None:
        """Let the interpreter go on at a pc in the middle of a block."""
        version = self.version(*self.enter(pc), page_start(pc))
        self.interpreter.prepare(version, self.watched, self._translated(page_start(pc)))

    def let_enter(self, version: PageVersion, offset: PageOffset, start: Virtual) -> None:
        """Let the interpreter begin a block, which was shown if somebody watches.

        start: where the hart sees its page.
        """
        self.interpreter.let_enter(version, offset, self.watched, self._translated(start))

    def _translated(self, start: Virtual) -> Virtual | None:
        return start if self.is_translating else None

    @property
    def is_translating(self) -> bool:
        """Whether the hart's pc is translated, or was when native code was left."""
        addresses = self.interpreter.addresses
        return addresses is not None and addresses.is_translating

    def page_of(self, pc: Virtual) -> PhysicalPage:
        """The page of RAM that has the code at a pc; raises FetchRefused."""
        addresses = self.interpreter.addresses
        if addresses is None or not addresses.is_translating:
            return self.cache.page_of(physical_of(pc))
        found = addresses.fetch(pc)
        if isinstance(found, AccessRefused):
            raise FetchRefused(found.fault)
        page = self.cache.page_of(found)
        self.seen_at[page] = page_start(pc)
        return page

    def fetch_natively(self, jumps: JumpTable) -> None:
        """Have changed pages fetched without Python, from now on, where that can be."""
        self.interpreter.fetch_natively(self.cache.changes, jumps)

    def forget_page(self, page: PhysicalPage) -> None:
        """Have the interpreter come back for a page, of which another version is fetched."""
        self.interpreter.forget_page(page)

    def met_blocks(self) -> Iterator[tuple[int, Virtual]]:
        """The blocks, by slot and pc, that any vCPU met in the pages that this one fetches from."""
        for page, slot in self.cache.used.items():
            start = self._seen_from(page, True)
            for offset in self.cache.known_blocks(slot):
                yield slot, Virtual(start + offset)

    def meet_better_code(self, version: PageVersion) -> bool:
        """Have the interpreter leave a page's blocks to better code; whether there is some."""
        if not self.translator.is_current(version) or version.page in self.interpreter.checked:
            return True  # nothing leads away from there
        improved = self._improved(version)
        if not improved:
            return False
        begun = {
            *self.cache.known_blocks(version.slot),
            *self.interpreter.decoded(version, self.watched),
        }
        better = [offset for offset in improved if offset in begun]
        self.interpreter.leave_to_translation(version, better, self.watched)
        return bool(better)

    def meet_kept_code(self, version: PageVersion) -> Codes | None:
        """Use what earlier runs have kept for a page; None if there is none that is new here.

        Else the best code at each place of the page, 0 where there is none.
        """
        if version.page in self.interpreter.checked:
            return None
        codes = None if self.kept is None else self.kept.meet(version)
        if codes is None or self.kept is None:
            return None
        if version.identity in self.specialised_versions:
            codes = self.known_code(version)
        for offset, code in self.surviving.entries(version).items():
            codes[offset // 2] = codes[offset // 2] or code
        begin = self.kept.begin
        self.interpreter.begin_in_translation(version, codes, self.watched, begin)
        return codes

    def follow_new_versions(self, jumps: JumpTable) -> None:
        """Use kept code in versions of pages that native code has made since the last time."""
        if self.kept is None:
            return
        cache, first = self.cache, self.followed
        self.followed = int(cache.header["slots"][0])
        for slot in () if self.watched else _new_slots(self, self.kept, first):
            page = cache.page_in(slot)
            if slot not in self.kept.slots and cache.used.get(page) == slot:
                translated = bool(cache.slots["seen"][slot])
                version = self.version_for_better(page, translated)
                codes = None if version is None else self.meet_kept_code(version)
                if codes is not None:
                    jumps.put_all(page, codes, translated)

    def known_code(self, version: PageVersion) -> Codes:
        """The address of the best code at each place of a page, 0 where there is none."""
        found = np.zeros(len(PLACES), np.uint64)
        for known in (version, *reversed(self.specialised_versions.get(version.identity, ()))):
            if self.kept is not None:
                self.kept.put_codes(known, found)
                continue
            addresses = self.arena.addresses(known.keys(PLACES))
            np.copyto(found, addresses, where=addresses != 0)
        return found

    def _improved(self, version: PageVersion) -> list[PageOffset]:
        """Where in a page there is better code; the guest waits, so all places at a time."""
        specialised = self.specialised_versions.get(version.identity, ())
        there = found_code(self.arena, (*specialised, version), PLACES)
        return [*{**there, **self.surviving.entries(version)}]

    def enter(self, pc: Virtual) -> tuple[PhysicalPage, int]:
        """The page of a pc and the slot that it is fetched from."""
        page = self.page_of(pc)
        if page not in self.cache.used:
            self.cache.enter_page(page)
        slot = self.cache.used[page]
        if self.is_translating:
            self.cache.see(slot, page_start(pc))
            check_if_split(self, page)
        return page, slot

    def block_page(self) -> PhysicalPage:
        """The page of the hart's current block, which may not be translated any more."""
        if self.is_translating:
            return self.cache.page_in(int(self.interpreter.frame[Word.BLOCK_SLOT]))
        return self.cache.page_of(physical_of(self.hart.block_pc))

    def word_at(self, pc: Virtual) -> int:
        """The instruction at a pc in the hart's current block."""
        page = self.block_page()
        return self.cache.word_at(page, self.cache.used[page], offset_in_page(pc))

    def left_word(self, pc: Virtual) -> int:
        """The instruction that is left to the host, which the interpreter does not say."""
        detail = int(self.interpreter.frame[Word.EXIT_DETAIL])
        return detail & 0xFFFF_FFFF or self.word_at(pc)

    def fetch_with_other_half(self, jumps: JumpTable) -> None:
        """Fetch the page at the pc with the end of its last instruction that was just seen."""
        frame, page = self.interpreter.frame, self.page_of(self.hart.pc)
        frame[Word.OTHER_HALF] = 0
        self.cache.enter_page(page, int(frame[Word.FETCHED_HALF]))
        self.forget_page(page)
        jumps.follow(page)

    def _start_of(self, page: PhysicalPage) -> Virtual:
        """Where code sees a page: plans are attached there."""
        return virtual_of(self.cache.ram_range.start_of(page))

    def _seen_from(self, page: PhysicalPage, translated: bool) -> Virtual:
        """Where the hart sees a page; where any does if native code has fetched it.

        That may be elsewhere, and does not matter, as nothing is attached then.
        """
        start = self.seen_at.get(page) if translated else None
        seen = int(self.cache.slots["seen"][self.cache.used[page]]) if translated else 0
        if start is None and seen:
            return Virtual(seen - 1)
        return self._start_of(page) if start is None else start

    def version(self, page: PhysicalPage, slot: int, start: Virtual | None = None) -> PageVersion:
        """A page as it is in a slot now, with what the plan has for it.

        start: where the hart sees the page, if that is not where it is in RAM.
        """
        start = self._start_of(page) if start is None else start
        generation = int(self.cache.slots["generation"][slot])
        mode = in_mode(self.translator.isa.mode(self.hart), self.is_translating)
        there = self.cache.ram_range.start_of(page)
        return PageVersion(page, slot, generation, mode, *self.weave.page(start, there), start)

    def version_for_better(self, page: PhysicalPage, translated: bool) -> PageVersion | None:
        """A page for which better code may be made; None if it is not run here.

        Where addresses are translated, a page may be seen at several of them: if something is
        attached to one of its instructions, or blocks, by virtual address, there is None either.
        """
        if page not in self.cache.used or page in self.interpreter.checked:
            return None
        found = self.version(page, self.cache.used[page], self._seen_from(page, translated))
        found = replace(found, mode=in_mode(self.translator.isa.mode(self.hart), translated))
        at_places = found.sites.blocks or found.sites.instructions
        return None if translated and at_places and self.weave.plan.is_at_virtual else found

    def entered_from(
        self,
        page: PhysicalPage,
        slot: int,
        pc: Virtual,
        is_known: Callable[[PageOffset], bool],
    ) -> Iterable[PageOffset]:
        """The blocks that may be entered unseen once control is at a pc, less known ones.

        The interpreter comes back for each; a translation has all that can be reached.
        """
        start, entry = page_start(pc), offset_in_page(pc)
        leaders: Iterable[PageOffset] = (entry,)
        if self.find_best(self.version(page, slot, start), entry) is not None:
            leaders = self.translator.discover(page, slot, [entry]).leaders
        return [leader for leader in leaders if not is_known(leader)]

    def specialised(self, version: PageVersion) -> PageVersion:
        """A page's code without what runs once, where it has run."""
        start = self._seen_from(version.page, version.translated)
        there = self.cache.ram_range.start_of(version.page)
        sites, shape = self.weave.specialised(start, version.slot, there)
        return replace(version, sites=sites, shape=shape)

    def prefer(self, specialised: PageVersion, version: PageVersion) -> None:
        """Look for the code of a specialised version first, as there is to be some."""
        known = self.specialised_versions.setdefault(version.identity, [])
        if specialised not in known:
            known.insert(0, specialised)

    def find_best(self, version: PageVersion, entry: PageOffset) -> HostAddress | None:
        """Code made with more effort; that which leaves out most, if there are several."""
        if version.page in self.interpreter.checked:
            return None
        for specialised in (*self.specialised_versions.get(version.identity, ()), version):
            found = self.arena.find(specialised.key(entry))
            if found is not None:
                return found
        return self.surviving.entries(version).get(entry)


def _new_slots(code: PageCode, kept: KeptPages, first: int) -> Iterable[int]:
    """The slots from one on that kept code may fit; all where something is at places."""
    new = range(first, code.followed)
    plan = code.weave.plan
    if not new or plan.is_at_virtual or plan.is_at_physical:
        return new
    page = code.version(code.cache.page_in(first), first)
    modes = (in_mode(page.mode >> 1, translated) for translated in (False, True))
    plain, translated = (replace(page, mode=mode) for mode in modes)
    return kept.fitting.slots(first, code.followed, plain, translated)


def check_if_split(code: PageCode, page: PhysicalPage) -> None:
    """If protection splits a page, have each of its instructions looked at from now on.

    It has no better code then, which looks at none.
    """
    addresses, checked = code.interpreter.addresses, code.interpreter.checked
    start = code.cache.ram_range.start_of(page)
    if addresses is None or page in checked or not addresses.splits_code(start):
        return
    checked.add(page)
    code.forget_page(page)
    code.on_checked(page)
