"""The part of the LLVM engine that has to do with the translation of addresses."""

from typing import Any

import numpy as np

from mttcg.engine.base import AccessRefused
from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.address_translation import AddressTranslation
from mttcg.engine.llvm.jump_table import JumpTable
from mttcg.engine.llvm.page_code import PageCode
from mttcg.memory.address import Physical, PhysicalPage, Virtual, offset_in_page, physical_of
from mttcg.tbcache.cache import BlockCache


class TranslatedAddresses:
    """What an engine does with addresses: see `mttcg.engine.base.Engine`."""

    hart: Any
    cache: BlockCache
    code: PageCode
    jumps: JumpTable
    frame: "np.ndarray[Any, np.dtype[np.uint64]]"
    addresses: AddressTranslation | None

    def translate(self, address: Virtual, size: int, stores: bool) -> Physical | AccessRefused:
        """See Engine."""
        if self.addresses is None:
            return physical_of(address)
        return self.addresses.translate(address, size, stores)

    def fence_translations(self) -> None:
        """See Engine."""
        if self.addresses is not None:
            self.addresses.drop()

    def block_page(self) -> PhysicalPage:
        """The page of the block that was entered last, which may not be translated any more."""
        if self.code.is_translating:
            return self.cache.page_in(int(self.frame[Word.BLOCK_SLOT]))
        return self.cache.page_of(physical_of(self.hart.block_pc))

    def word_at(self, pc: Virtual) -> int:
        """The instruction at a pc in the block that was entered last."""
        page = self.block_page()
        return self.cache.word_at(page, self.cache.used[page], offset_in_page(pc))

    def fetch_with_other_half(self) -> None:
        """Fetch the page at the pc with the end of its last instruction that was just seen."""
        frame, page = self.frame, self.code.page_of(self.hart.pc)
        frame[Word.OTHER_HALF] = 0
        self.cache.enter_page(page, int(frame[Word.FETCHED_HALF]))
        self.code.forget_page(page)
        self.jumps.follow(page)
