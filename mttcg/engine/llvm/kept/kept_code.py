"""Kept code as the vCPUs use it: which functions fit a page, and how they are put in place."""

import ctypes
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.kept.image import NUMBERS, KeptImage, Span
from mttcg.engine.llvm.kept.layout import KeptWord
from mttcg.engine.llvm.kept.record import NO_TAIL, KeptFunction
from mttcg.engine.llvm.kept.variant import variant_of
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.translate import Identity, PageVersion
from mttcg.instrument.native.native_functions import native_address
from mttcg.memory.address import HostAddress, PageOffset
from mttcg.memory.code_pages import HALVES
from mttcg.memory.host import address_of_array
from mttcg.tbcache.cache import BlockCache

NATIVE = "mttcg.engine.llvm.kept.native"
NATIVE_SLOTS = "mttcg.engine.llvm.kept.native_slots"
MOST_PLACES = 32
"""Of a page, with something attached, for kept code to be looked for."""
FIND = ctypes.CFUNCTYPE(ctypes.c_uint64, *5 * NUMBERS)
PUT = ctypes.CFUNCTYPE(ctypes.c_uint64, *6 * NUMBERS)
CODES = BEGIN = ctypes.CFUNCTYPE(None, *3 * NUMBERS)
Codes = npt.NDArray[np.uint64]
Places = npt.NDArray[np.uint16]


def fits(function: KeptFunction, halves: Places, tail: int) -> bool:
    """Whether a page has all that a function is made from; tail: what the next page has.

    Native code says so for many (`find` in `native.py`); a test compares.
    """
    same: bool = (halves[function.places] == function.halves).all()
    return same and function.tail in (NO_TAIL, tail)


@dataclass
class KeptCode:
    """What earlier runs kept.

    Attributes:
        image: the functions.
        refused: how many records were not taken.
    """

    image: KeptImage
    refused: int = 0

    @cached_property
    def identities(self) -> set[bytes]:
        """Of all functions."""
        return self.image.identities()


def _is_busy(version: PageVersion) -> bool:
    """Whether so much is attached to places that to name it takes longer than what it is for."""
    return len(version.sites.blocks) + len(version.sites.instructions) > MOST_PLACES


class FittingCode:
    """Finds the functions that fit versions of pages.

    Args:
        kept: the code.
        ram: guest RAM, with devices.
        cache: the block cache.
    """

    def __init__(self, kept: KeptCode, ram: Ram, cache: BlockCache) -> None:
        self.image, self.ram, self.cache = kept.image, ram, cache
        self.variants: dict[tuple[int, int], int] = {}
        self.words = self.image.words.copy()
        self.address = address_of_array(self.words)
        self.within = np.zeros_like(self.image.within)
        self.found = np.zeros(len(self.image.rows), np.uint64)
        arrays: dict[KeptWord, npt.NDArray[Any]] = {
            KeptWord.FOUND: self.found,
            KeptWord.WITHIN: self.within,
            KeptWord.ORIGINAL: cache.original,
            KeptWord.SLOTS: cache.slots,
            KeptWord.KEPT: cache.kept,
            KeptWord.USED: cache.used.numbers,
        }
        for word, array in arrays.items():
            self.words[word] = address_of_array(array) if array.size else 0
        self.native_find = FIND(native_address(NATIVE, "find"))
        self.native_slots = FIND(native_address(NATIVE_SLOTS, "find_slots"))

    def find(self, version: PageVersion) -> int:
        """How many functions fit, which are in `found`; what they are made from is kept then."""
        first, count = self._functions(version)
        if not count:
            return 0
        with self.cache.lock:
            where = version.slot, version.generation
            found: int = self.native_find(self.address, *where, first, count)
        return found

    def slots(self, begin: int, end: int, plain: PageVersion, translated: PageVersion) -> list[int]:
        """Which of the slots from `begin` to `end` are fetched from and some function fits.

        plain, translated: versions of any page, with what is attached to all.
        """
        spans = [self._functions(version) for version in (plain, translated)]
        if begin == end or not any(count for _, count in spans):
            return []
        variants, found = np.array(spans, np.uint64), np.zeros(end - begin, np.uint64)
        places = address_of_array(variants), address_of_array(found)
        count: int = self.native_slots(self.address, begin, end, *places)
        return [int(slot) for slot in found[:count]]

    def _functions(self, version: PageVersion) -> Span:
        """The number of the first function of a version's variant, and how many there are."""
        return self.image.variants.get(self._variant(version), (0, 0))

    def leaders(self, version: PageVersion) -> frozenset[PageOffset]:
        """The leaders that are in kept code that fits a version."""
        numbers = self.found[: self.find(version)].tolist()
        found = (self.image.halves(number, "leaders", "leader_count") for number in numbers)
        return frozenset(PageOffset(at) for leaders in found for at in leaders.tolist())

    def _variant(self, version: PageVersion) -> int:
        key = version.mode, version.shape
        if key not in self.variants:
            self.variants[key] = variant_of(version.mode, version.sites, self.ram)
        return self.variants[key]


