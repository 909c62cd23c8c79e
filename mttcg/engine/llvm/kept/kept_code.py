"""Kept code as the vCPUs use it: which functions fit a page, and how they are put in place."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.arena import Arena, CodeTooLongError
from mttcg.engine.llvm.kept.record import FIRST, NO_TAIL, KeptFunction
from mttcg.engine.llvm.kept.variant import variant_of
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.translate import Identity, PageVersion, numbers_of_slot
from mttcg.memory.address import PageOffset
from mttcg.memory.code_pages import HALVES
from mttcg.tbcache.cache import BlockCache

WINDOWS = HALVES - FIRST + 1
"""Places in a page at which so many halves begin."""
MOST_PLACES = 32
"""Of a page, with something attached, for kept code to be looked for."""
Places = npt.NDArray[np.uint16]
Numbers = npt.NDArray[np.uint64]


class Candidates:
    """The functions of one variant, and how those that may fit a page are found at once.

    Each has a number for its first halves, and how many of them belong to it.
    """

    def __init__(self, functions: Sequence[KeptFunction]) -> None:
        self.functions = functions
        self.at = np.array([int(one.places[0]) for one in functions], np.intp)
        masks, numbers = zip(*map(_first_halves, functions), strict=True)
        self.masks, self.numbers = np.array(masks, np.uint64), np.array(numbers, np.uint64)

    def likely(self, halves: Places) -> list[KeptFunction]:
        """Those that may fit a page."""
        padded = np.concatenate((halves, np.zeros(FIRST, np.uint16)))
        windows = np.ndarray((HALVES,), "<u8", padded, strides=(2,))
        likely = np.flatnonzero((windows[self.at] & self.masks) == self.numbers)
        return [self.functions[number] for number in likely.tolist()]


def fits(function: KeptFunction, halves: Places, tail: int) -> bool:
    """Whether a page has all that a function is made from; tail: what the next page has."""
    same: bool = (halves[function.places] == function.halves).all()
    return same and function.tail in (NO_TAIL, tail)


def _within(function: KeptFunction) -> npt.NDArray[np.bool_]:
    """The places of a page that a function is made from."""
    within = np.zeros(HALVES, np.bool_)
    within[function.places] = True
    return within


def _first_halves(function: KeptFunction) -> tuple[int, int]:
    """A mask, and the number of what it leaves of the first halves."""
    first = int(function.places[0])
    mask = number = 0
    for place, half in zip(function.places[:FIRST], function.halves[:FIRST], strict=True):
        shift = 16 * (int(place) - first)
        if shift < 16 * FIRST:
            mask |= 0xFFFF << shift
            number |= int(half) << shift
    return mask, number


@dataclass
class KeptCode:
    """What earlier runs kept.

    Attributes:
        functions: by variant.
        refused: how many records were not taken.
        identities: of all.
    """

    functions: dict[int, list[KeptFunction]] = field(default_factory=dict)
    refused: int = 0
    identities: set[bytes] = field(default_factory=set)

    @classmethod
    def of(cls, functions: Iterable[KeptFunction], refused: int) -> "KeptCode":
        """What a file has."""
        found = cls(refused=refused)
        for function in functions:
            if function.identity not in found.identities:
                found.identities.add(function.identity)
                found.functions.setdefault(function.variant, []).append(function)
        return found


def _is_busy(version: PageVersion) -> bool:
    """Whether so much is attached to places that to name it takes longer than what it is for."""
    return len(version.sites.blocks) + len(version.sites.instructions) > MOST_PLACES


class KeptPages:
    """Puts kept code in place for pages, as a vCPU meets them.

    Args:
        kept: the code.
        ram: guest RAM, with devices.
        cache: the block cache.
        arena: where code goes.

    Attributes:
        met: the versions that were looked at here.
        slots: those that any of these were in.
    """

    def __init__(self, kept: KeptCode, ram: Ram, cache: BlockCache, arena: Arena) -> None:
        self.ram, self.cache, self.arena = ram, cache, arena
        self.candidates = {
            variant: Candidates(functions) for variant, functions in kept.functions.items()
        }
        self.variants: dict[tuple[int, int], int] = {}
        self.met: set[Identity] = set()
        self.slots: set[int] = set()
        self.reclaimed = arena.reclaimed

    def meet(self, version: PageVersion) -> bool:
        """Put the code in place that fits a version; whether there is some that is new here."""
        if self.reclaimed != self.arena.reclaimed:
            self.reclaimed = self.arena.reclaimed
            self.met.clear()
        identity = version.identity
        if not self.candidates or identity in self.met or _is_busy(version):
            return False
        self.met.add(identity)
        self.slots.add(version.slot)
        candidates = self.candidates.get(self._variant(version))
        if candidates is None:
            return False
        found = self._fitting(candidates, version)
        return bool(found) and self._put(version, found)

    def leaders(self, version: PageVersion) -> frozenset[PageOffset]:
        """The leaders that are in kept code that fits a version."""
        candidates = self.candidates.get(self._variant(version))
        found = [] if candidates is None else self._fitting(candidates, version)
        return frozenset(PageOffset(at) for one in found for at in one.leaders.tolist())

    def _variant(self, version: PageVersion) -> int:
        key = version.mode, version.shape
        if key not in self.variants:
            self.variants[key] = variant_of(version.mode, version.sites, self.ram)
        return self.variants[key]

    def _fitting(self, candidates: Candidates, version: PageVersion) -> list[KeptFunction]:
        """Functions that fit; what they are made from is kept in the version from then on."""
        slot, cache = version.slot, self.cache
        halves = cache.original[slot].view(np.uint16)
        likely = candidates.likely(halves)
        if not likely:
            return []
        with cache.lock:
            if int(cache.slots["generation"][slot]) != version.generation:
                return []
            tail = int(cache.slots["tail"][slot])
            found = [function for function in likely if fits(function, halves, tail)]
            bits = np.zeros(HALVES, np.uint8)
            for function in found:
                bits[function.places] = 1
            cache.kept[slot] |= np.packbits(bits, bitorder="little")
        return found

    def _put(self, version: PageVersion, found: Sequence[KeptFunction]) -> bool:
        """Put functions in the arena, unless another vCPU has; whether they are there."""
        with self.arena:
            first = PageOffset(int(found[-1].entries[0]))
            if self.arena.find(version.key(first)) is not None:
                return True
            size = 0
            for function in found:
                try:
                    size += self._put_one(version, function)
                except CodeTooLongError:
                    continue
            self.arena.count_kept(len(found), size)
        return True

    def _put_one(self, version: PageVersion, function: KeptFunction) -> int:
        """Put a function in the arena; the bytes of its code. Raises CodeTooLongError."""
        code = function.code.placed(numbers_of_slot(version.slot))
        within = np.zeros(HALVES, np.bool_)
        within[function.places] = True
        address = self.arena.put(code, within)
        for entry in function.entries.tolist():
            self.arena.publish(version.key(PageOffset(entry)), address)
        return len(code)
