"""From a page of the block cache to code in the arena, under keys by which it is found."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.arena_layout import KEY_BIT, KEY_MASK, KEY_STEP
from mttcg.engine.llvm.compile import OPTIMISED, compile_relocatable
from mttcg.engine.llvm.discovery import Discovery
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.page import PageFunction
from mttcg.engine.llvm.places import SLOT_SYMBOL, SLOT_TABLE_SYMBOL
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.weave import Sites
from mttcg.memory.address import PageOffset, PhysicalPage, Virtual
from mttcg.memory.code_pages import HALVES
from mttcg.native.object_file import Relocatable
from mttcg.tbcache.cache import BlockCache

MANY_VERSIONS = 8
"""A page that had so many is taken for one that changes all the time."""
LARGEST_PIECE = 128
"""Instructions of a function and all that it calls, to be translated together."""
MANY_MORE = 1.25
"""Times as many blocks known: functions are looked for anew."""
Identity: TypeAlias = tuple[int, int, int, int]


def in_mode(isa_mode: int, translated: bool) -> int:
    """The mode of a version: one of the ISA's, and whether addresses are translated."""
    return isa_mode << 1 | translated


@dataclass(frozen=True)
class PageVersion:
    """What a page's code depends on: its content, and what is woven in; not where it is mapped.

    Attributes:
        page: of RAM.
        slot: of the block cache.
        generation: of the slot.
        mode: in which it is run, see `in_mode`.
        sites: what is attached there.
        shape: of the sites.
        start: where the vCPU sees the page, on which its code does not depend.
    """

    page: PhysicalPage
    slot: int
    generation: int
    mode: int
    sites: Sites
    shape: int
    start: Virtual = field(default=Virtual(0), compare=False)

    @property
    def identity(self) -> Identity:
        """What tells it from others."""
        return self.slot, self.generation, self.mode, self.shape

    @property
    def translated(self) -> bool:
        """Whether it is for translated addresses."""
        return bool(self.mode & 1)

    def key(self, entry: PageOffset) -> int:
        """Of the code that begins there; the same in all processes of a machine, and not 0."""
        return self.first_key + entry * KEY_STEP & KEY_MASK | KEY_BIT

    @property
    def first_key(self) -> int:
        """What its keys are made from."""
        return hash(self.identity) & KEY_MASK

    def keys(self, entries: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """The keys of several."""
        first, step = np.uint64(self.first_key), np.uint64(KEY_STEP)
        return entries * step + first & np.uint64(KEY_MASK) | np.uint64(KEY_BIT)

    def to_plain(self) -> dict[str, Any]:
        """For a message between processes."""
        return vars(self) | {"sites": self.sites.to_plain()}

    @classmethod
    def from_plain(cls, plain: dict[str, Any]) -> "PageVersion":
        """Back from `to_plain`, through JSON."""
        return cls(**plain | {"sites": Sites.from_plain(plain["sites"])})


class CodePart(NamedTuple):
    """Code of a page, or of a part of it.

    Attributes:
        code: to be placed anywhere, for any slot.
        entries: where in the page it can begin.
        emitted: the leaders that are in it.
        left: those that it goes to and that are not.
        within: of each place of the page, whether it is in a block that is in it.
    """

    code: Relocatable
    entries: frozenset[PageOffset]
    emitted: frozenset[PageOffset]
    left: frozenset[PageOffset]
    within: npt.NDArray[np.bool_]


Keep: TypeAlias = Callable[[PageVersion, Discovery, CodePart], None]


def keep_nothing(version: PageVersion, discovery: Discovery, part: CodePart) -> None:
    """Where no code is kept for later runs."""


def numbers_of_slot(slot: int) -> dict[str, int]:
    """What the symbols in code are, for a page in a slot."""
    return {SLOT_SYMBOL: slot, SLOT_TABLE_SYMBOL: slot * 8 * HALVES}


class Translator:
    """Makes code of pages.

    Args:
        isa: the guest's.
        ram: guest RAM.
        cache: where the pages' content is.
        arena: where the code goes.

    Attributes:
        uncovered: names of instructions to do without, for tests of what happens then.
        keep: told of all that was made, for later runs.
        starts: with how many blocks functions of a page were looked for, and where they begin.
    """

    uncovered: frozenset[str] = frozenset()

    def __init__(self, isa: LlvmIsa, ram: Ram, cache: BlockCache, arena: Arena) -> None:
        self.isa, self.ram, self.cache, self.arena = isa, ram, cache, arena
        self.keep: Keep = keep_nothing
        self.starts: dict[tuple[int, int], tuple[int, frozenset[PageOffset]]] = {}

    def discover(
        self,
        page: PhysicalPage,
        slot: int,
        entries: Sequence[PageOffset],
        follow: bool = True,
        calls: bool = True,
        elsewhere: Callable[[PageOffset], bool] = lambda leader: False,
    ) -> Discovery:
        """What can be reached in a page from some offsets, see `Discovery`.

        Of a page that changes all the time it is only the blocks there: most of the rest would
        not be run before the page changes again.
        """
        return Discovery(
            self.cache.code,
            lambda offset: self.cache.half_at(page, slot, offset),
            entries,
            follow=follow and int(self.cache.slots["age"][slot]) < MANY_VERSIONS,
            calls=calls,
            elsewhere=elsewhere,
        )

    def compile(self, version: PageVersion, discovery: Discovery) -> CodePart:
        """The code of what was discovered, as much of it as is translated at a time.

        Raises TranslationError.
        """
        parts = self.isa, discovery, self.ram, version.sites, self.uncovered
        function = PageFunction(*parts, version.translated)
        code = compile_relocatable(function.source(), OPTIMISED)
        within = np.zeros(HALVES, dtype=np.bool_)
        for leader in function.emitted:
            within[leader // 2 : (leader + discovery.extents[leader][1]) // 2] = True
        emitted = frozenset(function.emitted)
        return CodePart(code, function.entries, emitted, function.left, within)

    def publish(self, version: PageVersion, part: CodePart) -> None:
        """Put code in the arena and make it known. Under the arena's lock.

        Raises CodeTooLongError.
        """
        placed = part.code.placed(numbers_of_slot(version.slot))
        address = self.arena.put(placed, part.within)
        for entry in part.entries:
            self.arena.publish(version.key(entry), address)
        self.arena.tell_of(version.slot)

    def optimise(
        self, version: PageVersion, place: PageOffset | None = None
    ) -> frozenset[PageOffset]:
        """Make the best code of a page; the leaders in it.

        There are none if it is another page by now, or was done before. place: an offset whose
        function alone is wanted, which takes less time; None: all that is known of the page. It is
        compiled without the lock, so that vCPUs can go on. Raises TranslationError and
        CodeTooLongError.
        """
        entries = [PageOffset(offset) for offset in self.cache.known_blocks(version.slot)]
        done = place is not None and self.arena.find(version.key(place)) is not None
        emitted: frozenset[PageOffset] = frozenset()
        if done or not entries or not self.is_current(version):
            return emitted
        if place is None:
            discovery = self.discover(version.page, version.slot, entries)
        else:
            discovery = self._function(version, entries, place)
        words = {int(found.offset): found.word for found in discovery.instructions.values()}
        if not self.cache.keep(version.slot, words):
            return emitted
        while discovery.leaders - discovery.elsewhere:
            part = self.compile(version, discovery)
            if not part.emitted:
                break  # what is left begins with an instruction that ends in the next page
            with self.arena:
                if not self.is_current(version):
                    return frozenset()
                self.publish(version, part)
            self.keep(version, discovery, part)
            emitted |= part.emitted
            discovery.elsewhere |= part.emitted
            discovery.wanted |= part.left
        return emitted

    def _function(
        self, version: PageVersion, entries: Sequence[PageOffset], place: PageOffset
    ) -> Discovery:
        """The function that a place is in, with what it calls unless that is much."""
        starts = self._starts(version, entries)
        begins = max((start for start in starts if start <= place), default=place)
        found = self.discover(version.page, version.slot, [place, begins])
        if len(found.instructions) > LARGEST_PIECE:
            found = self.discover(version.page, version.slot, [place, begins], calls=False)
        found.wanted = frozenset({place, begins})
        return found

    def _starts(self, version: PageVersion, entries: Sequence[PageOffset]) -> frozenset[PageOffset]:
        """Where functions of a page begin, looked for anew when many more blocks are known."""
        content = version.slot, version.generation
        known, starts = self.starts.get(content, (0, frozenset()))
        if len(entries) > MANY_MORE * known:
            page = self.discover(version.page, version.slot, entries)
            starts = page.called() | page.from_elsewhere()
            self.starts[content] = len(entries), starts
        return starts

    def is_current(self, version: PageVersion) -> bool:
        """Whether its slot still has its content."""
        return int(self.cache.slots["generation"][version.slot]) == version.generation
