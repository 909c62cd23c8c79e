"""Unicorn in the place of another engine, for single instructions.

The registers are those of the hart state: they are brought here before and taken back after.
"""

import mmap
from typing import Any

import numpy as np
from unicorn import unicorn_const

from mttcg.engine.base import Exit, ExitKind, Memory
from mttcg.engine.unicorn.address_space import devices_by_page, make_frame, map_memory
from mttcg.engine.unicorn.frame import Reason, Word
from mttcg.engine.unicorn.library import add_hook, start
from mttcg.engine.unicorn.registers import UnicornRegisters
from mttcg.engine.unicorn.sites import rows_of
from mttcg.engine.unicorn.unicorn_isa import HOOKS, unicorn_isa
from mttcg.instrument.native.native_functions import native_address
from mttcg.instrument.plan.plan import EMPTY, Plan
from mttcg.isa.base import Isa
from mttcg.isa.kind import Kind
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import Physical, Virtual, offset_in_page, virtual_of
from mttcg.memory.host import address_of_array, address_of_buffer
from mttcg.memory.page import PAGE

FAULTS = {Reason.LOAD: MemoryFault.LOAD, Reason.STORE: MemoryFault.STORE}
COMPLETED = (Reason.NONE, Reason.FETCH_PAGE)
"""After a jump out of RAM Unicorn looks already at what comes next."""


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
        place = address_of_buffer(self.page)
        map_memory(self.engine, memory, place, PAGE)
        self.page_slot = np.ones(memory.ram_range.pages, dtype=np.uint32)
        self.page_device = devices_by_page(memory)
        self.frame = make_frame(self.engine, hart, memory, self.page_slot, self.page_device, place)
        self.registers = UnicornRegisters(self.engine, self.frame, found)
        seen = unicorn_const.UC_HOOK_MEM_READ_AFTER | unicorn_const.UC_HOOK_MEM_WRITE
        for kind, function in (
            (unicorn_const.UC_HOOK_TLB_FILL, native_address(HOOKS, "on_tlb_fill")),
            (unicorn_const.UC_HOOK_INTR, found.hooks.on_exception),
            (seen, found.hooks.on_access),
        ):
            add_hook(self.engine, kind, function, address_of_array(self.frame))
        self.plan = EMPTY
        self._watch(EMPTY)

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
