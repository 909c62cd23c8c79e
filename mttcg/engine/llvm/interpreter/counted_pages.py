"""Predecoded pages of code of which every block counts in one table, and nothing else is attached.

They are a vCPU's own, as the table is, and like those that all share: native code makes, fills and
changes them in the same way. Others do not see what they are made of, so they hold as long as this
vCPU fetches from the version.
"""

import mmap
import os
from typing import Any, TypeAlias

import numpy as np

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.native import InterpreterFunctions
from mttcg.engine.llvm.interpreter.observed_native import load_observed
from mttcg.engine.llvm.weave import Sites
from mttcg.memory.address import HostAddress
from mttcg.tbcache.cache import BlockCache
from mttcg.tbcache.changes import InterpretedPages, JumpsOfVersions
from mttcg.tbcache.predecoded import PREDECODED_BYTES, PredecodedPages

Frame: TypeAlias = "np.ndarray[Any, np.dtype[np.uint64]]"


def only_counts(sites: Sites) -> bool:
    """Whether all that is attached everywhere is one table in which all blocks count."""
    others = *sites.every_instruction, *sites.every_access, *sites.every_retired
    return not others and [row.kind for row in sites.every_block] == ["table"]


class CountedPages(PredecodedPages):
    """The records of all slots, with handlers that count.

    Args:
        isa: the guest's.
        native: the handlers of code to which nothing is attached.
        shared: where the segment is of what is predecoded of such code.
        cache: whose slots they are.
        frame: of the vCPU's native code.
    """

    def __init__(
        self,
        isa: InterpretedIsa,
        native: InterpreterFunctions,
        shared: HostAddress,
        cache: BlockCache,
        frame: Frame,
    ) -> None:
        counting = load_observed(isa)
        segment = _sparse(PREDECODED_BYTES)
        records = counting.counting, native.fill, counting.next_page, native.straddle
        super().__init__(segment, cache, *records)
        self.shared, self.entered = shared, counting.entered_counted
        frame[Word.TRANSLATED] = native.translated

    def drop_all(self) -> None:
        """Forget all records."""
        self.generations[:] = memoryview(bytes(self.generations.nbytes)).cast("I")

    def drop(self, slot: int) -> None:
        """Forget those of a slot that this vCPU leaves: others may change what they are of."""
        self.generations[slot] = 0

    def for_native(self, table: HostAddress, jumps: JumpsOfVersions) -> InterpretedPages:
        """See PredecodedPages."""
        return super().for_native(table, jumps)._replace(shared=self.shared)


def _sparse(size: int) -> memoryview:
    """So much memory, of which only takes room what is written."""
    descriptor = os.memfd_create("counted", os.MFD_CLOEXEC)
    try:
        os.ftruncate(descriptor, size)
        return memoryview(mmap.mmap(descriptor, size))
    finally:
        os.close(descriptor)
