"""The LLVM engine of one vCPU."""

import ctypes

import numpy as np

from mttcg.engine.base import Discover, Exit, ExitKind, Memory
from mttcg.engine.llvm import runtime
from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.compile import FAST, OPTIMISED, RESUMED, Effort, compile_text
from mttcg.engine.llvm.emit import Ram
from mttcg.engine.llvm.floating import FloatFunction
from mttcg.engine.llvm.frame import JUMP_CACHE_ENTRIES, Reason, Word
from mttcg.engine.llvm.page import PageFunction, Sweep
from mttcg.engine.llvm.weave import Weave
from mttcg.instrument.plan import Plan
from mttcg.isa.riscv64.decode import PAGE
from mttcg.isa.riscv64.hart import Hart
from mttcg.isa.riscv64.traps import Cause
from mttcg.tbcache.cache import BlockCache

OPERATION = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * 6)
RUN = ctypes.CFUNCTYPE(None, ctypes.c_uint64, ctypes.c_uint64, ctypes.c_uint64)
NOWHERE = (1 << 64) - 1
CAUSES = {
    Reason.LOAD_MISALIGNED: Cause.LOAD_MISALIGNED,
    Reason.STORE_MISALIGNED: Cause.STORE_MISALIGNED,
}


class LlvmEngine:
    """Runs code that LLVM made of whole pages, shared by all vCPUs.

    The registers are those of the hart state: translated code writes each one through.

    Args:
        memory: what this process has mapped.
        hart: the hart's state.
        cache: the block cache, for the pages and their versions.
        arena: where the code is.
        discover: called with each block before its first execution here.
    """

    name = "llvm"

    def __init__(
        self, memory: Memory, hart: Hart, cache: BlockCache, arena: Arena, discover: Discover
    ) -> None:
        self.memory, self.hart, self.cache, self.arena = memory, hart, cache, arena
        self.discover = discover
        self.weave = Weave()
        self.frame = np.zeros(Word.WORDS, dtype=np.uint64)
        self.jumps = np.zeros((JUMP_CACHE_ENTRIES, 2), dtype=np.uint64)
        self.jumps[:, 0] = NOWHERE
        self.frame[Word.JUMP_CACHE] = self.jumps.ctypes.data
        self.frame[Word.ROWS] = self.weave.table.ctypes.data
        self.floats = FloatFunction(hart)
        self.frame[Word.FLOAT] = self.floats.address
        self.ram = Ram(memory.ram_base, memory.ram_size, memory.device_pages)
        hart_address = ctypes.addressof(ctypes.c_char.from_buffer(hart.words))
        self.arguments = (hart_address, int(self.frame.ctypes.data), memory.ram)
        self.native = RUN(self._runtime())
        self.known: set[tuple[int, int]] = set()
        self.improved: set[tuple[int, int]] = set()
        self.resumed: int | None = None
        self.moved: int | None = None
        self.stopping = False

    def _runtime(self) -> int:
        with self.arena.lock:
            found = self.arena.find(runtime.RUN_KEY)
            if found is None:
                found = self.arena.put(compile_text(runtime.TEXT, OPTIMISED))
                self.arena.publish(runtime.RUN_KEY, found)
        return found

    def run(self, pc: int) -> Exit:
        """Run from pc until something needs the vCPU."""
        hart, frame = self.hart, self.frame
        hart.pc = pc
        while True:
            frame[Word.EXIT] = Reason.NONE
            resumed, self.resumed = self.resumed, None
            if resumed == hart.pc:
                RUN(self._rest_of_block(hart.pc))(*self.arguments)
            if not frame[Word.EXIT]:
                self.native(*self.arguments)
            reason = Reason(int(frame[Word.EXIT]))
            if reason is not Reason.MISS:
                if reason is Reason.REQUEST and resumed == hart.pc:
                    self.resumed = resumed
                return self._exit(reason, hart.pc, int(frame[Word.EXIT_DETAIL]))
            if not 0 <= self.cache.page_of(hart.pc) < self.memory.ram_size // PAGE:
                return Exit(ExitKind.FETCH, hart.pc, address=hart.pc)
            self._learn(hart.pc)

    def _exit(self, reason: Reason, pc: int, detail: int) -> Exit:
        if reason is Reason.REQUEST and self.stopping:
            return Exit(ExitKind.CALLBACK, pc)
        if reason is Reason.CALLBACK:
            target, self.moved = self.moved, None
            return Exit(ExitKind.CALLBACK, pc if target is None else target)
        if reason is Reason.SYSTEM:
            return Exit(ExitKind.SYSTEM, pc, word=detail & 0xFFFF_FFFF)
        if reason is Reason.ACCESS:
            return Exit(ExitKind.ACCESS, pc, word=self._word_at(pc))
        if reason in CAUSES:
            return Exit(ExitKind.TRAP, pc, cause=CAUSES[reason], address=detail)
        if reason is Reason.ATOMIC_ACCESS:
            is_load = self._word_at(pc) >> 27 == 0b00010
            cause = Cause.LOAD_ACCESS if is_load else Cause.STORE_ACCESS
            return Exit(ExitKind.TRAP, pc, cause=cause, address=detail)
        self._improve(pc)
        return Exit(ExitKind.REQUEST, pc)

    def _improve(self, pc: int) -> None:
        """A request found the hart at pc: its page is worth more effort, once.

        Requests come at a steady rate, so a page is found in proportion to the time spent in it.
        """
        page = self.cache.page_of(pc)
        slot = self.cache.used.get(page)
        shape = self.weave.shape(pc & ~(PAGE - 1), (pc | PAGE - 1) + 1)
        if slot is None or (slot, shape) in self.improved:
            return
        self.improved.add((slot, shape))
        offsets = self.cache.known_blocks(slot)
        start = pc & ~(PAGE - 1)
        with self.arena.lock:
            if self.arena.find(self._key(slot, pc, OPTIMISED)) is None:
                sweep = self._sweep(page, slot, [start + offset for offset in offsets])
                self._translate(sweep, slot, OPTIMISED)
        self.jumps[:, 0] = NOWHERE

    def _word_at(self, pc: int) -> int:
        page = self.cache.page_of(pc)
        return self.cache.word_at(page, self.cache.used[page], pc % PAGE)

    def _learn(self, pc: int) -> None:
        """Find or make the code for pc, the best there is, and let jumps find it."""
        page, slot = self._enter(pc)
        self._show(page, slot, pc)
        code = self._find(slot, pc)
        if code is None:
            with self.arena.lock:
                code = self._find(slot, pc)
                if code is None:
                    code = self._translate(self._sweep(page, slot, [pc]), slot, FAST)[pc]
        row = self.jumps[(pc >> 1) % JUMP_CACHE_ENTRIES]
        row[1] = code
        row[0] = pc

    def _enter(self, pc: int) -> tuple[int, int]:
        """The page of a pc and the slot that it is fetched from."""
        page = self.cache.page_of(pc)
        if page not in self.cache.used:
            self.cache.enter_page(page)
        return page, self.cache.used[page]

    def _find(self, slot: int, pc: int) -> int | None:
        best = self.arena.find(self._key(slot, pc, OPTIMISED))
        return self.arena.find(self._key(slot, pc, FAST)) if best is None else best

    def _rest_of_block(self, pc: int) -> int:
        """Code that goes on in the middle of a block, up to its end."""
        page, slot = self._enter(pc)
        key = self._key(slot, pc, RESUMED)
        code = self.arena.find(key)
        if code is None:
            sweep = self._sweep(page, slot, [pc])
            sweep.leaders &= {pc}
            with self.arena.lock:
                code = self.arena.find(key) or self._translate(sweep, slot, RESUMED, pc)[pc]
        return code

    def _show(self, page: int, slot: int, pc: int) -> None:
        """Before the first execution of a block here: count how it was found, ask the plugins."""
        if (slot, pc) in self.known:
            return
        for leader in self._sweep(page, slot, [pc]).leaders:
            if (slot, leader) in self.known:
                continue
            self.known.add((slot, leader))
            block, found = self.cache.block(leader)
            self.hart.cache_hits += found
            self.hart.cache_misses += not found
            plan = self.discover(block)
            if plan is not None:
                self.apply(plan)

    def _sweep(self, page: int, slot: int, entries: list[int]) -> Sweep:
        start = self.memory.ram_base + page * PAGE
        return Sweep(start, lambda offset: self.cache.half_at(page, slot, offset), entries)

    def _key(self, slot: int, pc: int, effort: Effort) -> int:
        generation = int(self.cache.slots["generation"][slot])
        start = pc & ~(PAGE - 1)
        shape = self.weave.shape(start, start + PAGE)
        return hash((slot, generation, pc % PAGE, shape, effort.name)) & (1 << 62) - 1 | 1 << 62

    def _translate(
        self, sweep: Sweep, slot: int, effort: Effort, resumed: int | None = None
    ) -> dict[int, int]:
        """Translate what was swept and make it known; the code of each leader. Under the lock."""
        function = PageFunction(sweep, self.ram, self.weave, slot, effort is OPTIMISED, resumed)
        code = self.arena.put(compile_text(function.source(), effort))
        for leader in function.entries:
            key = self._key(slot, leader, effort)
            if self.arena.find(key) is None:
                self.arena.publish(key, code)
        return dict.fromkeys(function.entries, code)

    def read_x(self, register: int) -> int:
        """An integer register."""
        return self.hart.x[register]

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; register 0 is left alone."""
        self.hart.write_x(register, value)

    def read_f(self, register: int) -> int:
        """A floating-point register, its 64 bits."""
        return self.hart.f[register]

    def write_f(self, register: int, value: int) -> None:
        """Write the 64 bits of a floating-point register."""
        self.hart.f[register] = value

    def spill(self) -> None:
        """Nothing to do: the hart state is where the registers are."""

    spill_integer = spill

    def enable_float(self, enabled: bool) -> None:
        """Nothing to do: floating-point instructions look at mstatus themselves."""

    def fetch_again(self) -> int:
        """Look at every code page anew (fence.i); the number of blocks that were dropped."""
        dropped = 0
        changed = self.cache.changed_pages()
        for page in changed:
            dropped += len(self.cache.known_blocks(self.cache.used[page]))
            self.cache.enter_page(page)
        if changed:
            self.jumps[:, 0] = NOWHERE
        return dropped

    def resume(self, pc: int) -> None:
        """Say that what runs next at pc goes on with the current block, if that is not over."""
        block = self.cache.block(self.hart.block_pc)[0]
        if block.pc < pc < block.pc + block.size:
            self.resumed = pc

    def retract(self, pc: int) -> None:
        """Nothing to do: translated code takes back what did not run before it leaves."""

    def apply(self, plan: Plan) -> None:
        """Put a plan in force; code of another shape is found, or made, when it is reached."""
        self.weave = Weave(plan)
        self.frame[Word.ROWS] = self.weave.table.ctypes.data
        self.jumps[:, 0] = NOWHERE

    def observe(self, pc: int, address: int, size: int, value: int, write: bool) -> None:
        """Tell the plan of an access that the host made in the guest's place."""
        for operation in self.weave.plan.every_access:
            OPERATION(operation.function)(operation.data, pc, address, size, value, int(write))

    def stop_for_callback(self, pc: int, half_done: bool) -> None:
        """Leave before the instruction at pc; at the next look for requests if it is half done."""
        if half_done:
            self.stopping = True
            self.hart.request = 1
        else:
            self.frame[Word.EXIT] = Reason.CALLBACK

    def move(self, pc: int) -> None:
        """Go on at another pc, from within a Python callback before an instruction or block."""
        self.moved = pc
