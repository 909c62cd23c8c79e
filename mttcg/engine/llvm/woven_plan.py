"""A plan as translated code sees it: which rows stand where, page by page.

A change of the plan costs what it concerns: its place, and what is known of that place's page.
"""

import ctypes
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from mttcg.engine.llvm.row_table import RowTable
from mttcg.engine.llvm.weave import ONCE_EACH, Rows, Sites, shape_of
from mttcg.instrument.native.frames import FLAGS
from mttcg.instrument.plan.plan import EMPTY, Operation, Plan
from mttcg.memory.address import PageOffset, Physical, Virtual, offset_in_page, page_start
from mttcg.memory.code_pages import HALVES

ByOffset = dict[PageOffset, Rows]
ChangedPlaces = Mapping[Virtual, frozenset[PageOffset]]
"""Places at which another thing is attached, by the start of their page."""


class PlacesOfPage:
    """What is attached to places of a page.

    Attributes:
        blocks, instructions: rows by offset.
        sum: of what they add to the page's shape.
    """

    def __init__(self) -> None:
        self.blocks: ByOffset = {}
        self.instructions: ByOffset = {}
        self.sum = 0

    def put(self, kind: str, offset: PageOffset, rows: Rows) -> Rows:
        """Have rows at a place, or none; those that were there."""
        places = self.blocks if kind == "block" else self.instructions
        before = places.pop(offset, ())
        if before:
            self.sum -= shape_of(kind, offset, before)
        if rows:
            places[offset] = rows
            self.sum += shape_of(kind, offset, rows)
        return before


class PhysicalPlaces:
    """What is attached to places by physical address, and by both of their addresses.

    Rows of a place follow one another, so those of a virtual and a physical address that may be
    one place, as they have the same offset in a page, are there once more.

    Args:
        plan: what is attached.
        rows: those of all operations.
    """

    def __init__(self, plan: Plan, rows: RowTable) -> None:
        kinds = {
            "block": (plan.blocks, plan.physical_blocks),
            "instruction": (plan.instructions, plan.physical_instructions),
        }
        self.rows: dict[tuple[str, Physical], Rows] = {}
        self.both: dict[tuple[str, Virtual, Physical], Rows] = {}
        self.pages: dict[tuple[str, Physical], list[Physical]] = {}
        for kind, (virtual, physical) in kinds.items():
            by_offset: dict[PageOffset, list[Virtual]] = {}
            for pc in virtual if physical else ():
                by_offset.setdefault(offset_in_page(pc), []).append(pc)
            for there, operations in physical.items():
                self.rows[kind, there] = rows.take(operations)
                start = Physical(there - offset_in_page(there))
                self.pages.setdefault((kind, start), []).append(there)
                for pc in by_offset.get(offset_in_page(there), ()):
                    together = rows.take((*virtual[pc], *operations))
                    self.both[kind, pc, there] = together

    def has(self, page: Physical) -> bool:
        """Whether something is attached in the page that begins there."""
        return any((kind, page) in self.pages for kind in ("block", "instruction"))

    def together(
        self, kind: str, start: Virtual, page: Physical, virtual: Mapping[PageOffset, Rows]
    ) -> ByOffset:
        """The rows of a page that is at two addresses, in order; `virtual`: those by that one."""
        found = dict(virtual)
        for there in self.pages.get((kind, page), ()):
            offset = PageOffset(there - page)
            both = kind, Virtual(start + offset), there
            found[offset] = self.both.get(both, self.rows[kind, there])
        return dict(sorted(found.items()))


