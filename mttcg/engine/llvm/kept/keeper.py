"""The translator's part: what it makes is kept for later runs as soon as it is made."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.discovery import Discovery, Instruction
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.kept.code_store import CodeStore, StoreRefusedError
from mttcg.engine.llvm.kept.image import KeptImage
from mttcg.engine.llvm.kept.kept_code import NATIVE, NATIVE_SLOTS, KeptCode
from mttcg.engine.llvm.kept.record import NO_TAIL, PLACE, KeptFunction
from mttcg.engine.llvm.kept.variant import key_set, variant_of
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.translate import CodePart, PageVersion
from mttcg.instrument.native.native_functions import native_address
from mttcg.memory.address import PageOffset
from mttcg.memory.code_pages import HALVES

ADDRESS_BYTES = 4


def function_of(
    version: PageVersion, discovery: Discovery, part: CodePart, ram: Ram
) -> KeptFunction:
    """What is to be kept of a part of a page's code: all that its text was made from."""
    halves: dict[int, int] = {}
    for leader in part.emitted:
        for instruction in _instructions(discovery, leader):
            _add(halves, instruction)
    tail = halves.pop(HALVES, NO_TAIL)
    places = sorted(halves)
    arrays = places, [halves[place] for place in places]
    sets = sorted(part.entries), sorted(part.emitted)
    where, what, entries, leaders = (np.array(numbers, PLACE) for numbers in (*arrays, *sets))
    variant = variant_of(version.mode, version.sites, ram)
    return KeptFunction(variant, where, what, tail, entries, leaders, part.code)


def _instructions(discovery: Discovery, leader: PageOffset) -> list[Instruction]:
    """A block, and what computes the target of the jump that ends it."""
    found, at = [], leader
    while at in discovery.instructions:
        found.append(discovery.instructions[at])
        if found[-1].kind.ends_block:
            break
        at = found[-1].following
    if found and found[-1].facts.indirect is not None:
        before = discovery.instructions.get(PageOffset(found[-1].offset - ADDRESS_BYTES))
        if before is not None:
            found.append(before)
    return found


def _add(halves: dict[int, int], instruction: Instruction) -> None:
    first = instruction.offset // 2
    for number in range(instruction.facts.length // 2):
        halves[first + number] = instruction.word >> 16 * number & 0xFFFF


class OpenedStore(NamedTuple):
    """A file of kept code, and what it had when the run began."""

    store: CodeStore
    kept: KeptCode


def open_store(folder: Path, isa: InterpretedIsa) -> OpenedStore:
    """The file for an ISA, as engine, LLVM and processor are here; raises StoreRefusedError."""
    store = CodeStore(folder, key_set(isa))
    found = store.read()
    image = KeptImage(found.content, found.spans)
    if image.variants:
        native_address(NATIVE, "find")  # loaded before vCPUs are forked, they share them
        native_address(NATIVE_SLOTS, "find_slots")
    return OpenedStore(store, KeptCode(image, found.damaged + image.refused))


class Keeper:
    """Keeps what a translator makes.

    Args:
        store: the file.
        kept: what it had when the run began.
        ram: guest RAM, with devices.
        arena: where it is counted.
    """

    def __init__(self, store: CodeStore, kept: KeptCode, ram: Ram, arena: Arena) -> None:
        self.store, self.ram, self.arena = store, ram, arena
        self.identities = kept.identities

    def keep(self, version: PageVersion, discovery: Discovery, part: CodePart) -> None:
        """Keep a part, unless one that is made from the same is kept."""
        if not part.entries:
            return
        function = function_of(version, discovery, part, self.ram)
        if function.identity in self.identities:
            return
        self.identities.add(function.identity)
        try:
            stored = self.store.append([function])
        except StoreRefusedError:
            return  # what it was when the run began is told of
        if stored:
            with self.arena:
                self.arena.count_stored(stored)
