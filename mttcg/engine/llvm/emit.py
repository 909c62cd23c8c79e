"""LLVM text for the instructions of a block: `Operations` on the names of SSA values.

TBAA keeps registers, counters and guest memory apart.
"""

from mttcg.engine.llvm import rounding as mxcsr
from mttcg.engine.llvm.accesses import Accesses
from mttcg.engine.llvm.arithmetic import Arithmetic
from mttcg.engine.llvm.floating import FRM_SHIFT, Floats
from mttcg.engine.llvm.frame import ONE_INSTRUCTION, Reason
from mttcg.engine.llvm.observed import Retired
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.text import COUNTER, REGISTER, Text, is_literal
from mttcg.engine.llvm.weave import Sites
from mttcg.isa.riscv64.csr import MSTATUS_FS

HOST_MODES = 4
"""All but to nearest with ties to the larger magnitude; their numbers come first."""


class Emitter(Arithmetic, Accesses):
    """Emits one block after another into a page's function.

    Args:
        text: where to.
        ram: guest RAM, and which of its pages are not plain.
        leaders: addresses of the page that have a label.
        sites: what the plan has for the page.
        slot: of the page in the block cache.
        held: whether passes follow that join what is only divided by a jump.
    """

    def __init__(
        self,
        text: Text,
        ram: Ram,
        leaders: frozenset[int],
        sites: Sites,
        slot: int,
        held: bool = False,
    ) -> None:
        super().__init__(text, ram, sites, slot, held)
        self.leaders = leaders
        self.prompt = sites.call_python()
        self.calls_out = False  # the place is a call, for which there may be better code by now
        self.reached: set[int] = set()  # leaders that are gone to
        self.uses_float = False
        self.floats = Floats(text)

    def begin(self, leader: int, again: bool, retreat: str = "") -> None:
        """Begin a segment; `again`: right behind itself, so that what is known still is.

        retreat: where it may go from its beginning, if an access is not to plain RAM.
        """
        self.leader, self.ended = leader, False
        self.checked.clear()
        self.registers.begin(again)
        self.spans.retreat = retreat

    # registers

    def read_x(self, register: int) -> str:
        """An integer register; x0 reads 0."""
        return self.registers.read_x(register)

    def write_x(self, register: int, value: str) -> None:
        """Write an integer register; x0 ignores it."""
        self.registers.write_x(register, value)

    def read_f(self, register: int) -> str:
        """The 64 bits of a floating-point register."""
        return self.registers.read_f(register)

    def write_f(self, register: int, value: str) -> None:
        """Write the 64 bits of a floating-point register."""
        self.registers.write_f(register, value)

    # floating point

    def float(self, operation: str, rounding: int, *operands: str) -> str:
        """A floating-point operation."""
        self.uses_float = True
        self.spans.retreat = ""  # it may raise flags
        return self.floats.emit(operation, rounding, operands)

    def require_float(self, word: int) -> None:
        """Leave, as an illegal instruction, if mstatus.FS is off; it stays on within a block."""
        if Reason.SYSTEM in self.checked:
            return
        self.checked.add(Reason.SYSTEM)
        status = self.text.value(f"load i64, ptr %mstatus, {COUNTER}")
        field = self.text.value(f"and i64 {status}, {MSTATUS_FS}")
        on = self.text.value(f"icmp ne i64 {field}, 0")
        self.leave_unless(on, Reason.SYSTEM, self.constant(word), retired=1)

    def require_rounding(self, word: int) -> None:
        """Leave if fcsr.frm holds a mode that the host lacks, or a reserved one."""
        if Reason.ROUNDING in self.checked:
            return
        self.checked.add(Reason.ROUNDING)
        fcsr = self.text.value(f"load i64, ptr %fcsr, {COUNTER}")
        mode = self.text.value(f"lshr i64 {fcsr}, {FRM_SHIFT}")
        good = self.text.value(f"icmp ule i64 {mode}, {HOST_MODES - 1}")
        self.leave_unless(good, Reason.ROUNDING, self.constant(word), retired=1)

    def read_float_control(self) -> str:
        """The floating-point control and status register."""
        label = self.text.name()[1:]
        self.text.lines += mxcsr.leave(f"leave{label}")
        self.text.lines += mxcsr.enter(f"enter{label}")
        return self.text.value(f"load i64, ptr %fcsr, {COUNTER}")

    def write_float_control(self, value: str) -> None:
        """Write fcsr."""
        self.spans.retreat = ""
        self.text.do(f"store i64 {value}, ptr %fcsr, {COUNTER}")
        self.text.lines += mxcsr.enter(f"mode{self.text.name()[1:]}")
        self.checked.discard(Reason.ROUNDING)

    # the end of an instruction

    def retire(self, target: str = "0") -> None:
        """The instruction is over, but for the jump to `target` if it is one."""
        if not self.woven.sites.every_retired:
            return
        place, facts = self.place, self.place.instruction.facts
        value = self.registers.wrote if facts.destination else "0"
        what = place.pc, place.word, facts.jumps, facts.destination
        self.woven.after_instruction(Retired(*what, value, target, self._count_retired))

    def _count_retired(self) -> str:
        """How many instructions were retired with this one, which ends its block."""
        text = self.text
        running = text.value(f"load i64, ptr %count, {COUNTER}")
        since = text.value(f"load i64, ptr %since, {COUNTER}")
        counted = text.value(f"sub i64 {running}, {since}")
        whole = text.value(f"add i64 {counted}, {self.pending.amount}")
        here = text.value(f"ashr i64 {whole}, {ONE_INSTRUCTION.bit_length() - 1}")
        before = text.value(f"load i64, ptr %instructions, {COUNTER}")
        return text.value(f"add i64 {before}, {here}")

    def leave(self, word: int) -> None:
        """Leave the instruction to the host; it counts as retired."""
        self.end()
        self._exit(self.text.lines, Reason.SYSTEM, self.constant(word), self.place.left - 1)
        self.ended = True

    illegal = leave

    # where to go on

    def jump(self, target: str) -> None:
        """Go on at an address."""
        self.retire(target)
        self.end()
        if is_literal(target):
            self.goto(int(target) & (1 << 64) - 1)
        else:
            self.text.do(f"store i64 {target}, ptr %next, {REGISTER}")
            self.text.do(f"br label %{'dispatch' if self.leaders else 'out'}")
        self.ended = True

    def branch(self, condition: str, target: int) -> None:
        """Go on at a known address if condition is not 0, else after the instruction."""
        self.retire()
        self.end()
        label = self.text.name()[1:]
        self.text.do(f"br i1 {self.text.bit(condition)}, label %yes{label}, label %no{label}")
        self.text.do(f"yes{label}:")
        self.goto(target)
        self.text.do(f"no{label}:")
        if self.next_round:
            self.woven.windows.leave(self.text.lines)
        self.goto(self.place.following)
        self.ended = True

    def goto(self, target: int) -> None:
        """Go on at a known address: a block of this page, or out by the dispatcher."""
        if target == self.leader and self.next_round:
            self.text.do(f"br label %{self.next_round}")
            return
        self.settle(self.text.lines, self.pending)
        if target in self.leaders and not self.calls_out:
            # every loop has a jump backward, or one by the dispatcher, which looks as well;
            # what Python changes is in force with the next block, whichever that is
            self.reached.add(target)
            head = "r" if target <= self.place.pc or self.prompt else "b"
            self.text.do(f"br label %{head}{target:x}")
        else:
            self.leave_to(target)
