"""The Unicorn engine of one vCPU."""

import ctypes
from typing import Any

import numpy as np
from unicorn import unicorn_const

from mttcg.engine.base import (
    OPERATION,
    Discover,
    Exit,
    ExitKind,
    Memory,
    blocks_of,
    current_block,
    tell_retired,
)
from mttcg.engine.unicorn import hooks
from mttcg.engine.unicorn.frame import NOWHERE, PIECE, Reason, Word
from mttcg.engine.unicorn.instrumentation import Instrumentation
from mttcg.engine.unicorn.library import UnicornError, add_hook, address_of, flush_tlb, start
from mttcg.engine.unicorn.registers import UnicornRegisters
from mttcg.engine.unicorn.unicorn_isa import unicorn_isa
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.base import Isa
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import (
    Physical,
    PhysicalPage,
    Virtual,
    offset_in_page,
    page_start,
    physical_of,
)
from mttcg.memory.code_pages import HALVES, SLOTS
from mttcg.memory.host import address_of_array, address_of_buffer
from mttcg.memory.page import PAGE
from mttcg.tbcache.cache import Block, BlockCache

CODE_BASE = Physical(1 << 40)
"""Where Unicorn sees the fetched pages; beyond any RAM."""
NEVER_REACHED = 1
"""An `until` address that no pc can have."""

_observe = OPERATION(hooks.observe.address)
RETIRE = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 2)


