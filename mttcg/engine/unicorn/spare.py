"""Unicorn in the place of another engine: for single instructions, and for whole pages.

The registers are those of the hart state: they are brought here before and taken back after.
"""

import mmap
from typing import Any

import numpy as np
from unicorn import unicorn_const

from mttcg.engine.base import Discover, Exit, ExitKind, Memory
from mttcg.engine.unicorn import hooks
from mttcg.engine.unicorn.engine import CODE_BASE, UnicornEngine
from mttcg.engine.unicorn.frame import NOWHERE, Reason, Word
from mttcg.engine.unicorn.library import add_hook, address_of, flush_tlb, start
from mttcg.engine.unicorn.registers import UnicornRegisters
from mttcg.engine.unicorn.sites import rows_of
from mttcg.engine.unicorn.unicorn_isa import unicorn_isa
from mttcg.instrument.plan.plan import EMPTY, Plan
from mttcg.isa.base import Isa
from mttcg.isa.kind import Kind
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import (
    HostAddress,
    Physical,
    PhysicalPage,
    Virtual,
    offset_in_page,
    physical_of,
    virtual_of,
)
from mttcg.memory.host import address_of_array, address_of_buffer
from mttcg.memory.page import PAGE
from mttcg.tbcache.cache import BlockCache

FAULTS = {Reason.LOAD: MemoryFault.LOAD, Reason.STORE: MemoryFault.STORE}
COMPLETED = (Reason.NONE, Reason.FETCH_PAGE)
"""After a jump out of RAM Unicorn looks already at what comes next."""


class SpareEngine(UnicornEngine):
    """Runs the pages that are given to it, and comes back when control leaves them.

    What it comes back with then is an exit of kind FETCH at a pc in RAM.
    """

    def __init__(
        self, memory: Memory, hart: Any, cache: BlockCache, discover: Discover, isa: Isa
    ) -> None:
        super().__init__(memory, hart, cache, discover, isa)
        self.pages: set[PhysicalPage] = set()
        self.entered: set[PhysicalPage] = set()

    def take_over(self, plan: Plan, resumed: Virtual | None) -> None:
        """Begin where the hart is.

        Args:
            plan: the plan in force.
            resumed: a pc that goes on with a block that was entered, and counted, before.
        """
        self._follow_versions()
        self.enable_float(self.unicorn_isa.float_enabled(self.hart))
        self.fill()
        if plan is not self.instrumentation.plan:
            self.apply(plan)
        self.frame[Word.RESUME_PC] = NOWHERE if resumed is None else resumed

    def hand_back(self) -> Virtual | None:
        """Bring the hart state up to date; `resumed` of `take_over`, if it did not get there."""
        self.spill()
        return self.unfinished

    def _follow_versions(self) -> None:
        """Fetch what the hart fetches: the other engine may have looked at pages anew.

        And nothing else: a page that was only fetched for the end of an instruction is left.
        """
        gone = self.entered - self.pages
        stale = {
            p for p in self.pages & self.entered if int(self.page_slot[p]) != self.cache.used[p] + 1
        }
        self.page_slot[list(gone)] = 0
        self.entered -= gone
        for page in stale:
            self._use(page, self.cache.used[page])
        if gone or stale:
            self.versions = True
            flush_tlb(self.engine)

    def _enter(self, address: Virtual) -> bool:
        page = self.cache.page_of(physical_of(address))
        at = self.cache.page_of(physical_of(self.read_pc()))
        if page == at and page not in self.pages:
            return False
        return super()._enter(address)

    def _fetch(self, page: PhysicalPage) -> None:
        if page in self.cache.used:
            self._use(page, self.cache.used[page])
        else:
            super()._fetch(page)
        self.entered.add(page)


