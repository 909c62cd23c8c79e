"""One vCPU's part in choosing the code that is to be optimised, and in finding it then.

Its code takes samples of where slow code runs; the translator reads them, and asks for the page of
the hottest place: what that is made of, and what is attached there, the vCPU alone knows.
"""

from typing import Protocol

from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.jump_table import JumpTable
from mttcg.engine.llvm.page_code import PageCode
from mttcg.engine.llvm.translate import Identity, PageVersion
from mttcg.memory.address import PageOffset, Virtual, offset_in_page, physical_of
from mttcg.state.samples import TRANSLATED_PLACE, Samples
from mttcg.tbcache.cache import BlockCache


class TranslatorLink(Protocol):
    """How a vCPU reaches the translator."""

    def wake(self) -> None:
        """Tell it that there are samples."""

    def describe(self, pc: Virtual, version: PageVersion | None, better: bool) -> None:
        """Answer what the page of a pc is; None: it is not worth better code now.

        better: there is some for that pc, which was missed.
        """


class Unlinked:
    """Where there is no translator."""

    def wake(self) -> None:
        """Nobody sleeps."""

    def describe(self, pc: Virtual, version: PageVersion | None, better: bool) -> None:
        """Nobody asks."""


class Tiering:
    """Answers the translator, and meets better code.

    Args:
        vcpu: whose code it is.
        samples: of all vCPUs.
        cache: the block cache, for the pages and their versions.
        arena: where the code is.
        code: finds the code of a page.
        jumps: the jump table; what it has is forgotten so that better code is found.
        link: to the translator.
    """

    def __init__(
        self,
        vcpu: int,
        samples: Samples,
        cache: BlockCache,
        arena: Arena,
        code: PageCode,
        jumps: JumpTable,
        link: TranslatorLink,
    ) -> None:
        self.vcpu, self.samples, self.cache, self.arena = vcpu, samples, cache, arena
        self.code, self.jumps, self.link = code, jumps, link
        self.met: set[tuple[Identity, PageOffset]] = set()
        self.awaited: dict[Identity, PageVersion] = {}
        self.reclaimed, self.cleared = 0, arena.reclaimed
        self.news = arena.renewed(0)[0]

    def forget_jumps(self) -> None:
        """Forget jumps to where the arena has better code; all, if it has lost some."""
        reclaimed = self.arena.reclaimed
        self.news, slots = self.arena.renewed(self.news)
        if slots is None or reclaimed != self.cleared:
            self.cleared = reclaimed
            self.jumps.clear()
            return
        for slot in slots:
            self.jumps.drop(slot)

    def wake_translator(self) -> None:
        """Wake the translator, which sleeps while there are samples; one vCPU does."""
        if self.samples.asleep:
            self.samples.asleep = False
            self.link.wake()

    def answer(self) -> None:
        """Answer the translator's question if it has one."""
        pc = self.samples.question(self.vcpu)
        if pc is not None:
            self._describe(pc)

    def _describe(self, pc: Virtual) -> None:
        """Tell of a place. Better code is looked for first, as it may have been made just now."""
        self._forget_what_is_gone()
        page = self.cache.page_of(physical_of(Virtual(pc & ~TRANSLATED_PLACE)))
        place = offset_in_page(pc)
        version = self.code.version_for_better(page, bool(pc & TRANSLATED_PLACE))
        if version is None:
            self.link.describe(pc, None, False)
            return
        self.code.meet_kept_code(version)
        better = self.code.find_best(version, place) is not None
        if better and (version.identity, place) not in self.met:
            self.met.add((version.identity, place))
            self.code.meet_better_code(version)
            self.jumps.drop(version.slot)
            self.link.describe(pc, None, False)
            return
        specialised = self.code.specialised(version)
        self.code.prefer(specialised, version)
        self.code.meet_kept_code(specialised)
        self.awaited[version.identity] = version
        self.link.describe(pc, specialised, better)

    def _forget_what_is_gone(self) -> None:
        if self.reclaimed != self.arena.reclaimed:
            self.reclaimed = self.arena.reclaimed
            self.met.clear()

    def meet_better_code(self) -> None:
        """Look whether the better code is there of the pages that were asked for."""
        for identity, version in list(self.awaited.items()):
            there = self.cache.ram_range.start_of(version.page)
            outdated = self.code.weave.page(version.start, there)[1] != version.shape
            if outdated or self.code.meet_better_code(version):
                del self.awaited[identity]