class Weave:
    """A plan's sites, and the functions and data of its rows.

    Attributes:
        everywhere: what is attached to each page.
        rows: of all operations; those for everywhere come first.
        places: what else is attached, by the start of its page.
        physical: what is attached by physical address, by the start of its page; a change of that
            makes all anew.
    """

    def __init__(self, plan: Plan = EMPTY) -> None:
        self._begin(plan)

    def _begin(self, plan: Plan) -> None:
        self.plan, self.rows = plan, RowTable()
        self.places: dict[Virtual, PlacesOfPage] = {}
        self.pages: dict[Virtual, tuple[Sites, int]] = {}
        every = plan.every_block, plan.every_instruction, plan.every_access
        block, instruction, access, retired = map(self.rows.take, (*every, plan.every_retired))
        self.everywhere = Sites(
            block, instruction, access, probes=self.rows.probes, every_retired=retired
        )
        self._put("block", plan.blocks, plan.blocks)
        self._put("instruction", plan.instructions, plan.instructions)
        self.physical = PhysicalPlaces(plan, self.rows)
        self.seen: dict[tuple[Virtual, Physical], tuple[Sites, int]] = {}

    def follow(self, plan: Plan) -> ChangedPlaces | None:
        """Be another plan; the places that are others now, None if anything may be."""
        known = plan.follows(self.plan) and not plan.is_at_physical
        if not known or plan.changed is None:
            self._begin(plan)
            return None
        changed, self.plan = plan.changed, plan
        self._put("block", changed.blocks, plan.blocks)
        self._put("instruction", changed.instructions, plan.instructions)
        found: dict[Virtual, set[PageOffset]] = {}
        for pc in changed.blocks | changed.instructions:
            found.setdefault(page_start(pc), set()).add(offset_in_page(pc))
        return {start: frozenset(offsets) for start, offsets in found.items()}

    def _put(
        self, kind: str, at: Iterable[Virtual], sites: Mapping[Virtual, tuple[Operation, ...]]
    ) -> None:
        """Have at some addresses what a plan has there."""
        for pc in at:
            start, offset = page_start(pc), offset_in_page(pc)
            page = self.places.setdefault(start, PlacesOfPage())
            self.rows.give_back(page.put(kind, offset, ()))
            page.put(kind, offset, self.rows.take(sites.get(pc, ())))
            self.pages.pop(start, None)
            if not (page.blocks or page.instructions):
                del self.places[start]

    def page(self, start: Virtual, physical: Physical | None = None) -> tuple[Sites, int]:
        """What is attached to the page that is seen there, and its shape.

        physical: where it is in RAM; None: nothing is attached by physical address.
        """
        if physical is not None and self.physical.has(physical):
            if (start, physical) not in self.seen:
                self.seen[start, physical] = self._at_both(start, physical)
            return self.seen[start, physical]
        found = self.pages.get(start)
        if found is None:
            found = self.pages[start] = self._page(self.places.get(start))
        return found

    def _at_both(self, start: Virtual, physical: Physical) -> tuple[Sites, int]:
        """What is attached to a page by either of its addresses."""
        places = self.places.get(start) or PlacesOfPage()
        blocks = self.physical.together("block", start, physical, places.blocks)
        instructions = self.physical.together("instruction", start, physical, places.instructions)
        sites = replace(self.everywhere, blocks=blocks, instructions=instructions)
        return sites, sites.shape()

    def _page(self, places: PlacesOfPage | None) -> tuple[Sites, int]:
        sites = self.everywhere
        if places is None:  # as most pages of a kernel
            return sites, sites.shape(0)
        blocks, instructions = places.blocks.copy(), places.instructions.copy()
        return replace(sites, blocks=blocks, instructions=instructions), sites.shape(places.sum)

    def specialised(
        self, start: Virtual, slot: int, physical: Physical | None = None
    ) -> tuple[Sites, int]:
        """As `page`, of the page at `start`, less what runs once where it has run on this vCPU.

        `slot`: of the block cache, in which the page's version is.
        """
        sites, shape = self.page(start, physical)
        flags = [
            _flags_of(operation, slot)
            for operation in self.plan.every_block
            if operation.kind == ONCE_EACH
        ]
        if not flags:
            return sites, shape
        done = np.flatnonzero(np.all(flags, axis=0))
        specialised = replace(sites, done=tuple(map(PageOffset, (2 * done).tolist())))
        return specialised, specialised.shape()


def _flags_of(operation: Operation, slot: int) -> "np.ndarray[Any, np.dtype[np.uint64]]":
    """A copy of the flags of a slot; this vCPU alone writes them, and is not in native code now."""
    words = (ctypes.c_uint64 * (FLAGS + 1)).from_address(operation.data)
    flags = (ctypes.c_uint64 * HALVES).from_address(words[FLAGS] + 8 * HALVES * slot)
    return np.array(flags, dtype=np.uint64)
