"""The levels of privilege of RV64GC, as the rest of the project asks for it."""

from collections.abc import Callable, Mapping

from mttcg.isa.context import context_of
from mttcg.isa.riscv64.csr import BASIC_COUNTERS, COUNTERS, DELEGABLE_EXCEPTIONS
from mttcg.isa.riscv64.environment import KEPT
from mttcg.isa.riscv64.extensions import EXTENSIONS, isa_text, misa
from mttcg.isa.riscv64.hart_words import ARITHMETIC, HartWords, StoppedClock, execute
from mttcg.isa.riscv64.interrupts import (
    DELEGABLE,
    MENVCFG_STCE,
    SOFTWARE_NUMBER,
    SOURCES,
    SUPERVISOR_SOFTWARE,
    SUPERVISOR_TIMER_INTERRUPT,
    TIMER_INTERRUPT,
    enabled_interrupts,
    may_be_pending,
)
from mttcg.isa.riscv64.named_registers import (
    NAMES,
    check_writable,
    read_register,
    write_register,
)
from mttcg.isa.riscv64.privilege import LEVEL_NAMES, LEVELS, MACHINE, SUPERVISOR
from mttcg.isa.riscv64.protection import open_to_all
from mttcg.isa.riscv64.run_ahead import RunAhead
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.status import MSTATUS_FS, MSTATUS_SIE
from mttcg.isa.riscv64.translation import BARE, MODE_SHIFT, ROOT_BITS, is_translated, look_up
from mttcg.isa.riscv64.traps import (
    CAUSE_NAMES,
    FAULT_CAUSES,
    Cause,
    allowed_interrupts,
    due_interrupts,
    take_interrupt,
    take_trap,
)
from mttcg.isa.system import Clock, HostCall, MemoryFault, Trap
from mttcg.memory.address import Physical, Virtual
from mttcg.state.vcpu_state import NEVER

HART_ID, DEVICE_TREE, INFORMATION = 10, 11, 12
"""The registers a0 to a2: at the start who the hart is, where the device tree, and what firmware is
to start (OpenSBI: include/sbi/fw_dynamic.h)."""

SEMIHOSTING = HostCall(
    before=bytes.fromhex("1310f001"),  # slli zero, zero, 0x1f
    word=0x0010_0073,  # ebreak, not c.ebreak
    after=bytes.fromhex("13507040"),  # srai zero, zero, 7
    operation=10,
    parameter=11,
)
"""RISC-V Semihosting 1.0, "Semihosting Trap Instruction Sequence"; the registers are a0 and a1."""


def float_enabled(hart: Hart) -> bool:
    """Whether mstatus.FS lets floating-point instructions run."""
    return bool(hart.mstatus & MSTATUS_FS)