class Stepper:
    """Runs one instruction, wherever it is; it sees RAM for data and a page of its own for code.

    Args:
        memory: what this process has mapped.
        hart: the hart's state.
        isa: the guest's.
    """

    def __init__(self, memory: Memory, hart: Any, isa: Isa) -> None:
        self.hart, self.code = hart, isa.code
        found = unicorn_isa(isa)
        self.page = memoryview(mmap.mmap(-1, PAGE))
        self.placed = (0, 0)
        self.engine = found.make()
        self.engine.ctl_set_tlb_mode(unicorn_const.UC_TLB_VIRTUAL)
        # RAM: written by every vCPU and device; the guest orders its accesses
        plain = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_WRITE
        self.engine.mem_map_ptr(memory.ram_base, memory.ram_size, plain, memory.ram)
        place = address_of_buffer(self.page)
        fetched = unicorn_const.UC_PROT_READ | unicorn_const.UC_PROT_EXEC
        self.engine.mem_map_ptr(CODE_BASE, PAGE, fetched, place)
        self._fill_frame(memory, place)
        self.registers = UnicornRegisters(self.engine, self.frame, found)
        seen = unicorn_const.UC_HOOK_MEM_READ_AFTER | unicorn_const.UC_HOOK_MEM_WRITE
        for kind, function in (
            (unicorn_const.UC_HOOK_TLB_FILL, hooks.on_tlb_fill),
            (unicorn_const.UC_HOOK_INTR, found.hooks.on_exception),
            (seen, found.hooks.on_access),
        ):
            add_hook(self.engine, kind, function.address, address_of_array(self.frame))
        self.plan = EMPTY
        self._watch(EMPTY)

    def _fill_frame(self, memory: Memory, code: HostAddress) -> None:
        pages = memory.ram_range.pages
        self.page_slot = np.ones(pages, dtype=np.uint32)
        self.page_device = np.zeros(pages, dtype=np.uint8)
        self.page_device[list(memory.device_pages)] = 1
        self.frame = np.zeros(Word.WORDS, dtype=np.uint64)
        words = {
            Word.ENGINE: self.engine._uch.value,
            Word.HART: address_of_buffer(self.hart.words),
            Word.RAM: memory.ram,
            Word.RAM_BASE: memory.ram_base,
            Word.RAM_SIZE: memory.ram_size,
            Word.PAGE_SLOT: address_of_array(self.page_slot),
            Word.PAGE_DEVICE: address_of_array(self.page_device),
            Word.ORIGINAL: code,
            Word.FETCHED: CODE_BASE,
            Word.REGISTER_READ: address_of("uc_reg_read"),
            Word.REGISTER_WRITE: address_of("uc_reg_write"),
            Word.EMULATION_STOP: address_of("uc_emu_stop"),
        }
        for word, value in words.items():
            self.frame[word] = value

    def _watch(self, plan: Plan) -> None:
        self.plan, self.rows = plan, rows_of(plan.every_access)
        self.frame[Word.EVERY_ACCESS] = address_of_array(self.rows)
        self.frame[Word.EVERY_ACCESS + 1] = len(plan.every_access)

    def step(self, pc: Virtual, word: int, plan: Plan) -> Exit | None:
        """Run the instruction `word` at `pc`; the hart state is that after it.

        None if it completed. Otherwise nothing has happened: ACCESS or TRAP if it touches what is
        not plain RAM, SYSTEM if Unicorn does not know it either.
        """
        if plan is not self.plan:
            self._watch(plan)
        self._place(pc, word)
        self.registers.enable_float(self.registers.unicorn_isa.float_enabled(self.hart))
        self.registers.fill()
        self.frame[Word.EXIT] = Reason.NONE
        status = start(self.engine._uch, pc, self._elsewhere(pc), 0, 1)
        reason = Reason(int(self.frame[Word.EXIT]))
        if reason in FAULTS:
            if self.code.facts(word).kind in (Kind.LOAD, Kind.STORE):
                return Exit(ExitKind.ACCESS, pc, word=word)
            address = Virtual(int(self.frame[Word.EXIT_DETAIL]))
            return Exit(ExitKind.TRAP, pc, fault=FAULTS[reason], address=address)
        if reason not in COMPLETED or (status and reason is Reason.NONE):
            return Exit(ExitKind.SYSTEM, pc, word=word)
        self.registers.spill()
        self.hart.pc = self.registers.read_pc()
        return None

    def _elsewhere(self, pc: Virtual) -> Virtual:
        """An address to run until: in RAM, as Unicorn looks at it, and not close to the code."""
        base = Physical(int(self.frame[Word.RAM_BASE]))
        near, far = (virtual_of(Physical(base + PAGE // part)) for part in (4, 2))
        return near if abs(pc - near) > PAGE // 8 else far

    def _place(self, pc: Virtual, word: int) -> None:
        """Put the instruction where it is fetched from; one that straddles goes round the end.

        Unicorn may have translated what lay behind the last one, so its translations go.
        """
        for number, byte in enumerate(word.to_bytes(4, "little")[: self.code.length(word)]):
            self.page[offset_in_page(Virtual(pc + number))] = byte
        if self.placed != (pc, word):
            self.placed = (pc, word)
            self.engine.ctl_flush_tb()
