"""Chooses the code that is to be optimised: where samples say that most time is spent.

Translated code takes the samples. A sample of quick code asks for the function around it. If time
is still spent there once better code exists, the whole page is asked for.
"""

from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np

from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.frame import (
    CHAINS_PER_SAMPLE,
    INSTRUCTIONS_PER_LOOK,
    LOOKS_PER_SAMPLE,
    Word,
)
from mttcg.engine.llvm.jump_table import JumpTable
from mttcg.engine.llvm.page_code import PageCode
from mttcg.engine.llvm.translate import MANY_VERSIONS, Identity, PageVersion
from mttcg.memory.address import PageOffset, Virtual, offset_in_page, physical_of
from mttcg.state.vcpu_state import VcpuState
from mttcg.tbcache.cache import BlockCache

REPORTS_OF_A_CHANGING_PAGE = 32
"""A page that had many versions is optimised after so many samples in one version."""
LATE_REPORTS = 8
"""After so many samples at places of a page that have better code, which was not run, the whole
page is optimised."""
RARE_CHAIN = 1000
"""Calls of pages cost too little to matter if there are more instructions than this from one to the
next."""
RARE_QUICK = 20
"""Quick code costs too little to matter if fewer than one in so many instructions are in it."""
Improve = Callable[[PageVersion, PageOffset | None], bool]
"""Asks for better code: for the function at a place of a page, or for the whole page (None). The
code comes some time later. Returns False if the request can't be taken now."""


class Tiering:
    """Takes the samples of one vCPU, and asks for better code where they are.

    Args:
        hart: whose instructions are counted.
        frame: words of translated code; the samples' counters are in it.
        cache: the block cache, for the pages and their versions.
        arena: where the code is.
        code: finds the code of a page.
        jumps: the jump table; it is cleared so that better code is found.
        improve: asks for better code.
    """

    def __init__(
        self,
        hart: VcpuState,
        frame: "np.ndarray[Any, np.dtype[np.uint64]]",
        cache: BlockCache,
        arena: Arena,
        code: PageCode,
        jumps: JumpTable,
        improve: Improve,
    ) -> None:
        self.hart, self.frame, self.cache, self.arena = hart, frame, cache, arena
        self.code, self.jumps, self.improve = code, jumps, improve
        self.reports: Counter[Identity] = Counter()
        self.met: set[tuple[Identity, PageOffset]] = set()
        self.late: Counter[Identity] = Counter()
        self.sampled = {True: 0, False: 0}  # instructions at the last sample, of quick code or not
        self.reported: dict[tuple[Identity, PageOffset | None], int] = {}
        self.awaited: dict[Identity, PageVersion] = {}
        self.reclaimed = 0

    def sample(self, pc: Virtual) -> None:
        """Take a sample: quick code was running at pc, or the page of pc was called."""
        quick, now = int(self.frame[Word.HEAT]) == 0, self.hart.instructions
        since, self.sampled[quick] = now - self.sampled[quick], now
        if quick:
            self.frame[Word.HEAT] = LOOKS_PER_SAMPLE
            rare = since > RARE_QUICK * LOOKS_PER_SAMPLE * INSTRUCTIONS_PER_LOOK
        else:
            rare = since > RARE_CHAIN * CHAINS_PER_SAMPLE
        self._report(pc, rare)

    def _report(self, pc: Virtual, rare: bool) -> None:
        """Ask for better code of the function at pc; of the whole page, if that did not help.

        It did not help if control still reaches pc by ways that miss the better code, and not
        rarely. Code that has just been made is looked for before that is decided.
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
        """Whether better code of a place, which exists, was missed often enough to matter."""
        if (version.identity, place) not in self.met:
            self.met.add((version.identity, place))
            self.code.meet_better_code(version)
            self.jumps.clear()
            return False
        self.late[version.identity] += not rare
        return not rare and self.late[version.identity] >= LATE_REPORTS

    def _improve(self, version: PageVersion, place: PageOffset | None) -> None:
        """Ask for better code, unless it was asked for already with the same blocks."""
        blocks = len(self.cache.known_blocks(version.slot))
        key = version.identity, place
        if self.reported.get(key) == blocks:
            return
        specialised = self.code.specialised(version)
        if self.improve(specialised, place):
            self.reported[key] = blocks
            self.code.prefer(specialised, version)
            self.awaited[version.identity] = version

    def meet_better_code(self) -> None:
        """Look whether the better code is there that was asked for."""
        for identity, version in list(self.awaited.items()):
            if self.code.meet_better_code(version):
                del self.awaited[identity]
