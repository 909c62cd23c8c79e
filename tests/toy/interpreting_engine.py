"""An engine that interprets the rows of any ISA, block by block; nothing in it is of one."""

from collections.abc import Callable
from typing import Any

from mttcg.engine.base import Exit, ExitKind, Untranslated, current_block, tell_retired
from mttcg.instrument.plan.plan import EMPTY, Plan
from mttcg.isa.base import Isa
from mttcg.isa.operations import Binary, Compare, Shift
from mttcg.memory.address import Virtual, physical_of
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import MASK
from mttcg.tbcache.cache import Block, BlockCache

ARITHMETIC: dict[str, Callable[[int, int], int]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
}


class LeftError(Exception):
    """The instruction is not for the engine."""

    def __init__(self, kind: ExitKind) -> None:
        self.kind = kind


class InterpretingEngine(Untranslated):
    """See `engine.base.Engine`.

    Args:
        isa: of the guest.
        hart: the hart's state.
        cache: the block cache.
        discover: called with each block before its first execution here.
    """

    name = "definition"
    native_system = None

    def __init__(
        self,
        isa: Isa,
        hart: VcpuState,
        cache: BlockCache,
        discover: Callable[[Block], Plan | None],
    ) -> None:
        self.isa, self.hart, self.cache, self.discover = isa, hart, cache, discover
        self.registers = isa.system.integer_registers(hart)
        self.known: set[tuple[int, Virtual]] = set()
        self.plan = EMPTY
        self.unfinished: Virtual | None = None
        self.pc = self.next = Virtual(0)

    def run(self, pc: Virtual) -> Exit:
        """Run from pc until something needs the vCPU."""
        while True:
            resumed, self.unfinished = self.unfinished == pc, None
            if self.hart.request and not resumed:
                return Exit(ExitKind.REQUEST, pc)
            if not self.cache.ram_range.holds(physical_of(pc)):
                return Exit(ExitKind.FETCH, pc, address=pc)
            block = self._block_at(pc)
            self.hart.blocks += not resumed
            self.hart.block_pc = pc
            for number, word in enumerate(block.instructions["word"].tolist()):
                try:
                    pc = self._step(pc, word)
                except LeftError as left:
                    counted = number + (left.kind is ExitKind.SYSTEM)
                    self.hart.instructions += counted
                    return Exit(left.kind, pc, word=word)
            self.hart.instructions += len(block.instructions)

    def _block_at(self, pc: Virtual) -> Block:
        page = self.cache.page_of(physical_of(pc))
        if page not in self.cache.used:
            self.cache.enter_page(page)
        block, found = self.cache.block(page, pc)
        if (block.slot, pc) not in self.known:
            self.known.add((block.slot, pc))
            self.hart.cache_hits += found
            self.hart.cache_misses += not found
            plan = self.discover(block)
            if plan is not None:
                self.apply(plan)
        return block

    def _step(self, pc: Virtual, word: int) -> Virtual:
        instruction = self.isa.code.decode(word)
        if instruction is None:
            raise LeftError(ExitKind.SYSTEM)
        self.pc, self.next = pc, Virtual(pc + instruction.length)
        operations: Any = self
        instruction.row.semantics(operations, instruction)
        self.retired(pc, word, self.next)
        return self.next

    # Operations

    def constant(self, value: int) -> int:
        """See Operations."""
        return value & MASK

    def pc_plus(self, displacement: int) -> int:
        """See Operations."""
        return self.pc + displacement & MASK

    def binary(self, operation: Binary, a: int, b: int, bits: int = 64) -> int:
        """See Operations."""
        return ARITHMETIC[operation](a, b) & (1 << bits) - 1

    def shift(self, operation: Shift, value: int, amount: int, bits: int = 64) -> int:
        """See Operations."""
        assert operation == "shl"
        return value << amount % bits & (1 << bits) - 1

    def compare(self, operation: Compare, a: int, b: int) -> int:
        """See Operations."""
        assert operation == "ne"
        return int(a != b)

    def sign_extend(self, value: int, bits: int) -> int:
        """See Operations."""
        half = 1 << bits - 1
        return (value + half & 2 * half - 1) - half & MASK

    def load(self, address: int, size: int) -> int:
        """See Operations."""
        return int.from_bytes(self._memory(address, size), "little")

    def store(self, address: int, size: int, value: int) -> None:
        """See Operations."""
        self._memory(address, size)[:] = (value & (1 << 8 * size) - 1).to_bytes(size, "little")

    def _memory(self, address: int, size: int) -> memoryview:
        ram, place = self.cache.ram_range, physical_of(Virtual(address))
        if not ram.holds(place, size):
            raise LeftError(ExitKind.ACCESS)
        at = ram.offset_of(place)
        return self.cache.ram.data[at : at + size]

    def jump(self, target: int) -> None:
        """See Operations."""
        self.next = Virtual(target)

    def branch(self, condition: int, displacement: int) -> None:
        """See Operations."""
        if condition:
            self.next = Virtual(self.pc + displacement & MASK)

    def system(self, word: int, does: object = None) -> None:
        """See Operations."""
        raise LeftError(ExitKind.SYSTEM)

    # Engine

    def read_x(self, register: int) -> int:
        """See Engine."""
        value: int = self.registers[register]
        return value

    def write_x(self, register: int, value: int) -> None:
        """See Engine."""
        if register:
            self.registers[register] = value

    def spill(self) -> None:
        """Nothing to do: the state is where the registers are."""

    spill_integer = fill = spill

    def watch_blocks(self, watched: bool) -> None:
        """Nothing to do: there are no plugins."""

    def enable_float(self, enabled: bool) -> None:
        """There is none."""

    def fetch_again(self) -> int:
        """See Engine."""
        changed = self.cache.changed_pages()
        dropped = sum(len(self.cache.known_blocks(self.cache.used[page])) for page in changed)
        for page in changed:
            self.cache.enter_page(page)
        return dropped

    def resume(self, pc: Virtual) -> None:
        """See Engine."""
        block = current_block(self)
        if block.pc < pc < block.end:
            self.unfinished = pc

    def apply(self, plan: Plan) -> None:
        """See Engine."""
        self.plan = plan

    def observe(self, pc: Virtual, address: Virtual, size: int, value: int, write: bool) -> None:
        """Nothing is attached to accesses here."""

    def retired(self, pc: Virtual, word: int, target: Virtual) -> None:
        """See Engine."""
        engine: Any = self
        tell_retired(engine, self.plan.every_retired, pc, word, target)
