"""The llvm engine with Unicorn behind it, for instructions that the table lacks.

Registers, counts and plan are the same for both: a run looks as if LLVM had done all of it. Nothing
of Unicorn is loaded, made or mapped before it is needed.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from mttcg.engine.base import AccessRefused, Exit, ExitKind
from mttcg.engine.llvm.engine import LlvmEngine
from mttcg.engine.llvm.turn_limit import TurnLimit
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.base import Isa
from mttcg.isa.code import Code
from mttcg.isa.kind import Kind
from mttcg.memory.address import HostAddress, Physical, PhysicalPage, Virtual
from mttcg.state.named_counts import UnsupportedCounts
from mttcg.tbcache.cache import Block

if TYPE_CHECKING:
    from mttcg.engine.unicorn.stepper import Stepper


class FallbackEngine:
    """One vCPU's engine.

    An instruction that the table lacks runs on Unicorn, alone, and is counted by its name; one that
    Unicorn does not know either, or any of an ISA that it does not run, is illegal. So is any where
    addresses are translated, which Unicorn does not do.

    Args:
        engine: the llvm engine.
        isa: the guest's.
    """

    name = "llvm"

    def __init__(self, engine: LlvmEngine, isa: Isa) -> None:
        self.llvm, self.isa = engine, isa
        self.hart, self.cache, self.memory = engine.hart, engine.cache, engine.memory
        self.code = engine.cache.code
        self.has_unicorn = "unicorn" in isa.system.extensions
        self.native_system = engine.native_system
        self.unsupported = UnsupportedCounts(engine.hart)
        self.stepper: Stepper | None = None

    def take_turns(self, clock: HostAddress, end: Callable[[], int]) -> Callable[[], None]:
        """See Engine."""
        what = self.llvm.hart, self.llvm.frame, self.llvm.code.interpreter
        self.llvm.turn = TurnLimit(*what, clock, end)

        def begin_anew() -> None:
            self.llvm.resumed = self.llvm.moved = None
            self.llvm.stopping = False

        return begin_anew

    def run(self, pc: Virtual) -> Exit:
        """Run from pc until something needs the vCPU."""
        while True:
            left = self._run_some(pc)
            if left is not None:
                return left
            pc = self.hart.pc

    def _run_some(self, pc: Virtual) -> Exit | None:
        """Run until something needs the vCPU, or what Unicorn had to do is done: None."""
        left = self.llvm.run(pc)
        if left.kind is ExitKind.SYSTEM and self._may_be_known(left.word):
            return self._step(left)
        return left

    def _may_be_known(self, word: int) -> bool:
        """Whether an instruction that the engine came back for may run on Unicorn."""
        if not self.has_unicorn or self.isa.system.translates(self.hart):
            return False
        found = self.code.decode(word)
        if found is not None and found.name not in self.llvm.translator.uncovered:
            return False
        kind = self.code.facts(word).kind
        return kind not in {*self.cache.left_to_host.kinds, Kind.BREAKPOINT, Kind.ILLEGAL}

    def _step(self, left: Exit) -> Exit | None:
        """Run one instruction on Unicorn; it counts as retired already."""
        stepped = self._stepper().step(left.pc, left.word, self.llvm.code.weave.plan)
        if stepped is not None and stepped.kind is ExitKind.SYSTEM:
            return left
        self.unsupported.add(mnemonic(self.code, left.word, left.pc))
        if stepped is None:
            self.retired(left.pc, left.word, self.hart.pc)
        if stepped is not None:
            self.hart.instructions -= 1
            return stepped
        if not self.code.facts(left.word).kind.ends_block:
            self.llvm.resume(self.hart.pc)
        return None

    def _stepper(self) -> "Stepper":
        if self.stepper is None:
            from mttcg.engine.unicorn.stepper import Stepper

            self.stepper = Stepper(self.memory, self.hart, self.isa)
        return self.stepper

    def read_x(self, register: int) -> int:
        """An integer register."""
        return self.llvm.read_x(register)

    def write_x(self, register: int, value: int) -> None:
        """Write an integer register; register 0 is left alone."""
        self.llvm.write_x(register, value)

    def read_f(self, register: int) -> int:
        """A floating-point register, its 64 bits."""
        return self.llvm.read_f(register)

    def write_f(self, register: int, value: int) -> None:
        """Write the 64 bits of a floating-point register."""
        self.llvm.write_f(register, value)

    def spill(self) -> None:
        """Copy all registers to the hart state."""
        self.llvm.spill()

    def spill_integer(self) -> None:
        """Copy the integer registers to the hart state."""
        self.llvm.spill_integer()

    def fill(self) -> None:
        """Take all registers from the hart state."""
        self.llvm.fill()

    def enable_float(self, enabled: bool) -> None:
        """Nothing to do: all look themselves."""

    def fetch_again(self) -> int:
        """Look at every code page anew; the number of blocks that were dropped."""
        return self.llvm.fetch_again()

    def watch_blocks(self, watched: bool) -> None:
        """Say whether plugins are shown each block before this vCPU runs it for the first time."""
        self.llvm.watch_blocks(watched)

    def known_blocks(self) -> list[Block]:
        """The blocks that were discovered, of the code as it is now; in order of pc."""
        return self.llvm.known_blocks()

    def retract(self, pc: Virtual) -> None:
        """Nothing to do: what did not run was taken back."""

    @property
    def unfinished(self) -> Virtual | None:
        """Where the current block, which was counted, is to go on; None if it is over."""
        return self.llvm.unfinished

    def retired(self, pc: Virtual, word: int, target: Virtual) -> None:
        """Tell the plan of an instruction that the host ran, with its registers as they are now."""
        self.llvm.retired(pc, word, target)

    def resume(self, pc: Virtual, passed: bool = False) -> None:
        """See Engine."""
        self.llvm.resume(pc, passed)

    def stop_for_callback(self, pc: Virtual, half_done: bool) -> None:
        """Leave at the next chance, from within a Python callback."""
        self.llvm.stop_for_callback(pc, half_done)

    def move(self, pc: Virtual) -> None:
        """Go on at another pc, from within a Python callback before an instruction or block."""
        self.llvm.move(pc)

    def apply(self, plan: Plan) -> None:
        """Put a plan in force; code of another shape is found when it is reached."""
        self.llvm.apply(plan)

    def translate(self, address: Virtual, size: int, stores: bool) -> Physical | AccessRefused:
        """The physical address for an access within a page, as the hart is now."""
        return self.llvm.translate(address, size, stores)

    def fetch_other_version(self) -> None:
        """See Engine."""
        self.llvm.fetch_other_version()

    def fence_translations(self) -> None:
        """Drop all that is kept of address translation."""
        self.llvm.fence_translations()

    def block_page(self) -> PhysicalPage:
        """The page of the block that was entered last."""
        return self.llvm.block_page()

    def observe(self, pc: Virtual, address: Virtual, size: int, value: int, write: bool) -> None:
        """Tell the plan of an access that the host made in the guest's place."""
        self.llvm.observe(pc, address, size, value, write)


def mnemonic(code: Code, word: int, pc: Virtual) -> str:
    """The name of an instruction, or its bits if nobody has one."""
    text = code.disassemble(word.to_bytes(4, "little")[: code.length(word)], pc)[0][2]
    return text if text.startswith(".insn") else text.split()[0]
