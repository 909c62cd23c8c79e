"""Interrupts: which are pending, and enabled, at either level (Privileged ISA 3.1.9, 10.1.3).

A supervisor's bits of mip can be written by software, each but the timer's with stimecmp (Sstc).
The bit for software interrupts is raised by others as well, through an input of the hart: firmware
that is not the guest's does. An instruction that clears the bit lowers that input if it has read it
as raised, so what is raised meanwhile stays.
The level of an external interrupt's line is seen with the bit that software wrote; csrrs and csrrc
change the written bit alone.
"""

from mttcg.isa.operations import Operations, StateWords, SystemWords, V
from mttcg.isa.riscv64.csr_row import Csr, field, masked
from mttcg.isa.riscv64.environment import kept_of
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.system import Clock
from mttcg.state.words import MASK

SUPERVISOR_SOFTWARE, SUPERVISOR_TIMER, SUPERVISOR_EXTERNAL = 1, 5, 9
SOFTWARE_NUMBER, TIMER_NUMBER, EXTERNAL_NUMBER = 3, 7, 11
"""Machine-level interrupts, as mcause has them (3.1.15)."""
SOURCES = {
    **dict.fromkeys((SUPERVISOR_SOFTWARE, SOFTWARE_NUMBER), "software"),
    **dict.fromkeys((SUPERVISOR_TIMER, TIMER_NUMBER), "timer"),
}
"""What interrupts come from that come from no controller."""
SOFTWARE_INTERRUPT = 1 << SOFTWARE_NUMBER
TIMER_INTERRUPT = 1 << TIMER_NUMBER
EXTERNAL_INTERRUPT = 1 << EXTERNAL_NUMBER
SUPERVISOR_TIMER_INTERRUPT = 1 << SUPERVISOR_TIMER
LINES = (SOFTWARE_NUMBER, EXTERNAL_NUMBER, SUPERVISOR_SOFTWARE, SUPERVISOR_EXTERNAL)
"""Inputs whose levels are pending interrupts of the same numbers."""
DELEGABLE = 1 << SUPERVISOR_SOFTWARE | 1 << SUPERVISOR_TIMER | 1 << SUPERVISOR_EXTERNAL
"""Supervisor-level interrupts: software may write their bits, and mideleg have them."""
ENABLEABLE = SOFTWARE_INTERRUPT | TIMER_INTERRUPT | EXTERNAL_INTERRUPT | DELEGABLE
PRIORITY = (
    EXTERNAL_NUMBER,
    SOFTWARE_NUMBER,
    TIMER_NUMBER,
    SUPERVISOR_EXTERNAL,
    SUPERVISOR_SOFTWARE,
    SUPERVISOR_TIMER,
)
"""Of interrupts that are due together, the first is taken (3.1.9)."""
MENVCFG_STCE = 1 << 63
"""Whether a supervisor has stimecmp (Sstc)."""


def _without_clock(ops: Operations[V], hart: StateWords[V]) -> V:
    found = hart.read_state("mip_written")
    for number in LINES:
        level = ops.shift("shl", hart.input_level(number), ops.constant(number))
        found = ops.binary("or", found, level)
    return found


def _machine_timer(ops: Operations[V], hart: StateWords[V]) -> V:
    return ops.shift("shl", hart.timer_level(), ops.constant(TIMER_NUMBER))


def _supervisor_timer(ops: Operations[V], hart: StateWords[V]) -> V:
    has_one = masked(ops, hart.read_state("menvcfg"), MENVCFG_STCE)
    level = hart.given(has_one, lambda: hart.has_come(hart.read_state("stimecmp")))
    return ops.shift("shl", level, ops.constant(SUPERVISOR_TIMER))


def pending(ops: Operations[V], hart: StateWords[V]) -> V:
    """The value of mip: what software wrote, and the levels of the hart's inputs now."""
    timers = ops.binary("or", _machine_timer(ops, hart), _supervisor_timer(ops, hart))
    return ops.binary("or", _without_clock(ops, hart), timers)


