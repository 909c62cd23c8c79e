"""The LLVM engine of one vCPU."""

import ctypes
from functools import partial
from typing import Any

import numpy as np

from mttcg.engine.base import (
    OPERATION,
    AccessRefused,
    Discover,
    Exit,
    ExitKind,
    Memory,
    NativeSystem,
    blocks_of,
    current_block,
    tell_retired,
)
from mttcg.engine.llvm import runtime
from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.frame import (
    COUNT_START,
    FAULTS,
    Reason,
    Word,
)
from mttcg.engine.llvm.interpreter.address_translation import AddressTranslation
from mttcg.engine.llvm.interpreter.interpreter import make_interpreter
from mttcg.engine.llvm.jump_table import JumpTable
from mttcg.engine.llvm.kept.kept_code import KeptCode, KeptPages
from mttcg.engine.llvm.known_blocks import KnownBlocks
from mttcg.engine.llvm.llvm_isa import LlvmIsa, llvm_isa
from mttcg.engine.llvm.page_code import FetchRefused, PageCode
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.tiering import Tiering, TranslatorLink, Unlinked
from mttcg.engine.llvm.translate import Translator
from mttcg.engine.llvm.turn_limit import TurnLimit
from mttcg.instrument.native import operations
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.base import Isa
from mttcg.isa.system import MemoryFault
from mttcg.memory.address import (
    HostAddress,
    PageOffset,
    Physical,
    PhysicalPage,
    Virtual,
    offset_in_page,
    page_start,
    physical_of,
)
from mttcg.memory.host import address_of_array, address_of_buffer, address_of_function
from mttcg.state.samples import Samples, samples_bytes
from mttcg.state.words import MASK
from mttcg.tbcache.cache import Block, BlockCache
from mttcg.tbcache.giving_up import give_up, is_untouched

RUN = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64)
BEFORE_A_BLOCK = (Reason.STALE, Reason.REQUEST, Reason.HOT)


def _runtime(arena: Arena, isa: LlvmIsa) -> HostAddress:
    """Where the loop is from which native code is entered."""
    with arena:
        found = arena.find(runtime.RUN_KEY)
        if found is None:
            code = runtime.machine_code(isa.host_float)
            found = arena.put_permanent(runtime.RUN_KEY, code)
    return found


