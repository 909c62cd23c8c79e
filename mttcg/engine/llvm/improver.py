"""What the translator makes of a hot place: its function, or its whole page, or nothing."""

from collections import defaultdict
from dataclasses import replace
from typing import NamedTuple

from mttcg.engine.llvm.arena import Arena, CodeTooLongError
from mttcg.engine.llvm.heat import Heat
from mttcg.engine.llvm.kept.keeper import Keeper, OpenedStore
from mttcg.engine.llvm.kept.kept_code import FittingCode
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.translate import MANY_VERSIONS, Identity, PageVersion, Translator
from mttcg.memory.address import (
    PageOffset,
    PhysicalPage,
    Virtual,
    offset_in_page,
    page_start,
    physical_of,
)
from mttcg.memory.ram import RamRange
from mttcg.native.object_file import TranslationError
from mttcg.state.samples import TRANSLATED_PLACE
from mttcg.tbcache.cache import BlockCache

PAGE_HEAT = 256
"""Samples at places of a page whose better code was missed, for the whole page to be made anew."""
PAGE_COST = 8
"""How many functions take as long as a page."""
SHARE_OF_A_CHANGING_PAGE = 1 / 16
"""Of the samples in a page that changes all the time: what is made of it is soon of no use."""


class DescribedPlace(NamedTuple):
    """A hot place, as a vCPU has described it.

    Attributes:
        pc: where it is.
        version: of its page, with what is attached there.
        better: whether there is better code for it, which was missed.
        device_pages: those of RAM in which a device lies.
    """

    pc: Virtual
    version: PageVersion
    better: bool
    device_pages: tuple[PhysicalPage, ...]


class Improver:
    """Makes better code of hot places.

    Args:
        isa: the guest's.
        ram_range: where RAM is.
        cache: the pages' content.
        arena: where the code goes.
        heat: of the places; what better code was made for loses it.
        kept: code of earlier runs, and where what is made is kept; None: nowhere.

    Attributes:
        made: leaders that are in code that was made, by their page, until they are met as hot.
        done: what was translated, places and whole pages (None), and with how many blocks.
        described: the last place, by whether addresses were translated there, to whose page nothing
            is attached that is not attached everywhere.
        missed: the last place of each page at which better code was missed.
        kept_leaders: leaders in code of earlier runs, of the pages that were asked about.
    """

    def __init__(
        self,
        isa: LlvmIsa,
        ram_range: RamRange,
        cache: BlockCache,
        arena: Arena,
        heat: Heat,
        kept: OpenedStore | None = None,
    ) -> None:
        self.isa, self.ram_range, self.cache, self.arena = isa, ram_range, cache, arena
        self.heat, self.kept = heat, kept
        self.made: defaultdict[Identity, set[PageOffset]] = defaultdict(set)
        self.done: dict[tuple[Identity, PageOffset | None], int] = {}
        self.missed: dict[Identity, DescribedPlace] = {}
        self.described: dict[bool, DescribedPlace] = {}
        self.translators: dict[tuple[PhysicalPage, ...], Translator] = {}
        self.fitting: dict[tuple[PhysicalPage, ...], FittingCode] = {}
        self.kept_leaders: dict[Identity, frozenset[PageOffset]] = {}
        self.reclaimed = 0

    def improve(self, place: DescribedPlace) -> frozenset[Virtual]:
        """Make better code of a place, unless its page is to be made; the leaders in it."""
        version, offset = place.version, offset_in_page(place.pc)
        self._forget_what_is_gone()
        if not version.sites.at_places and not version.sites.done:
            self.described[version.translated] = place
        changing = int(self.cache.slots["age"][version.slot]) >= MANY_VERSIONS
        if place.better or changing:
            share = SHARE_OF_A_CHANGING_PAGE if changing else 1.0
            self.heat.move(place.pc, version.identity, share)
            self.missed[version.identity] = place
            return frozenset()
        self.heat.take(place.pc)
        if offset in self.made[version.identity]:
            # by now it may run in the code that was made, or come to it soon
            self.made[version.identity].remove(offset)
            return frozenset()
        return self._translate(place, offset)

    def improve_alone(self, pc: Virtual) -> None:
        """Translate a place of which nobody tells any more, as those before it were described.

        Nothing is done where code depends on what a vCPU alone knows, nor where there is some,
        made in this run or kept by one before it.
        """
        translated = bool(pc & TRANSLATED_PLACE)
        last = self.described.get(translated)
        page = self.cache.page_of(physical_of(Virtual(pc & ~TRANSLATED_PLACE)))
        slot = int(self.cache.newest[page]) - 1
        if last is None or slot < 0:
            return
        generation = int(self.cache.slots["generation"][slot])
        version = replace(last.version, page=page, slot=slot, generation=generation)
        offset, place = offset_in_page(pc), last._replace(pc=pc, version=version, better=False)
        if offset not in self.made[version.identity] and offset not in self._kept_leaders(place):
            self._translate(place, offset)

    def _kept_leaders(self, place: DescribedPlace) -> frozenset[PageOffset]:
        """The leaders in the code that earlier runs kept for the page of a place."""
        if self.kept is None:
            return frozenset()
        identity, devices = place.version.identity, place.device_pages
        if identity not in self.kept_leaders:
            if devices not in self.fitting:
                ram = Ram(*self.ram_range, devices)
                self.fitting[devices] = FittingCode(self.kept.kept, ram, self.cache)
            self.kept_leaders[identity] = self.fitting[devices].leaders(place.version)
        return self.kept_leaders[identity]

    def improve_page(self) -> frozenset[Virtual]:
        """Make better code of the page whose better code is missed most; the leaders in it.

        It takes longer than a function, so it has to be as much hotter than all places.
        """
        least = max(PAGE_HEAT, PAGE_COST * self.heat.hottest_place_heat())
        identity = self.heat.hottest_page(least)
        place = self.missed.pop(identity, None) if identity is not None else None
        return frozenset() if place is None else self._translate(place, None)

    def _translate(self, place: DescribedPlace, offset: PageOffset | None) -> frozenset[Virtual]:
        """Translate a place, or the page, unless it was done, as known now."""
        version = place.version
        blocks = len(self.cache.known_blocks(version.slot))
        if blocks in (self.done.get((version.identity, at)) for at in (None, offset)):
            return frozenset()
        self.done[version.identity, offset] = blocks
        try:
            leaders = self._translator(place).optimise(version, offset)
        except (TranslationError, CodeTooLongError):
            return frozenset()  # the vCPUs go on with the code that they have
        self.made[version.identity].update(leaders)
        return frozenset(Virtual(page_start(place.pc) + leader) for leader in leaders)

    def _translator(self, place: DescribedPlace) -> Translator:
        """For RAM with the devices that the vCPU has there: the same for all, so there is one."""
        found = self.translators.get(place.device_pages)
        if found is None:
            ram = Ram(*self.ram_range, place.device_pages)
            found = Translator(self.isa, ram, self.cache, self.arena)
            if self.kept is not None:
                found.keep = Keeper(*self.kept, ram, self.arena).keep
            self.translators[place.device_pages] = found
        return found

    def _forget_what_is_gone(self) -> None:
        if self.reclaimed != self.arena.reclaimed:
            self.reclaimed = self.arena.reclaimed
            self.done.clear()
            self.made.clear()