def enabled_interrupts(ops: Operations[V], hart: StateWords[V]) -> V:
    """Those pending and enabled in mie, whatever mstatus says: what ends a wait.

    To look at the clock takes longer than all else, so that is done only if it matters.
    """
    enabled = hart.read_state("mie")
    found = ops.binary("and", _without_clock(ops, hart), enabled)
    machine = masked(ops, enabled, TIMER_INTERRUPT)
    supervisor = masked(ops, enabled, SUPERVISOR_TIMER_INTERRUPT)
    for timer, level in ((machine, _machine_timer), (supervisor, _supervisor_timer)):
        raised = hart.given(timer, lambda level=level: level(ops, hart))  # type: ignore[misc]
        found = ops.binary("or", found, raised)
    return found


def may_be_pending(hart: Hart, clock: Clock) -> bool:
    """Whether anything is pending, enabled or not: a quick look, for who asks again and again."""
    lines = hart.lines
    if hart.mip_written or any(lines[number] for number in LINES):
        return True
    time = clock.time()
    return hart.timer_deadline <= time or hart.stimecmp <= time & MASK


def _write_mip(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    has_timer = masked(ops, hart.read_state("menvcfg"), MENVCFG_STCE)
    without = masked(ops, value, DELEGABLE & ~SUPERVISOR_TIMER_INTERRUPT)
    kept = ops.select(has_timer, without, masked(ops, value, DELEGABLE))
    hart.write_state("mip_written", kept)


def _write_sip(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    own = masked(ops, hart.read_state("mideleg"), 1 << SUPERVISOR_SOFTWARE)
    old = hart.read_state("mip_written")
    others = ops.binary("and", old, ops.binary("xor", own, ops.constant(MASK)))
    hart.write_state("mip_written", ops.binary("or", others, ops.binary("and", value, own)))


def _read_sip(ops: Operations[V], hart: SystemWords[V]) -> V:
    return ops.binary("and", pending(ops, hart), hart.read_state("mideleg"))


def _read_sie(ops: Operations[V], hart: SystemWords[V]) -> V:
    return ops.binary("and", hart.read_state("mie"), hart.read_state("mideleg"))


def _write_mie(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    hart.write_state("mie", masked(ops, value, ENABLEABLE))


def _write_sie(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    old, own = hart.read_state("mie"), hart.read_state("mideleg")
    changed = ops.binary("and", ops.binary("xor", old, value), own)
    hart.write_state("mie", ops.binary("xor", old, changed))


def _write_menvcfg(ops: Operations[V], hart: SystemWords[V], value: V) -> None:
    """With stimecmp, software's bit for the timer is gone (Sstc, chapter 2)."""
    timer = masked(ops, value, MENVCFG_STCE)
    hart.write_state("menvcfg", ops.binary("or", timer, kept_of(ops, value)))
    old = hart.read_state("mip_written")
    without = masked(ops, old, ~SUPERVISOR_TIMER_INTERRUPT)
    hart.write_state("mip_written", ops.select(masked(ops, value, MENVCFG_STCE), without, old))


def _kept(ops: Operations[V], hart: SystemWords[V], old: V) -> V:
    """What software wrote, and of inputs that of software interrupts."""
    written = hart.read_state("mip_written")
    return ops.binary("or", written, masked(ops, old, 1 << SUPERVISOR_SOFTWARE))


def _acknowledge(ops: Operations[V], hart: SystemWords[V], old: V, new: V) -> None:
    """What the hart does behind it sees what was stored before the input was raised."""
    cleared = ops.binary("and", old, ops.binary("xor", new, ops.constant(MASK)))
    softwares = masked(ops, cleared, 1 << SUPERVISOR_SOFTWARE)
    hart.given(softwares, lambda: hart.lower_input(SUPERVISOR_SOFTWARE))


MIP = Csr("mip", pending, _write_mip, True, kept=_kept, acknowledge=_acknowledge)
MIE = Csr("mie", field("mie"), _write_mie, changes_status=True)
SIP = Csr("sip", _read_sip, _write_sip, True, kept=_kept, acknowledge=_acknowledge)
SIE = Csr("sie", _read_sie, _write_sie, changes_status=True)
MENVCFG = Csr("menvcfg", field("menvcfg"), _write_menvcfg, changes_status=True)
