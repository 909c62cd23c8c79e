"""Better code of a page that is still right when something else is attached to other places in it.

Code is made for all that is attached to its page, and found by that. When that changes, a vCPU
keeps what has none of the changed places in it.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.translate import PageVersion
from mttcg.memory.address import HostAddress, PageOffset, Virtual

Content: TypeAlias = tuple[int, int, int]
"""Of a version: its slot, generation and mode."""
Places: TypeAlias = npt.NDArray[np.uint64]
Entries: TypeAlias = Mapping[PageOffset, HostAddress]


def content_of(version: PageVersion) -> Content:
    """What code of a version was made of, but for what is attached."""
    return version.slot, version.generation, version.mode


def found_code(
    arena: Arena, versions: Iterable[PageVersion], offsets: Collection[int] | Places
) -> dict[PageOffset, HostAddress]:
    """Where there is code of a page, and which, of some offsets; earlier versions are preferred."""
    entries = np.asarray(offsets, dtype=np.uint64)
    found: npt.NDArray[np.uint64] = np.zeros(len(entries), dtype=np.uint64)
    for version in versions:
        found = np.where(found != 0, found, arena.addresses(version.keys(entries)))
    there = np.flatnonzero(found)
    return {
        PageOffset(offset): HostAddress(code)
        for offset, code in zip(entries[there].tolist(), found[there].tolist(), strict=True)
    }


class SurvivingCode:
    """What a vCPU has kept, by the start of the page and its content.

    Args:
        arena: where the code is.
    """

    def __init__(self, arena: Arena) -> None:
        self.arena, self.reclaimed = arena, arena.reclaimed
        self.pages: dict[Virtual, dict[Content, Entries]] = {}

    def clear(self) -> None:
        """Keep nothing."""
        self.pages.clear()

    def keep(
        self,
        version: PageVersion,
        others: Iterable[PageVersion],
        blocks: Collection[int],
        changed: Collection[PageOffset],
    ) -> None:
        """Keep the code of a version, and of others of its page, that has no changed place in it.

        version: as it was before the change. blocks: where it may begin.
        """
        self._forget_what_is_gone()
        found = {**self.entries(version), **found_code(self.arena, (*others, version), blocks)}
        content = {
            entry: code for entry, code in found.items() if not self.arena.holds_any(code, changed)
        }
        if content:
            self.pages[version.start] = {content_of(version): content}
        else:
            self.pages.pop(version.start, None)

    def entries(self, version: PageVersion) -> Entries:
        """What is kept for a version, by where it begins."""
        if not self.pages:
            return {}
        self._forget_what_is_gone()
        return self.pages.get(version.start, {}).get(content_of(version), {})

    def _forget_what_is_gone(self) -> None:
        if self.reclaimed != self.arena.reclaimed:
            self.reclaimed = self.arena.reclaimed
            self.pages.clear()
