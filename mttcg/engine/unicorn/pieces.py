"""Blocks, and the pieces in which Unicorn translates and counts them."""

from collections.abc import Callable
from typing import Any

from mttcg.engine.base import Untranslated, blocks_of, current_block
from mttcg.engine.unicorn.fetched_pages import FetchedPages
from mttcg.engine.unicorn.frame import NOWHERE, FrameWords, Word
from mttcg.memory.address import Virtual, offset_in_page, physical_of
from mttcg.tbcache.cache import Block


class TranslatedPieces(Untranslated):
    """What the hooks know of the pieces of blocks, and where the current block goes on.

    Args:
        pages: the pages that Unicorn fetches.
        frame: the frame's words.
        hart: the hart's state.
        discovered: called with each block before its first execution here.
    """

    def __init__(
        self, pages: FetchedPages, frame: FrameWords, hart: Any, discovered: Callable[[Block], None]
    ) -> None:
        self.pages, self.frame, self.hart = pages, frame, hart
        self.cache, self.discovered = pages.cache, discovered

    @property
    def unfinished(self) -> Virtual | None:
        """Where the current block, which was counted, is to go on; None if it is over."""
        pc = int(self.frame[Word.RESUME_PC])
        return None if pc == NOWHERE else Virtual(pc)

    def resume(self, pc: Virtual) -> None:
        """Say that what runs next at pc goes on with the current block, if that is not over."""
        block = current_block(self)
        if block.pc < pc < block.end:
            self.frame[Word.RESUME_PC] = pc

    def retract(self, pc: Virtual) -> None:
        """Take back the count of the instructions of the current block from pc on.

        Its pieces are counted as they are entered, so they lie in the current one.
        """
        begin = Virtual(int(self.frame[Word.PIECE_PC]))
        slot = self.cache.used[self.cache.page_of(physical_of(begin))]
        counted = int(self.pages.pieces["count"][slot, offset_in_page(begin) // 2])
        self.hart.instructions -= counted - self.pages.instructions(begin, pc)

    def known_blocks(self) -> list[Block]:
        """The blocks that were discovered, of the code as it is now; in order of pc."""
        return blocks_of(self.cache, self.pages.known)

    def learn(self, pc: Virtual, size: int) -> None:
        """Learn what Unicorn has translated at pc and is about to run for the first time."""
        if self.unfinished == pc:
            block = current_block(self)
            if not block.pc <= pc < block.end:
                self.frame[Word.RESUME_PC] = NOWHERE  # the code was changed in between
                return
        else:
            block = self._block_at(pc)
        if self._is_old(block, pc):
            return
        piece = self.pages.pieces[block.slot, offset_in_page(pc) // 2]
        # Unicorn gives size 0 to one of nothing but an illegal 16-bit instruction
        piece["count"] = max(1, self.pages.instructions(pc, Virtual(pc + size)))
        piece["size"], piece["rest"] = size, block.end - pc
        if pc == block.pc:
            piece["whole"] = len(block.instructions)

    def _is_old(self, block: Block, pc: Virtual) -> bool:
        """Drop what may be a translation from before its last instruction was left to the host."""
        clean = self.pages.clean
        if block.terminator not in self.cache.left_to_host.kinds or (block.slot, pc) in clean:
            return False
        clean.add((block.slot, pc))
        self.pages.engine.ctl_remove_cache(pc, block.end)
        return True

    def _block_at(self, pc: Virtual) -> Block:
        """The block at pc, which is about to run; its first time here, ask the plugins."""
        block, found = self.cache.block(self.cache.page_of(physical_of(pc)), pc)
        key = (block.slot, pc)
        if key not in self.pages.known:
            self.pages.known.add(key)
            if found:
                self.hart.cache_hits += 1
            else:
                self.hart.cache_misses += 1
            self.discovered(block)
        return block
