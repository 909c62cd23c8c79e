"""The Unicorn engine of one vCPU."""

import ctypes
from typing import Any

from unicorn import unicorn_const

from mttcg.engine.base import (
    OPERATION,
    Discover,
    Exit,
    ExitKind,
    Memory,
    Untranslated,
    meet_each_block,
    tell_retired,
)
from mttcg.engine.unicorn.address_space import devices_by_page, make_frame, map_memory
from mttcg.engine.unicorn.fetched_pages import FetchedPages
from mttcg.engine.unicorn.frame import NOWHERE, FrameWords, Reason, Word
from mttcg.engine.unicorn.instrumentation import Instrumentation
from mttcg.engine.unicorn.library import UnicornError, add_hook, start
from mttcg.engine.unicorn.pieces import TranslatedPieces
from mttcg.engine.unicorn.registers import UnicornRegisters
from mttcg.engine.unicorn.unicorn_isa import HOOKS, Hooks, unicorn_isa
from mttcg.instrument.native.native_functions import native_address
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.base import Isa
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import HostAddress, Virtual, page_start
from mttcg.memory.code_pages import SLOTS
from mttcg.memory.host import address_of_array
from mttcg.memory.page import PAGE
from mttcg.tbcache.cache import Block, BlockCache

NEVER_REACHED = 1
"""An `until` address that no pc can have."""

_observe = OPERATION(native_address(HOOKS, "observe"))
RETIRE = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 2)


def add_hooks(engine: Any, frame: FrameWords, found: Hooks) -> Instrumentation:
    """Attach what is there always; the instrumentation attaches the rest."""
    address = address_of_array(frame)
    for kind, function in (
        (unicorn_const.UC_HOOK_TLB_FILL, native_address(HOOKS, "on_tlb_fill")),
        (unicorn_const.UC_HOOK_BLOCK, found.on_block),
        (unicorn_const.UC_HOOK_INTR, found.on_exception),
        (unicorn_const.UC_HOOK_INSN_INVALID, found.on_breakpoint),
    ):
        add_hook(engine, kind, function, address)
    return Instrumentation(engine, frame, address, found)


class UnicornEngine(UnicornRegisters, Untranslated):
    """Runs plain instructions in Unicorn, at user level, and comes back for the rest.

    Unicorn sees RAM for data and, through its virtual TLB, the block cache's pages for code: so
    stores never meet translated pages, and code changes only when the guest asks.
    """

    name = "unicorn"
    native_system = None

    def __init__(
        self,
        memory: Memory,
        hart: Any,
        cache: BlockCache,
        discover: Discover,
        isa: Isa,
    ) -> None:
        """Make one.

        Args:
            memory: what this process has mapped.
            hart: the hart's state.
            cache: the block cache.
            discover: asked about each block before its first execution here.
            isa: the guest's.
        """
        self.hart, self.cache, self.discover = hart, cache, discover
        found = unicorn_isa(isa)
        engine = found.make()
        place = cache.layout.offset
        # the fetched pages: written by the cache, under its lock
        map_memory(engine, memory, HostAddress(memory.cache + place("fetched")), SLOTS * PAGE)
        self.pages = FetchedPages(engine, cache, memory.ram_range)
        self.page_device = devices_by_page(memory)
        original = HostAddress(memory.cache + place("original"))
        frame = make_frame(engine, hart, memory, self.pages.slots, self.page_device, original)
        frame[Word.PAGE_ENTRIES] = address_of_array(self.pages.entries)
        frame[Word.RESUME_PC] = frame[Word.PENDING_PC] = frame[Word.PASSED_PC] = NOWHERE
        super().__init__(engine, frame, found)
        self.pieces = TranslatedPieces(self.pages, frame, hart, self._discovered)
        self.passed: Virtual | None = None
        self.moved: Virtual | None = None
        self.stopping = False
        self.retire = RETIRE(found.hooks.retire_pending)
        self.instrumentation = add_hooks(engine, frame, found.hooks)

    def run(self, pc: Virtual) -> Exit:
        """Run from pc until something needs the vCPU."""
        frame, engine = self.frame, self.engine
        if int(frame[Word.RESUME_PC]) != pc:
            frame[Word.RESUME_PC] = NOWHERE
        frame[Word.PASSED_PC] = NOWHERE if self.passed != pc else pc
        self.passed = None
        while True:
            frame[Word.EXIT] = Reason.NONE
            status = start(engine._uch, pc, NEVER_REACHED, 0, 0)
            reason = Reason(int(frame[Word.EXIT]))
            if reason is Reason.NONE:
                raise UnicornError(status, f"running at {self.read_pc():#x}")
            if reason is Reason.NEW_PIECE:
                pc = Virtual(int(frame[Word.EXIT_PC]))
                self.pieces.learn(pc, int(frame[Word.EXIT_DETAIL]))
            elif reason is Reason.FETCH_PAGE:
                pc, address = self.read_pc(), Virtual(int(frame[Word.EXIT_DETAIL]))
                if not self.pages.enter(address):
                    self.retire(frame.ctypes.data, pc)
                    return self._cannot_fetch(pc, address)
            elif reason is Reason.SYSTEM and self.unicorn_isa.is_computed(
                self.hart, int(frame[Word.EXIT_DETAIL])
            ):
                pc = Virtual(int(frame[Word.EXIT_PC]))
                pc = self._compute(pc, int(frame[Word.EXIT_DETAIL]))
            else:
                frame[Word.PENDING_PC] = NOWHERE  # it did not come to its end
                return self._exit(reason)

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
            return Exit(ExitKind.ACCESS, pc, word=self.pages.word_at(pc))
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
        return Exit(ExitKind.SYSTEM, pc, word=self.pages.word_at(pc))

    def _fault(self, reason: Reason, pc: Virtual) -> MemoryFault:
        if reason is Reason.ATOMIC_ACCESS:
            access = self.cache.code.facts(self.pages.word_at(pc)).access
            stores = access is None or access.stores
            return MemoryFault.STORE if stores else MemoryFault.LOAD
        misaligned_load = reason is Reason.LOAD_MISALIGNED
        return MemoryFault.LOAD_MISALIGNED if misaligned_load else MemoryFault.STORE_MISALIGNED

    def retract(self, pc: Virtual) -> None:
        """Take back the count of the instructions of the current block from pc on."""
        self.pieces.retract(pc)

    @property
    def unfinished(self) -> Virtual | None:
        """Where the current block, which was counted, is to go on; None if it is over."""
        return self.pieces.unfinished

    def resume(self, pc: Virtual, passed: bool = False) -> None:
        """See Engine."""
        if passed:
            self.passed = pc
            self.frame[Word.RESUME_PC] = pc
        else:
            self.pieces.resume(pc)

    def fetch_again(self) -> int:
        """Look at every code page anew; the number of blocks that were dropped."""
        return self.pages.fetch_again()

    watch_blocks = meet_each_block

    def known_blocks(self) -> list[Block]:
        """The blocks that were discovered, of the code as it is now; in order of pc."""
        return self.pieces.known_blocks()

    def _discovered(self, block: Block) -> None:
        plan = self.discover(block)
        if plan is not None:
            self.apply(plan)

    def apply(self, plan: Plan) -> None:
        """Put a plan in force; blocks translated under another are dropped."""
        self.instrumentation.apply(plan, self.pages.changed)

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
