"""The native interpreter as one vCPU uses it."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mttcg.engine.base import Memory
from mttcg.engine.llvm.followed_counters import followed_counters
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.address_translation import AddressTranslation
from mttcg.engine.llvm.interpreter.counted_pages import CountedPages, only_counts
from mttcg.engine.llvm.interpreter.decoding import decoding_table
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa, interpreted_isa
from mttcg.engine.llvm.interpreter.native import InterpreterFunctions, load
from mttcg.engine.llvm.interpreter.native_system import DeviceTables, InterpretedSystem, set_clock
from mttcg.engine.llvm.interpreter.observed_native import load_observed
from mttcg.engine.llvm.interpreter.observed_pages import ObservedPage
from mttcg.engine.llvm.interpreter.plain_ram import ram_words
from mttcg.engine.llvm.jump_table import JumpTable
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.translate import PageVersion
from mttcg.engine.llvm.weave import Sites, packed
from mttcg.engine.llvm.woven_plan import Weave
from mttcg.instrument.events import WRITE
from mttcg.isa.base import Isa
from mttcg.memory.address import (
    HostAddress,
    PageOffset,
    PhysicalPage,
    Virtual,
    physical_of,
    virtual_of,
)
from mttcg.memory.host import address_of_array, address_of_buffer
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.changes import GIVEN_UP, OBSERVED, PageChanges
from mttcg.tbcache.predecoded import PredecodedPages


def make_interpreter(
    isa: Isa,
    segment: memoryview,
    memory: Memory,
    cache: BlockCache,
    ram: Ram,
    frame: "np.ndarray[Any, np.dtype[np.uint64]]",
    uncovered: frozenset[str],
) -> "PageInterpreter":
    """The interpreter of one vCPU; see PageInterpreter."""
    interpreted = interpreted_isa(isa)
    set_clock(frame, memory.clock_origin, memory.timebase)
    parts = segment, cache, ram, frame, uncovered
    interpreter = PageInterpreter(interpreted, load(interpreted), *parts)
    if memory.devices is not None and interpreter.system is not None:
        interpreter.devices = DeviceTables(frame, memory.devices)
    return interpreter


NOWHERE = (1 << 64) - 1
"""No page begins there."""
Codes: TypeAlias = npt.NDArray[np.uint64]
BeginInCode: TypeAlias = Callable[[HostAddress, Codes], None]
"""Has the blocks of the records at an address begin in their code, where there is some."""
MOST_OBSERVED = 4096
"""Pages with something attached that are kept; the memory of one is 144 KB at most."""

OF_JUMPS = ("transfer", "after_jump")
"""Kinds of rows that are told only of what always goes elsewhere."""


def plan_words(weave: Weave) -> dict[Word, int]:
    """What the frame has of a plan, beside its rows and emitters."""
    every = weave.everywhere
    first = every.every_block[0].number if every.every_block else 0
    return {
        Word.EVERY_BLOCK: packed(every.every_block),
        Word.EVERY_INSTRUCTION: packed(every.every_instruction),
        Word.EVERY_ACCESS: packed(every.every_access),
        Word.EVERY_RETIRED: packed(every.every_retired),
        Word.TOLD_OF_ALL: any(row.kind not in OF_JUMPS for row in every.every_retired),
        Word.ENTRY_TABLE: int(weave.rows.table[first, 1]),
        Word.COUNTED_MASK: int(weave.rows.scopes[first, 0]),
        Word.COUNTED_THERE: int(weave.rows.scopes[first, 1]),
        Word.HOW_MASK: (1 << 64) - 1 if every.every_order else WRITE,
    }


class PageInterpreter:
    """Has pages run by the interpreter.

    Args:
        isa: the guest's.
        native: its handlers.
        segment: for predecoded pages, mapped.
        cache: the block cache, for the pages and their versions.
        ram: guest RAM.
        frame: of the vCPU's translated code.
        uncovered: names of instructions to come back for, as if the table lacked them.
    """

    def __init__(
        self,
        isa: InterpretedIsa,
        native: InterpreterFunctions,
        segment: memoryview,
        cache: BlockCache,
        ram: Ram,
        frame: "np.ndarray[Any, np.dtype[np.uint64]]",
        uncovered: frozenset[str] = frozenset(),
    ) -> None:
        self.isa, self.frame = isa, frame
        self.observed_pages = 0
        self.checked: set[PhysicalPage] = set()  # that protection split once
        self.observed: dict[Virtual, dict[tuple[int, ...], ObservedPage]] = {}
        self.native, self.start = native, address_of_buffer(segment)
        records = native.table, native.fill, native.next_page, native.straddle
        self.pages = self.plain = PredecodedPages(segment, cache, *records)
        self.counted: CountedPages | None = None
        self.decoding = np.frombuffer(decoding_table(isa, uncovered) if uncovered else b"", "u1")
        self.table = np.zeros(len(cache.newest), dtype=np.uint64)
        self.seen, self.seen_at = np.zeros_like(self.table), np.full_like(self.table, NOWHERE)
        self.on_seen: Callable[[PhysicalPage, int], None] = lambda page, shape: None
        self.addresses: AddressTranslation | None = None
        self.weave, self.watched = Weave(), False
        frame[Word.TAKE_OVER], frame[Word.RESUME] = native.take_over, native.resume
        frame[Word.ATTEND], frame[Word.DUE] = native.attend, native.due
        arrays = {
            Word.PAGES: self.table,
            Word.CODE: cache.original,
            Word.SLOTS: cache.slots,
            Word.MET: cache.met,
            Word.SEEN: self.seen,
            Word.SEEN_AT: self.seen_at,
        }
        for word, array in arrays.items():
            frame[word] = address_of_array(array)
        frame[Word.DECODING] = address_of_array(self.decoding) if uncovered else native.decoding
        frame[Word.ENTER] = native.enter
        for word, value in ram_words(ram).items():
            frame[word] = value
        self.system = InterpretedSystem(frame) if native.attend else None
        self.devices: DeviceTables | None = None

    def apply(self, weave: Weave) -> None:
        """Put a plan in force of which anything may be another."""
        self.weave = weave
        self.observed.clear()
        self.observed_pages = 0
        self._choose_pages(only_counts(weave.everywhere) and not self.frame[Word.TURNS])
        self.forget_pages()
        for word, value in plan_words(weave).items():
            self.frame[word] = value
        self.use_rows()

    def _choose_pages(self, counted: bool) -> None:
        """Use pages with handlers that count, or such as all vCPUs share."""
        self.frame[Word.COUNTED] = 0
        self.pages, self.start = self.plain, self.plain.start
        cache = self.plain.cache
        cache.left = lambda slot: None
        if counted:
            shared = self.plain.start
            if self.counted is None:
                parts = self.isa, self.native, shared, cache, self.frame
                self.counted = CountedPages(*parts)
            self.counted.drop_all()
            cache.left = self.counted.drop
            self.pages, self.start = self.counted, self.counted.start
            self.frame[Word.COUNTED] = self.counted.entered

    def follow(
        self, start: Virtual, sites: Sites, changed: Iterable[PageOffset]
    ) -> Iterator[PhysicalPage]:
        """Put a change of the plan in force in pages that are seen at an address; which they are.

        sites: what is attached there now. changed: the places at which that is new.
        """
        for observed in self.observed.get(start, {}).values():
            observed.follow(sites, changed)
        return self._come_back_for(start, bool(sites))

    def use_rows(self) -> None:
        """Use the rows of the plan as it is by now; the tables have another place if they grew."""
        if not self.frame[Word.FETCHED_BY_HOST] and self._is_by_host:
            self.forget_pages()
        rows = self.weave.rows
        self.emitters = np.array([len(rows.emitters), *rows.emitters], dtype=np.uint64)
        self.frame[Word.ROWS] = address_of_array(rows.table)
        self.frame[Word.WAYS] = address_of_array(rows.ways)
        self.frame[Word.SCOPES] = address_of_array(rows.scopes)
        self.followed = followed_counters(self.weave.plan.counters)
        self.frame[Word.FOLLOWED] = address_of_array(self.followed)
        self.frame[Word.EMITTERS] = address_of_array(self.emitters) if rows.emitters else 0

    def _come_back_for(self, start: Virtual, attached: bool) -> Iterator[PhysicalPage]:
        """The pages that are seen at an address, come back for unless they are observed ones.

        attached: whether anything is.
        """
        plain = self.pages.cache.page_of(physical_of(start))
        if self.pages.cache.ram_range.has_page(plain):
            if not (attached and self.table[plain] & np.uint64(OBSERVED)):
                self.table[plain] = 0
            yield plain
        for page in np.flatnonzero(self.seen_at == start).tolist():
            if not (attached and self.seen[page] & np.uint64(OBSERVED)):
                self.seen[page] = 0
            yield PhysicalPage(page)

    def let_enter(
        self,
        version: PageVersion,
        offset: PageOffset,
        watched: bool,
        start: Virtual | None = None,
    ) -> None:
        """Let a block at an offset in a page be entered; `watched` if it has been shown.

        start: where the hart sees the page, if its pc is translated.
        """
        slot, observed = version.slot, self.prepare(version, watched, start)
        if observed is not None:
            observed.let_enter(offset)
        elif self.pages.handler(slot, offset) == self.native.translated:
            self.pages.restore_handler(slot, offset)  # its code is gone

    def prepare(
        self, version: PageVersion, watched: bool, start: Virtual | None = None
    ) -> ObservedPage | None:
        """Have a page run with what is attached to it; what it is then if that is anything."""
        page, slot = version.page, version.slot
        observed = self._observed(version, watched)
        row = self.start + self.pages.enter(slot) if observed is None else observed.row
        if start is None or not self.frame[Word.FETCHED_BY_HOST]:
            self.table[page], self.seen[page] = row, 0
        else:
            self._put_seen(version, start, row)
        return observed

    def _put_seen(self, version: PageVersion, start: Virtual, row: int) -> None:
        """Have a page run where the hart sees it, and nowhere else."""
        page = version.page
        if self.seen_at[page] not in (start, NOWHERE) and self.addresses is not None:
            self.addresses.drop()  # rows of where it was seen before
        # what is known in one place alone is left to Python where the page has changed
        self.table[page], self.seen[page], self.seen_at[page] = 0, row, start
        self.on_seen(page, version.shape)

    def _observed(self, version: PageVersion, watched: bool) -> ObservedPage | None:
        """The page for what is attached to it, or one that is checked; None if it is neither."""
        sites, checked = version.sites, version.page in self.checked
        is_shared = not sites or (self.frame[Word.COUNTED] and not sites.at_places)
        if is_shared and not watched and not checked:
            return None
        start = self._observed_from(version)
        here = self.observed.setdefault(start, {})
        key = version.slot, version.generation, watched, checked
        if key not in here:
            if self.observed_pages >= MOST_OBSERVED:
                self.observed.clear()
                self.observed_pages = 0
                self.forget_pages()
                here = self.observed.setdefault(start, {})
            self.observed_pages += 1
            self.pages.cache.keep_all(version.slot)  # its records are for this vCPU alone to know
            native = load_observed(self.isa)
            self.frame[Word.PREDECODE_OBSERVED] = native.predecode
            self.frame[Word.ENTERED] = native.entered
            here[key] = ObservedPage(native, version.sites, version.slot, watched, checked)
        return here[key]

    def _observed_from(self, version: PageVersion) -> Virtual:
        """Where an observed page is known by: where it is seen only if that matters."""
        if self.frame[Word.FETCHED_BY_HOST]:
            return version.start
        return virtual_of(self.pages.cache.ram_range.start_of(version.page))

    def decoded(self, version: PageVersion, watched: bool) -> list[int]:
        """Offsets at which blocks may be begun without being met, as there is a record."""
        observed = self._observed(version, watched)
        return self.pages.decoded(version.slot) if observed is None else []

    def leave_to_translation(
        self, version: PageVersion, offsets: Iterable[PageOffset], watched: bool
    ) -> None:
        """Have blocks at some offsets of a page entered in their translation."""
        observed = self._observed(version, watched)
        for offset in offsets:
            if observed is not None:
                observed.leave_to_translation(offset)
            else:
                self.pages.replace_handler(version.slot, offset, self.native.translated)

    def begin_in_translation(
        self, version: PageVersion, codes: Codes, watched: bool, begin: BeginInCode
    ) -> None:
        """As `leave_to_translation`, also where no block was begun yet.

        codes: of each place in the page, its code, or 0. begin: does it for records.
        """
        observed = self._observed(version, watched)
        if observed is None:
            begin(HostAddress(self.start + self.pages.enter(version.slot)), codes)
            return
        for place in np.flatnonzero(codes).tolist():
            observed.begin_in_translation(PageOffset(2 * place))

    def native_words(self) -> dict[str, int]:
        """What native code has to know to have blocks begin in code, see `kept.layout`."""
        return {
            "FRAME": address_of_array(self.frame),
            "PREDECODE": self.native.predecode,
            "EMPTY": self.native.fill,
            "TRANSLATED": self.native.translated,
            "STRADDLING": self.native.straddle,
        }

    @property
    def _is_by_host(self) -> bool:
        """Whether the host is to see at which address a page is fetched, as it matters."""
        return self.watched or self.weave.plan.is_at_virtual

    def forget_pages(self) -> None:
        """Come back for every page: something else may be attached."""
        self.table[:] = self.seen[:] = 0
        self.seen_at[:] = NOWHERE
        self.frame[Word.FETCHED_BY_HOST] = self._is_by_host
        if self.addresses is not None:
            self.addresses.drop()
        self._leave_to_native()

    def forget_page(self, page: PhysicalPage) -> None:
        """Come back for a page: another version is fetched."""
        self.table[page] = self.seen[page] = 0

    def fetch_natively(self, changes: PageChanges, jumps: JumpTable) -> None:
        """Have pages fetched natively, new and changed ones, if something can do that by now."""
        if changes.native is not None:
            table = address_of_array(self.table)
            changes.enter_natively(self.pages.for_native(table, jumps.versions))
            self.frame[Word.FETCH], self.frame[Word.FETCH_ARGUMENT] = changes.native
            self._leave_to_native()

    def _leave_to_native(self) -> None:
        """Come back no more for pages that are not fetched from, if none is an observed one."""
        fetches = self.addresses is not None and bool(self.frame[Word.FETCH])
        plan = self.weave.plan
        counted = bool(self.frame[Word.COUNTED]) and not (plan.is_at_virtual or plan.is_at_physical)
        if fetches and not self.watched and (counted or not plan.is_anywhere):
            unused = self.pages.cache.used.numbers == 0
            self.table[unused & (self.table == 0)] = GIVEN_UP
