"""How hot places are: samples that fade, and which place is the hottest of all."""

from collections import Counter
from collections.abc import Collection
from typing import Any, NamedTuple

import numpy as np

from mttcg.engine.llvm.translate import Identity
from mttcg.memory.address import Virtual

HALF_LIFE = 1 << 12
"""Looks for requests, of all vCPUs and all code, in which samples come to count half."""
LEAST = 0.5
"""Less heat is forgotten."""


class HotPlace(NamedTuple):
    """A place, the vCPU that was there last, and its heat in samples."""

    pc: Virtual
    vcpu: int
    heat: float


class Heat:
    """The heat of places, of all vCPUs together, and of pages whose better code is missed.

    It fades with what the guest does, not with time: a share of the guest's instructions that are
    run in slow code at a place makes a certain heat there, in the long run, whatever else goes on.
    """

    def __init__(self) -> None:
        self.places: dict[Virtual, HotPlace] = {}
        self.pages: dict[Identity, float] = {}
        self.faded = 0
        self.of_all: Counter[Virtual] = Counter()

    def add(self, vcpu: int, pcs: "np.ndarray[Any, np.dtype[np.uint64]]") -> None:
        """Add samples of a vCPU."""
        unique, numbers = np.unique(pcs, return_counts=True)
        for pc, number in zip(unique.tolist(), numbers.tolist(), strict=True):
            before = self.places.get(pc)
            heat = number if before is None else before.heat + number
            self.places[pc] = HotPlace(pc, vcpu, heat)
            self.of_all[pc] += number

    def fade(self, looks: int) -> None:
        """Let what there is fade; `looks`: how many all vCPUs have had in all."""
        halvings = (looks - self.faded) // HALF_LIFE
        if halvings <= 0:
            return
        self.faded += halvings * HALF_LIFE
        rest = 0.5**halvings
        self.places = {
            pc: place._replace(heat=place.heat * rest)
            for pc, place in self.places.items()
            if place.heat * rest >= LEAST
        }
        self.pages = {
            page: heat * rest for page, heat in self.pages.items() if heat * rest >= LEAST
        }

    def hottest(self, least: float, without: Collection[int]) -> HotPlace | None:
        """The hottest place, if it is that hot, of those where certain vCPUs were not the last."""
        known = (place for place in self.places.values() if place.vcpu not in without)
        found = max(known, key=lambda place: place.heat, default=None)
        return found if found is not None and found.heat >= least else None

    def take(self, pc: Virtual) -> float:
        """The heat of a place, which has none any more."""
        place = self.places.pop(pc, None)
        return 0.0 if place is None else place.heat

    def move(self, pc: Virtual, page: Identity, share: float = 1.0) -> None:
        """Make the heat of a place, or a share of it, that of its page."""
        self.pages[page] = self.pages.get(page, 0.0) + share * self.take(pc)

    def hottest_page(self, least: float) -> Identity | None:
        """The page whose better code is missed most, if it is that hot; it has no heat any more."""
        page = max(self.pages, key=self.pages.__getitem__, default=None)
        if page is None or self.pages[page] < least:
            return None
        del self.pages[page]
        return page

    def hottest_of_all(self, least: int) -> list[Virtual]:
        """The places with so many samples in the whole run, the hottest first."""
        return [pc for pc, samples in self.of_all.most_common() if samples >= least]

    def hottest_place_heat(self) -> float:
        """The heat of the hottest place."""
        return max((place.heat for place in self.places.values()), default=0.0)
