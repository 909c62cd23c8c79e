"""Which code is worth more effort: that at which time is spent."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.frame import (
    CHAINS_PER_SAMPLE,
    INSTRUCTIONS_PER_LOOK,
    LOOKS_PER_SAMPLE,
    JumpCache,
    Word,
)
from mttcg.engine.llvm.page_code import PageCode
from mttcg.engine.llvm.translate import MANY_VERSIONS, Identity, PageVersion
from mttcg.memory.address import PageOffset, Virtual, offset_in_page, physical_of
from mttcg.state.vcpu_state import VcpuState
from mttcg.tbcache.cache import BlockCache

REPORTS_OF_A_CHANGING_PAGE = 32
"""So often time was spent in one version of it until that is taken to stay."""
LATE_REPORTS = 8
"""So often time was spent at places of a page that have better code, until all of it gets some."""
RARE_CHAIN = 1000
"""With so many instructions from one call of a page to the next, calls are no matter of time."""
RARE_QUICK = 20
"""Nor is quick code if it is one in so many instructions."""
Improve = Callable[[PageVersion, PageOffset | None], bool]
"""Told of a page in which time is spent, and of the place, None for all of it; its code may get
better some time later. False if it can't take that now."""


class Tiering:
    """Takes samples of where time is spent, and asks for better code there.

    Args:
        hart: whose instructions are counted.
        frame: of translated code, which takes the samples.
        cache: the block cache, for the pages and their versions.
        arena: where the code is.
        code: finds it.
        jumps: what is to be forgotten for better code to be met.
        improve: called with what is worth more effort.
    """

    def __init__(
        self,
        hart: VcpuState,
        frame: "np.ndarray[Any, np.dtype[np.uint64]]",
        cache: BlockCache,
        arena: Arena,
        code: PageCode,
        jumps: JumpCache,
        improve: Improve,
    ) -> None:
        self.hart, self.frame, self.cache, self.arena = hart, frame, cache, arena
        self.code, self.jumps, self.improve = code, jumps, improve
        self.reports: Counter[Identity] = Counter()
        self.met: set[tuple[Identity, PageOffset]] = set()
        self.late: Counter[Identity] = Counter()
        self.sampled = {True: 0, False: 0}  # instructions at the last sample, of quick code or not
        self.reported: dict[tuple[Identity, PageOffset | None], int] = {}
        self.reclaimed = 0

    def sample(self, pc: Virtual) -> None:
        """Quick code was running at pc, or pages were called: report it."""
        quick, now = int(self.frame[Word.HEAT]) == 0, self.hart.instructions
        since, self.sampled[quick] = now - self.sampled[quick], now
        if quick:
            self.frame[Word.HEAT] = LOOKS_PER_SAMPLE
            rare = since > RARE_QUICK * LOOKS_PER_SAMPLE * INSTRUCTIONS_PER_LOOK
        else:
            rare = since > RARE_CHAIN * CHAINS_PER_SAMPLE
        self._report(pc, rare)

    def _report(self, pc: Virtual, rare: bool) -> None:
        """Time is spent at pc: let its function be improved; the whole page, if that does not help.

        It does not if there are ways to pc on which the better code is not met; if these are
        rare, it is no matter. Code that is there since a moment ago is looked for at once.
        """
        self._forget_what_is_gone()
        page = self.cache.page_of(physical_of(pc))
        if page not in self.cache.used:
            return
        version = self.code.version(page, self.cache.used[page])
        changing = int(self.cache.slots["age"][version.slot]) >= MANY_VERSIONS
        self.reports[version.identity] += 1
        if changing and self.reports[version.identity] < REPORTS_OF_A_CHANGING_PAGE:
            return
        place = None if changing else offset_in_page(pc)
        if place is not None and self.code.find_best(version, place) is not None:
            if not self._is_late(version, place, rare):
                return
            place = None
        self._improve(version, place)

    def _forget_what_is_gone(self) -> None:
        if self.reclaimed != self.arena.reclaimed:
            self.reclaimed = self.arena.reclaimed
            self.reported.clear()
            self.met.clear()

    def _is_late(self, version: PageVersion, place: PageOffset, rare: bool) -> bool:
        """Whether better code of a place is there, and was often not met where that matters."""
        if (version.identity, place) not in self.met:
            self.met.add((version.identity, place))
            self.jumps.clear()
            return False
        self.late[version.identity] += not rare
        return not rare and self.late[version.identity] >= LATE_REPORTS

    def _improve(self, version: PageVersion, place: PageOffset | None) -> None:
        """Ask for better code, unless that was done for the same blocks."""
        blocks = len(self.cache.known_blocks(version.slot))
        key = version.identity, place
        if self.reported.get(key) == blocks:
            return
        specialised = self.code.specialised(version)
        if self.improve(specialised, place):
            self.reported[key] = blocks
            self.code.prefer(specialised, version)