class Rv64System:
    """See `isa.system.System`."""

    extensions: Mapping[str, tuple[str, ...]] = EXTENSIONS
    register_names = NAMES
    handler_name, value_name = "mtvec", "tval"
    levels: Mapping[str, int] = LEVELS
    interrupt_sources: Mapping[int, str] = SOURCES
    interprocessor_cause: int | None = SOFTWARE_NUMBER
    host_call: HostCall | None = SEMIHOSTING
    isa_text = staticmethod(isa_text)
    execute = staticmethod(execute)
    float_enabled = staticmethod(float_enabled)
    read_register = staticmethod(read_register)
    write_register = staticmethod(write_register)
    check_writable = staticmethod(check_writable)

    def state_at(self, segment: memoryview, index: int) -> Hart:
        """See System."""
        return Hart(segment, index)

    def start(
        self,
        state: Hart,
        pc: Virtual,
        device_tree: Physical,
        extensions: tuple[str, ...],
        information: int = 0,
    ) -> None:
        """See System."""
        state.pc, state.misa, state.mhartid = pc, misa(extensions), state.index
        state.privilege, state.stimecmp = MACHINE, NEVER
        state.timer_deadline = state.timer_deadline or NEVER
        state.write_x(HART_ID, state.index)
        state.write_x(DEVICE_TREE, device_tree)
        state.write_x(INFORMATION, information)

    def start_supervisor(
        self, state: Hart, pc: Virtual, argument: int, extensions: tuple[str, ...]
    ) -> None:
        """See System. As SBI starts a hart (SBI 2.0, chapter 9, hart_start).

        All exceptions and interrupts of a supervisor go to it: it is told of those that firmware
        handles elsewhere, and then redirects to it.
        """
        self.start(state, pc, Physical(argument), extensions)
        state.privilege, state.firmware = SUPERVISOR, 1
        state.medeleg = DELEGABLE_EXCEPTIONS & ~(1 << Cause.ECALL_SUPERVISOR)
        state.mideleg = DELEGABLE
        state.mcounteren, state.menvcfg = COUNTERS, MENVCFG_STCE | KEPT
        state.scounteren = BASIC_COUNTERS  # Linux never sets it, and programs read the time
        state.mstatus &= ~MSTATUS_SIE
        state.mie = state.mip_written = state.sscratch = state.satp = 0
        state.lines[SUPERVISOR_SOFTWARE] = 0  # it has been off, and nobody interrupts it then
        state.stvec = pc
        open_to_all(state)

    def begin_counts(self, state: Hart) -> None:
        """See System."""
        state.mcycle_base -= state.instructions
        state.minstret_base -= state.instructions
        state.instructions = 0

    def fault(self, fault: MemoryFault, pc: Virtual, address: Virtual) -> Trap:
        """See System."""
        return Trap(FAULT_CAUSES[fault], pc, address)

    def take_trap(self, state: Hart, trap: Trap) -> None:
        """See System."""
        hart = HartWords(state, StoppedClock())
        take_trap(ARITHMETIC, hart, trap.cause, trap.pc, trap.value)

    def take_interrupt(self, state: Hart, clock: Clock) -> int | None:
        """See System."""
        if not may_be_pending(state, clock):
            return None
        hart = HartWords(state, clock)
        due = due_interrupts(ARITHMETIC, hart)
        return take_interrupt(ARITHMETIC, hart, due) if due else None

    def wakes(self, state: Hart, clock: Clock) -> bool:
        """Whether an interrupt is pending that mie lets through, whatever mstatus says."""
        if not may_be_pending(state, clock):
            return False
        return enabled_interrupts(ARITHMETIC, HartWords(state, clock)) != 0

    def deadline(self, state: Hart) -> int:
        """See System."""
        machine = state.timer_deadline if state.mie & TIMER_INTERRUPT else NEVER
        has_own = state.menvcfg & MENVCFG_STCE and state.mie & SUPERVISOR_TIMER_INTERRUPT
        return min(machine, state.stimecmp if has_own else NEVER)

    def timers(self, state: Hart) -> tuple[int, ...]:
        """See System."""
        return tuple(time for time in (state.timer_deadline, state.stimecmp) if time != NEVER)

    def cause_name(self, cause: int) -> str:
        """See System."""
        return CAUSE_NAMES[Cause(cause)]

    def handler(self, state: Hart) -> int:
        """See System."""
        return state.stvec if state.privilege == SUPERVISOR else state.mtvec

    def trapped_pc(self, state: Hart) -> Virtual:
        """See System."""
        return state.sepc if state.privilege == SUPERVISOR else state.mepc

    def trap_places(self, state: Hart) -> tuple[Virtual, ...]:
        """See System. Exceptions go to the base, also where interrupts are vectored."""
        handlers = (Virtual(vector & ~3) for vector in (state.mtvec, state.stvec))
        return *handlers, state.mepc, state.sepc

    def illegal_word(self, trap: Trap) -> int | None:
        """See System."""
        return trap.value if trap.cause == Cause.ILLEGAL_INSTRUCTION else None

    def look_up(
        self, state: Hart, address: Virtual, read: Callable[[Physical], int | None]
    ) -> Physical | None:
        """See System."""
        return look_up(state, address, read)

    def translates(self, state: Hart) -> bool:
        """See System."""
        return state.satp >> MODE_SHIFT != BARE

    def context(self, state: Hart) -> int:
        """See System. The space is the page of the root table.

        ASIDs are no part of it: the same tables are the same space, whatever number they have.
        """
        translated = is_translated(state, state.privilege)
        return context_of(state.privilege, state.satp & ROOT_BITS if translated else 0)

    def level_name(self, state: Hart) -> str:
        """See System."""
        return LEVEL_NAMES[state.privilege]

    def may_be_interrupted(self, state: Hart) -> bool:
        """See System."""
        return bool(state.mie & allowed_interrupts(ARITHMETIC, HartWords(state, StoppedClock())))

    def run_ahead(self, state: Hart, read: Callable[[int, int], int]) -> RunAhead:
        """See System."""
        return RunAhead(state, read)

    def integer_registers(self, state: Hart) -> memoryview:
        """See System."""
        return state.x