class LlvmEngine:
    """Runs what is met for the first time in the interpreter, and in better code what is there.

    The guest's registers are in the hart's state. Translated code stores each one there before it
    comes back.

    Args:
        isa: the guest's.
        memory: what this process has mapped.
        hart: the hart's state.
        cache: the block cache, for the pages and their versions.
        arena: where the code is.
        discover: called with each block before its first execution here.
        records: the segment of predecoded pages.
        samples: of all vCPUs, for the translator; None: of this one, for nobody.
        link: to the translator.
        kept: code of earlier runs; None: there is none.
    """

    name = "llvm"

    def __init__(
        self,
        isa: Isa,
        memory: Memory,
        hart: Any,
        cache: BlockCache,
        arena: Arena,
        discover: Discover,
        records: memoryview,
        samples: Samples | None = None,
        link: TranslatorLink = Unlinked(),  # noqa: B008
        kept: KeptCode | None = None,
    ) -> None:
        self.memory, self.hart, self.cache, self.arena = memory, hart, cache, arena
        self.discover = discover
        self.isa, self.registers = llvm_isa(isa), isa.system.integer_registers(hart)
        ram = Ram(memory.ram_base, memory.ram_size, memory.device_pages)
        self.translator = Translator(self.isa, ram, cache, arena)
        self.jumps = JumpTable(cache)
        floats = self.isa.floats
        self.float_function = None if floats is None else floats.make_function(hart)
        own = memoryview(bytearray(samples_bytes(hart.index + 1)))
        self.samples = samples or Samples(own, hart.index + 1)
        self.frame = self._make_frame()
        parts = cache, ram, self.frame, self.translator.uncovered
        interpreter = make_interpreter(isa, records, memory, *parts)
        self.addresses: AddressTranslation | None = None
        if interpreter.isa.translation is not None:
            where_hart_is = address_of_buffer(hart.words)
            self.addresses = interpreter.addresses = AddressTranslation(
                interpreter.isa.translation, where_hart_is, self.frame, memory.ram
            )
        interpreter.on_seen = self.jumps.hold
        pages = None
        if kept is not None:
            pages = KeptPages(kept, ram, cache, arena, interpreter.native_words())
        self.code = PageCode(hart, cache, arena, self.translator, interpreter, pages)
        self.code.on_checked = self.jumps.forget
        self.native_system: NativeSystem | None = interpreter.system
        where = hart.index, self.samples, cache, arena
        self.tiering = Tiering(*where, self.code, self.jumps, link)
        hart_address = address_of_buffer(hart.words)
        # where the guest's address 0 would lie
        origin = memory.ram_range.host_of(Physical(0), memory.ram)
        self.arguments = (hart_address, address_of_array(self.frame), origin)
        self.native = RUN(_runtime(arena, self.isa))
        self.known = KnownBlocks(cache)
        self.resumed: Virtual | None = None  # where `first` goes on with a block
        self.first = int(self.frame[Word.RESUME])
        self.moved: Virtual | None = None
        self.stopping = False
        self.turn: TurnLimit | None = None

    def _make_frame(self) -> "np.ndarray[Any, np.dtype[np.uint64]]":
        frame = np.zeros(Word.WORDS, dtype=np.uint64)
        frame[Word.JUMPS] = address_of_array(self.jumps.pages)
        frame[Word.RAM] = self.memory.ram_base
        frame[Word.RAM_BYTES] = self.memory.ram_size
        if self.float_function is not None:
            frame[Word.FLOAT] = self.float_function.address
        frame[Word.INSIDE] = self.arena.inside_address(self.hart.index)
        frame[Word.GENERATION] = self.arena.generation_address()
        frame[Word.KNOWN_GENERATION] = self.arena.generation
        frame[Word.SAMPLES] = self.samples.part_address(self.hart.index)
        frame[Word.ASLEEP] = self.samples.asleep_address()
        frame[Word.SINCE] = COUNT_START % (1 << 64)
        frame[Word.YIELD] = address_of_function(ctypes.CDLL(None).sched_yield)
        return frame

    def run(self, pc: Virtual) -> Exit:
        """Run from pc until something needs the vCPU."""
        try:
            return self._run(pc)
        except FetchRefused as refused:  # where Python came to a page
            self.resumed, pc = None, self.hart.pc
            return Exit(ExitKind.TRAP, pc, fault=refused.fault, address=pc)

    def _run(self, pc: Virtual) -> Exit:
        hart, frame = self.hart, self.frame
        hart.pc = pc
        while True:
            if self.turn is not None and not self.turn.left():
                return Exit(ExitKind.REQUEST, hart.pc)
            self._follow_generation()
            self.tiering.answer()
            if self.addresses is not None and not self.addresses.enter():
                return Exit(ExitKind.REQUEST, hart.pc)
            frame[Word.EXIT] = Reason.NONE
            resumed, self.resumed = self.resumed, None
            frame[Word.FIRST] = 0
            if resumed == hart.pc:
                self.code.prepare(hart.pc)
                frame[Word.FIRST] = self.first
            before = hart.instructions
            if self.turn is not None:
                self.turn.begin()
            self.native(*self.arguments)
            if self.turn is not None:
                self.turn.end_exactly()
            self.code.follow_new_versions(self.jumps)
            reason = Reason(int(frame[Word.EXIT]))
            if reason in BEFORE_A_BLOCK and (hart.pc, hart.instructions) == (resumed, before):
                self.resumed = resumed  # it has not begun
            if reason is Reason.TURN_OVER:
                self.resumed, self.first = hart.pc, int(frame[Word.RESUME])
            elif reason is Reason.UNPREPARED:
                self.resumed, self.first = hart.pc, int(frame[Word.EXIT_DETAIL])
                if frame[Word.OTHER_HALF]:
                    return Exit(ExitKind.OTHER_VERSION, hart.pc)
            elif reason is Reason.HOT:
                self.tiering.wake_translator()
            elif reason is Reason.MISS:
                if not self.memory.ram_range.has_page(self.code.page_of(hart.pc)):
                    return Exit(ExitKind.FETCH, hart.pc, address=hart.pc)
                self._learn(hart.pc)
                if self.turn is not None:
                    self.code.prepare(hart.pc)  # the end of a turn is run by the interpreter
            elif reason is Reason.ROUNDING and self._compute(self.code.left_word(hart.pc)):
                continue
            elif reason is not Reason.STALE:
                return self._exit(reason, hart.pc, int(frame[Word.EXIT_DETAIL]))

    def _follow_generation(self) -> None:
        """Forget jumps to code that the arena has lost, or has better code for."""
        generation = self.arena.generation
        if int(self.frame[Word.KNOWN_GENERATION]) != generation:
            self.tiering.forget_jumps()
            self.frame[Word.KNOWN_GENERATION] = generation
            self.tiering.meet_better_code()

    def _exit(self, reason: Reason, pc: Virtual, detail: int) -> Exit:
        if reason is Reason.REQUEST and self.stopping:
            return Exit(ExitKind.CALLBACK, pc)
        if reason is Reason.CALLBACK:
            target, self.moved = self.moved, None
            return Exit(ExitKind.CALLBACK, pc if target is None else target, left_at=pc)
        if reason in (Reason.SYSTEM, Reason.ROUNDING):
            return Exit(ExitKind.SYSTEM, pc, word=self.code.left_word(pc))
        if reason is Reason.ACCESS:
            return Exit(ExitKind.ACCESS, pc, word=self.code.word_at(pc))
        if reason in FAULTS:
            return Exit(ExitKind.TRAP, pc, fault=FAULTS[reason], address=Virtual(detail))
        if reason is Reason.ATOMIC_ACCESS:
            access = self.cache.code.facts(self.code.word_at(pc)).access
            stores = access is None or access.stores
            fault = MemoryFault.STORE if stores else MemoryFault.LOAD
            return Exit(ExitKind.TRAP, pc, fault=fault, address=Virtual(detail))
        return Exit(ExitKind.REQUEST, pc)

    def _compute(self, word: int) -> bool:
        """Run a floating-point instruction, already counted, by its definition, if it has one."""
        hart, floats = self.hart, self.isa.floats
        if floats is None or not floats.is_computed(hart):
            return False
        behind = floats.compute(hart, word)
        self.retired(hart.pc, word, behind)
        hart.pc = behind
        self.resume(behind)
        return True

    def _learn(self, pc: Virtual) -> None:
        """Have the block at a pc run: in the best code that there is, or in the interpreter."""
        page, slot = self.code.enter(pc)
        start = page_start(pc)
        version = self.code.version(page, slot, start)
        known = self.code.meet_kept_code(version)
        if self.code.watched:
            self._show(page, slot, pc)
            version = self.code.version(page, slot, start)  # there may be another plan in force
            known = self.code.meet_kept_code(version)
        elif not version.sites:
            self.hart.cache_hits += self.cache.is_known(slot, offset_in_page(pc))
        offset = offset_in_page(pc)
        code = self.code.find_best(version, offset)
        if code is None:
            self.code.let_enter(version, offset, start)
        else:
            self.code.prepare(pc)  # a row of fetches is for a page with records
            self.jumps.put(page, offset, code, version.translated)
            if not self.code.watched:
                known = self.code.known_code(version) if known is None else known
                self.jumps.put_all(page, known, version.translated)

    def _show(self, page: PhysicalPage, slot: int, pc: Virtual) -> None:
        """Show the plugins each block that can be reached, before this vCPU runs it first."""
        start = page_start(pc)
        self.known.forget_recycled([slot])

        def is_known(leader: PageOffset) -> bool:
            return (slot, Virtual(start + leader)) in self.known

        for leader in sorted(self.code.entered_from(page, slot, pc, is_known)):
            head = Virtual(start + leader)
            self.known.add((slot, head))
            block, found = self.cache.block(page, head)
            self.hart.cache_hits += found
            self.hart.cache_misses += not found
            plan = self.discover(block)
            if plan is not None:
                self.apply(plan)

    def read_x(self, register: int) -> int:
        """An integer register."""
        value: int = self.registers[register]
        return value

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; register 0 is left alone."""
        if register:
            self.registers[register] = value & MASK

    def read_f(self, register: int) -> int:
        """A floating-point register, its 64 bits."""
        value: int = self.hart.f[register]
        return value

    def write_f(self, register: int, value: int) -> None:
        """Write the 64 bits of a floating-point register."""
        self.hart.f[register] = value

    def spill(self) -> None:
        """Nothing to do: the hart state is where the registers are."""

    spill_integer = fill = spill

    def enable_float(self, enabled: bool) -> None:
        """Nothing to do: floating-point instructions look themselves."""

    def fetch_again(self) -> int:
        """Look at every code page anew; the number of blocks that were dropped."""
        dropped = 0
        here, changed = self.block_page(), self.cache.changed_pages()
        for page in changed:
            slot = self.cache.used[page]
            dropped += len(self.cache.known_blocks(slot))
            if page != here and is_untouched(self.cache, slot):
                give_up(self.cache, page)
            else:
                self.cache.enter_page(page)
            self.code.forget_page(page)
            self.jumps.follow(page)
        self.code.fetch_natively(self.jumps)
        return dropped

    def fetch_other_version(self) -> None:
        """See Engine."""
        self.code.fetch_with_other_half(self.jumps)

    def watch_blocks(self, watched: bool) -> None:
        """See Engine. What any vCPU met of the pages in use counts as seen."""
        if watched and not self.code.watched:
            self.known.update(self.code.met_blocks())
        if watched != self.code.watched:
            self.code.watched = self.code.interpreter.watched = watched
            self.code.forget_pages()
            self.jumps.clear()

    def known_blocks(self) -> list[Block]:
        """The blocks that were discovered, of the code as it is now; in order of pc."""
        self.known.forget_recycled(self.cache.used.values())
        return blocks_of(self.cache, self.known.union(self.code.met_blocks()))

    @property
    def unfinished(self) -> Virtual | None:
        """Where the current block, which was counted, is to go on; None if it is over."""
        return self.resumed

    def resume(self, pc: Virtual, passed: bool = False) -> None:
        """See Engine."""
        block = current_block(self)
        if passed or block.pc < pc < block.end:
            self.resumed = pc
            self.first = int(self.frame[Word.TAKE_OVER if passed else Word.RESUME])

    def retract(self, pc: Virtual) -> None:
        """Nothing to do: translated code takes back what did not run before it leaves."""

    def apply(self, plan: Plan) -> None:
        """Put a plan in force; code of another shape is found when it is reached."""
        changed = self.code.apply(plan)
        if self.code.weave.rows.emitters:
            windows = operations.windows()
            self.frame[Word.OPEN_WINDOW] = windows["open"]
            self.frame[Word.SHOW_WINDOW] = windows["show"]
        if changed is None:
            self.jumps.clear()
            if self.frame[Word.FETCH]:  # pages may have other records now
                self.code.fetch_natively(self.jumps)
        for page, offsets in (changed or {}).items():
            self.jumps.forget(page, partial(self.arena.holds_any, offsets=offsets))

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
        """The page of the block that was entered last."""
        return self.code.block_page()

    def observe(self, pc: Virtual, address: Virtual, size: int, value: int, write: bool) -> None:
        """Tell the plan of an access that the host made in the guest's place."""
        for operation in self.code.weave.plan.every_access:
            function, data = operation.called
            OPERATION(function)(data, pc, address, size, value, int(write))

    def retired(self, pc: Virtual, word: int, target: Virtual) -> None:
        """Tell the plan of an instruction that the host ran, with its registers as they are now."""
        if self.code.weave.plan.every_retired:
            tell_retired(self, self.code.weave.plan.every_retired, pc, word, target)

    def stop_for_callback(self, pc: Virtual, half_done: bool) -> None:
        """Leave before the instruction at pc; at the next look for requests if it is half done."""
        if half_done:
            self.stopping = True
            self.hart.request = 1
        else:
            self.frame[Word.EXIT] = Reason.CALLBACK

    def move(self, pc: Virtual) -> None:
        """Go on at another pc, from within a Python callback before an instruction or block."""
        self.moved = pc