class KeptPages:
    """Puts kept code in place for pages, as a vCPU meets them.

    Args:
        kept: the code.
        ram: guest RAM, with devices.
        cache: the block cache.
        arena: where code goes.
        interpreter: what `PageInterpreter.native_words` says; nothing where none runs.

    Attributes:
        met: the versions that were looked at here.
        slots: those that any of these were in.
    """

    def __init__(
        self,
        kept: KeptCode,
        ram: Ram,
        cache: BlockCache,
        arena: Arena,
        interpreter: Mapping[str, int],
    ) -> None:
        self.fitting, self.arena = FittingCode(kept, ram, cache), arena
        self.is_empty = not kept.image.variants
        self.met: set[Identity] = set()
        self.slots: set[int] = set()
        self.reclaimed = arena.reclaimed
        for word, value in {**arena.native_words(), **interpreter}.items():
            self.fitting.words[KeptWord[word]] = value
        self.native_put = PUT(native_address(NATIVE, "put_found"))
        self.native_codes = CODES(native_address(NATIVE, "put_codes"))
        self.native_begin = BEGIN(native_address(NATIVE, "begin_in_code"))

    def meet(self, version: PageVersion) -> Codes | None:
        """Put the code in place that fits a version; None if there is none that is new here.

        Else the code of each place in the page, 0 where there is none: all that there is.
        """
        if self.reclaimed != self.arena.reclaimed:
            self.reclaimed = self.arena.reclaimed
            self.met.clear()
        identity = version.identity
        if self.is_empty or identity in self.met or _is_busy(version):
            return None
        self.met.add(identity)
        self.slots.add(version.slot)
        found = self.fitting.find(version)
        return self._put(version, found) if found else None

    def put_codes(self, version: PageVersion, codes: Codes) -> None:
        """Put the addresses of a version's code to its places; as `Arena.addresses`, for all."""
        self.native_codes(self.fitting.address, version.first_key, address_of_array(codes))

    def begin(self, records: HostAddress, codes: Codes) -> None:
        """Have the blocks of records begin in their code, where `codes` has some."""
        self.native_begin(self.fitting.address, records, address_of_array(codes))

    def _put(self, version: PageVersion, count: int) -> Codes:
        """Put what was found in the arena, unless another vCPU has; all code of the version."""
        fitting, image, done = self.fitting, self.fitting.image, 0
        last = image.halves(int(fitting.found[count - 1]), "entries", "entry_count")
        codes = np.zeros(HALVES, np.uint64)
        where = version.slot, version.first_key, address_of_array(codes)
        with self.arena:
            there = self.arena.find(version.key(PageOffset(int(last[0])))) is not None
            while not there and done < count:
                done = self.native_put(fitting.address, done, count, *where)
                if done < count and image.rows["size"][fitting.found[done]] > self.arena.most_bytes:
                    done += 1  # it fits no region
                elif done < count:
                    self.arena.go_on_in_next_region()
        if there or self.reclaimed != self.arena.reclaimed:
            codes[:] = 0
            self.put_codes(version, codes)
        return codes