class UnicornEngine(UnicornRegisters):
    """Runs plain instructions in Unicorn, at user level, and comes back for the rest.

    Unicorn sees RAM for data and, through its virtual TLB, the block cache's pages for code: so
    stores never meet translated pages, and code changes only when the guest asks.
    """

    name = "unicorn"

    def __init__(
        self, memory: Memory, hart: Any, cache: BlockCache, discover: Discover, isa: Isa
    ) -> None:
        self.hart, self.cache, self.discover = hart, cache, discover
        self.memory = memory
        found = unicorn_isa(isa)
        super().__init__(found.make(), np.zeros(Word.WORDS, dtype=np.uint64), found)
        self.page_slot = np.zeros(memory.ram_range.pages, dtype=np.uint32)
        self.page_entries = np.zeros(memory.ram_range.pages, dtype=np.uint64)
        self.page_device = np.zeros(memory.ram_range.pages, dtype=np.uint8)
        self.page_device[list(memory.device_pages)] = 1
        self.pieces = np.zeros((SLOTS, HALVES), dtype=PIECE)
        self.refreshed: set[tuple[int, Virtual]] = set()
        self.clean: set[tuple[int, Virtual]] = set()
        self.generation: dict[int, int] = {}
        self.versions = False
        self.moved: Virtual | None = None
        self.stopping = False
        self._map()
        self._fill_frame()
        self._add_hooks()

    def _add_hooks(self) -> None:
        found, address = self.unicorn_isa.hooks, address_of_array(self.frame)
        for kind, function in (
            (unicorn_const.UC_HOOK_TLB_FILL, hooks.on_tlb_fill),
            (unicorn_const.UC_HOOK_BLOCK, found.on_block),
            (unicorn_const.UC_HOOK_INTR, found.on_exception),
            (unicorn_const.UC_HOOK_INSN_INVALID, found.on_breakpoint),
        ):
            add_hook(self.engine, kind, function.address, address)
        self.retire = RETIRE(found.retire_pending.address)
        self.instrumentation = Instrumentation(self.engine, self.frame, address, found)

    def _map(self) -> None:
        self.engine.ctl_set_tlb_mode(unicorn_const.UC_TLB_VIRTUAL)
        memory, layout = self.memory, self.cache.layout
        # RAM: written by every vCPU and device. Code: written by the cache, under its lock.
        self.engine.mem_map_ptr(
            memory.ram_base,
            memory.ram_size,
            unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_WRITE,
            memory.ram,
        )
        self.engine.mem_map_ptr(
            CODE_BASE,
            SLOTS * PAGE,
            unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_EXEC,
            memory.cache + layout.offset("fetched"),
        )

    def _fill_frame(self) -> None:
        memory = self.memory
        words = {
            Word.ENGINE: self.engine._uch.value,
            Word.HART: address_of_buffer(self.hart.words),
            Word.RAM: memory.ram,
            Word.RAM_BASE: memory.ram_base,
            Word.RAM_SIZE: memory.ram_size,
            Word.PAGE_SLOT: address_of_array(self.page_slot),
            Word.PAGE_DEVICE: address_of_array(self.page_device),
            Word.PAGE_ENTRIES: address_of_array(self.page_entries),
            Word.ORIGINAL: memory.cache + self.cache.layout.offset("original"),
            Word.FETCHED: CODE_BASE,
            Word.REGISTER_READ: address_of("uc_reg_read"),
            Word.REGISTER_WRITE: address_of("uc_reg_write"),
            Word.EMULATION_STOP: address_of("uc_emu_stop"),
            Word.RESUME_PC: NOWHERE,
            Word.PENDING_PC: NOWHERE,
        }
        for word, value in words.items():
            self.frame[word] = value

    def run(self, pc: Virtual) -> Exit:
        """Run from pc until something needs the vCPU."""
        frame, engine = self.frame, self.engine
        if int(frame[Word.RESUME_PC]) != pc:
            frame[Word.RESUME_PC] = NOWHERE
        while True:
            frame[Word.EXIT] = Reason.NONE
            status = start(engine._uch, pc, NEVER_REACHED, 0, 0)
            reason = Reason(int(frame[Word.EXIT]))
            if reason is Reason.NONE:
                raise UnicornError(status, f"running at {self.read_pc():#x}")
            if reason is Reason.NEW_PIECE:
                pc = Virtual(int(frame[Word.EXIT_PC]))
                self._learn(pc, int(frame[Word.EXIT_DETAIL]))
            elif reason is Reason.FETCH_PAGE:
                pc, address = self.read_pc(), Virtual(int(frame[Word.EXIT_DETAIL]))
                if not self._enter(address):
                    self.retire(frame.ctypes.data, pc)
                    return self._cannot_fetch(pc, address)
            elif reason is Reason.SYSTEM and self._is_computed(int(frame[Word.EXIT_DETAIL])):
                pc = Virtual(int(frame[Word.EXIT_PC]))
                pc = self._compute(pc, int(frame[Word.EXIT_DETAIL]))
            else:
                frame[Word.PENDING_PC] = NOWHERE  # it did not come to its end
                return self._exit(reason)

    def _is_computed(self, word: int) -> bool:
        return self.unicorn_isa.is_computed(self.hart, word)

    def _compute(self, pc: Virtual, word: int) -> Virtual:
        """Run an instruction that ends its block, and is counted, by its definition."""
        self.frame[Word.PENDING_PC] = NOWHERE
        self.spill()
        self.hart.pc = pc
        behind = self.unicorn_isa.compute(self.hart, word)
        self.fill()
        self.retired(pc, word, behind)
        return behind

    def _exit(self, reason: Reason) -> Exit:
        pc = Virtual(int(self.frame[Word.EXIT_PC]))
        detail = int(self.frame[Word.EXIT_DETAIL])
        if reason is Reason.REQUEST:
            return Exit(ExitKind.CALLBACK if self.stopping else ExitKind.REQUEST, pc)
        self.frame[Word.RESUME_PC] = NOWHERE
        if reason in (Reason.LOAD, Reason.STORE):
            pc = self.read_pc()
            self.retract(pc)
            return Exit(ExitKind.ACCESS, pc, word=self.word_at(pc))
        if reason is Reason.SYSTEM:
            self.retract(pc)
            self.hart.instructions += 1
            return Exit(ExitKind.SYSTEM, pc, word=detail)
        self.retract(pc)
        if reason is Reason.CALLBACK:
            target, self.moved = self.moved, None
            return Exit(ExitKind.CALLBACK, pc if target is None else target, left_at=pc)
        return Exit(ExitKind.TRAP, pc, fault=self._fault(reason, pc), address=Virtual(detail))

    def _cannot_fetch(self, pc: Virtual, address: Virtual) -> Exit:
        """No RAM at an address that Unicorn fetched for the block at pc."""
        self.frame[Word.RESUME_PC] = NOWHERE
        if address >= page_start(pc):
            return Exit(ExitKind.FETCH, pc, address=max(pc, address))
        # a piece of nothing but an illegal 16-bit instruction has size 0 in Unicorn, which then
        # looks at the page of the byte before it
        self.hart.instructions += 1
        return Exit(ExitKind.SYSTEM, pc, word=self.word_at(pc))

    def _fault(self, reason: Reason, pc: Virtual) -> MemoryFault:
        if reason is Reason.ATOMIC_ACCESS:
            access = self.cache.code.facts(self.word_at(pc)).access
            stores = access is None or access.stores
            return MemoryFault.STORE if stores else MemoryFault.LOAD
        misaligned_load = reason is Reason.LOAD_MISALIGNED
        return MemoryFault.LOAD_MISALIGNED if misaligned_load else MemoryFault.STORE_MISALIGNED

    def word_at(self, pc: Virtual) -> int:
        """The instruction at pc, 16 or 32 bits, as this vCPU fetches it."""
        page = self.cache.page_of(physical_of(pc))
        return self.cache.word_at(page, self.cache.used[page], offset_in_page(pc))

    def retract(self, pc: Virtual) -> None:
        """Take back the count of the instructions of the current block from pc on.

        Its pieces are counted as they are entered, so they lie in the current one.
        """
        begin = Virtual(int(self.frame[Word.PIECE_PC]))
        slot = self.cache.used[self.cache.page_of(physical_of(begin))]
        counted = int(self.pieces["count"][slot, offset_in_page(begin) // 2])
        self.hart.instructions -= counted - self._instructions(begin, pc)

    def _instructions(self, begin: Virtual, end: Virtual) -> int:
        """How many instructions there are from one address of a page to another."""
        page, count = self.cache.page_of(physical_of(begin)), 0
        slot, at = self.cache.used[page], int(offset_in_page(begin))
        last = at + end - begin
        while at < last:
            at += self.cache.code.length(self.cache.half_at(page, slot, at))
            count += 1
        return count

    @property
    def unfinished(self) -> Virtual | None:
        """Where the current block, which was counted, is to go on; None if it is over."""
        pc = int(self.frame[Word.RESUME_PC])
        return None if pc == NOWHERE else Virtual(pc)

    def resume(self, pc: Virtual) -> None:
        """Say that what runs next at pc goes on with the current block, if that is not over."""
        block = current_block(self.cache, self.hart)
        if block.pc < pc < block.end:
            self.frame[Word.RESUME_PC] = pc

    def _enter(self, address: Virtual) -> bool:
        """Fetch the page of an address from now on; False if it is not in RAM."""
        page = self.cache.page_of(physical_of(address))
        if not self.memory.ram_range.has_page(page):
            return False
        self._fetch(page)
        return True

    def _fetch(self, page: PhysicalPage) -> None:
        slot, recycled = self.cache.enter_page(page)
        self._use(page, slot, recycled)

    def _use(self, page: PhysicalPage, slot: int, recycled: bool = False) -> None:
        """Fetch a page from a slot, which may have had other content the last time."""
        self.page_slot[page] = slot + 1
        self.page_entries[page] = self.pieces[slot].ctypes.data
        generation = int(self.cache.slots["generation"][slot])
        if recycled or self.generation.setdefault(slot, generation) != generation:
            self.generation[slot] = generation
            self.pieces[slot] = 0
            for seen in (self.refreshed, self.clean):
                seen -= {place for place in seen if place[0] == slot}
            self.engine.ctl_flush_tb()

    def fetch_again(self) -> int:
        """Look at every code page anew; the number of blocks that were dropped."""
        dropped = 0
        changed = self.cache.changed_pages()
        for page in changed:
            dropped += len(self.cache.known_blocks(self.cache.used[page]))
            self._fetch(page)
        if changed:
            self.versions = True
            # other physical pages behind the same addresses: translations of the old version
            # stay, unreachable, until that version comes back
            flush_tlb(self.engine)
        return dropped

    def known_blocks(self) -> list[Block]:
        """The blocks that were discovered, of the code as it is now; in order of pc."""
        return blocks_of(self.cache, self.refreshed)

    def _learn(self, pc: Virtual, size: int) -> None:
        """Learn what Unicorn has translated at pc and is about to run for the first time."""
        if self.unfinished == pc:
            block = current_block(self.cache, self.hart)
            if not block.pc < pc < block.end:
                self.frame[Word.RESUME_PC] = NOWHERE  # the code was changed in between
                return
        else:
            block = self._block_at(pc)
        if block.terminator in self.cache.left_to_host.kinds and (block.slot, pc) not in self.clean:
            # it may have been translated before its last instruction was left to the host
            self.clean.add((block.slot, pc))
            self.engine.ctl_remove_cache(pc, block.end)
            return
        piece = self.pieces[block.slot, offset_in_page(pc) // 2]
        # Unicorn gives size 0 to one of nothing but an illegal 16-bit instruction
        piece["count"] = max(1, self._instructions(pc, Virtual(pc + size)))
        piece["size"], piece["rest"] = size, block.end - pc
        if pc == block.pc:
            piece["whole"] = len(block.instructions)

    def _block_at(self, pc: Virtual) -> Block:
        """The block at pc, which is about to run; its first time here, ask the plugins."""
        block, found = self.cache.block(self.cache.page_of(physical_of(pc)), pc)
        key = (block.slot, pc)
        if key not in self.refreshed:
            self.refreshed.add(key)
            if found:
                self.hart.cache_hits += 1
            else:
                self.hart.cache_misses += 1
            plan = self.discover(block)
            if plan is not None:
                self.apply(plan)
        return block

    def apply(self, plan: Plan) -> None:
        """Put a plan in force; blocks translated under another are dropped."""
        self.instrumentation.apply(plan, self.versions)

    def observe(self, pc: Virtual, address: Virtual, size: int, value: int, write: bool) -> None:
        """Tell the plan of an access that the host made in the guest's place."""
        _observe(self.frame.ctypes.data, pc, address, size, value, int(write))

    def retired(self, pc: Virtual, word: int, target: Virtual) -> None:
        """Tell the plan of an instruction that the host ran, with its registers as they are now."""
        if self.instrumentation.plan.every_retired:
            tell_retired(self, self.instrumentation.plan.every_retired, pc, word, target)

    def stop_for_callback(self, pc: Virtual, half_done: bool) -> None:
        """Leave before the instruction at pc; before the next block if it is half done."""
        if half_done:
            self.stopping = True
            self.hart.request = 1
            return
        if not self.frame[Word.EXIT]:
            self.frame[Word.EXIT_PC] = pc
            self.frame[Word.EXIT] = Reason.CALLBACK
        self.engine.emu_stop()

    def move(self, pc: Virtual) -> None:
        """Go on at another pc, from within a Python callback before an instruction or block."""
        self.moved = pc
