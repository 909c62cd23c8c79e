"""ISAs as values: how they are found, and what the RISC-V one answers for the others."""

import mmap

import pytest

from mttcg.instrument.program.instructions import register_name
from mttcg.isa.registry import NAMES, UnknownIsaError, isa_named, isa_of_machine
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import MemoryFault, RegisterError, System, Trap
from mttcg.state.vcpu_state import NEVER, STATE_BYTES

MTIE, MSIE = 1 << 7, 1 << 3
SYSTEM: System[Hart] = RISCV64.system


class Clock:
    """A clock that stands."""

    def __init__(self, now: int = 1000) -> None:
        self.now = now

    def time(self) -> int:
        return self.now


@pytest.fixture
def hart() -> Hart:
    found = SYSTEM.state_at(memoryview(mmap.mmap(-1, 4 * STATE_BYTES)), 3)
    found.mhartid = 3
    return found


@pytest.mark.parametrize("name", NAMES)
def test_an_isa_is_found_by_its_name_and_by_its_elf_machine(name: str) -> None:
    isa = isa_named(name)
    assert isa.name == name
    assert isa_of_machine(isa.elf_machine) is isa
    assert isa_of_machine(NAMES[name]) is isa


@pytest.mark.parametrize("machine", [0, 62, 183])
def test_an_isa_that_there_is_not_is_an_error_that_says_which_there_are(machine: int) -> None:
    with pytest.raises(UnknownIsaError, match=f"{machine}; there is riscv64"):
        isa_of_machine(machine)


def test_no_isa_has_an_unknown_name() -> None:
    with pytest.raises(UnknownIsaError) as caught:
        isa_named("aarch64")
    assert caught.value.asked == "aarch64"


def test_a_hart_starts_with_its_number_the_device_tree_and_no_timer(hart: Hart) -> None:
    SYSTEM.start(hart, 0x8000_0000, 0x8010_0000, SYSTEM.extensions["llvm"])
    assert (hart.pc, hart.x[10], hart.x[11]) == (0x8000_0000, 3, 0x8010_0000)
    assert (hart.timer_deadline, hart.mstatus, hart.mie) == (NEVER, 0, 0)
    assert hart.misa == 2 << 62 | 0x14_112F  # imafdcsu, and b
    SYSTEM.start(hart, 0x8000_0000, 0x8010_0000, SYSTEM.extensions["unicorn"])
    assert hart.misa == 2 << 62 | 0x14_112D


def test_a_timer_that_was_set_before_a_hart_starts_stays(hart: Hart) -> None:
    hart.timer_deadline = 5
    SYSTEM.start(hart, 0x8000_0000, 0, ())
    assert hart.timer_deadline == 5


def test_a_hart_has_a_deadline_while_its_timer_interrupt_is_enabled(hart: Hart) -> None:
    hart.timer_deadline = 2000
    assert SYSTEM.deadline(hart) == NEVER
    hart.mie = MTIE
    assert SYSTEM.deadline(hart) == 2000
    assert not SYSTEM.wakes(hart, Clock(1999))
    assert SYSTEM.wakes(hart, Clock(2000))


def test_what_is_pending_wakes_if_it_is_enabled_whatever_the_status_says(hart: Hart) -> None:
    hart.timer_deadline, hart.lines[3] = NEVER, 1
    assert not SYSTEM.wakes(hart, Clock())
    hart.mie = MSIE
    assert SYSTEM.wakes(hart, Clock())
    hart.privilege = 3
    assert SYSTEM.take_interrupt(hart, Clock()) is None  # mstatus.MIE is 0


@pytest.mark.parametrize(
    ("fault", "cause", "name"),
    [
        (MemoryFault.FETCH, 1, "instruction access fault"),
        (MemoryFault.LOAD, 5, "load access fault"),
        (MemoryFault.STORE, 7, "store/AMO access fault"),
        (MemoryFault.LOAD_MISALIGNED, 4, "load address misaligned"),
        (MemoryFault.STORE_MISALIGNED, 6, "store/AMO address misaligned"),
    ],
)
def test_a_memory_fault_is_the_trap_that_the_specification_has(
    hart: Hart, fault: MemoryFault, cause: int, name: str
) -> None:
    trap = SYSTEM.fault(fault, 0x8000_0010, 0x1234)
    assert trap == Trap(cause, 0x8000_0010, 0x1234)
    assert SYSTEM.cause_name(trap.cause) == name
    hart.mtvec = 0x8000_0400
    SYSTEM.take_trap(hart, trap)
    assert (hart.pc, hart.mcause, hart.mtval, hart.traps) == (0x8000_0400, cause, 0x1234, 1)
    assert (SYSTEM.trapped_pc(hart), SYSTEM.handler(hart)) == (0x8000_0010, 0x8000_0400)


def test_the_word_of_an_illegal_instruction_is_known_and_of_others_not() -> None:
    assert SYSTEM.illegal_word(Trap(Cause.ILLEGAL_INSTRUCTION, 0, 0x1234)) == 0x1234
    assert SYSTEM.illegal_word(Trap(Cause.LOAD_ACCESS, 0, 0x1234)) is None


def test_registers_are_read_and_written_by_name(hart: Hart) -> None:
    for name, value in {"a0": 7, "f1": 8, "pc": 0x10, "fcsr": 0x1FF, "mtvec": 0x103}.items():
        SYSTEM.check_writable(name, value)
        SYSTEM.write_register(hart, name, value)
    SYSTEM.write_register(hart, "zero", 9)
    names = ("x10", "ft1", "pc", "fcsr", "mtvec", "zero", "mhartid")
    found = {name: SYSTEM.read_register(hart, name, Clock()) for name in names}
    assert list(found.values()) == [7, 8, 0x10, 0xFF, 0x101, 0, 3]
    assert SYSTEM.integer_registers(hart)[10] == 7
    assert {"pc", "a0", "ft0", "mstatus", "minstret"} <= set(SYSTEM.register_names)


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("b0", 0, "there is no register 'b0'; expected a0, x10"),
        ("mhartid", 0, "mhartid can't be written; expected mstatus, mie"),
        ("a0", 1 << 64, "a0: 18446744073709551616; expected an unsigned 64-bit value"),
        ("a0", -1, "a0: -1; expected"),
        ("a0", True, "a0: True; expected"),
        ("a0", "1", "a0: '1'; expected"),
        ("pc", 3, "pc: 0x3 is odd; expected the address of an instruction"),
    ],
)
def test_what_can_not_be_written_is_said_in_a_line(name: str, value: object, wrong: str) -> None:
    with pytest.raises(RegisterError, match=wrong) as caught:
        SYSTEM.check_writable(name, value)
    assert caught.value.name == name


@pytest.mark.parametrize(
    ("number", "name"),
    [(0, ""), (1, "ra"), (31, "t6"), (32, "ft0"), (63, "ft11"), (64, "?64"), (255, "?255")],
)
def test_the_names_of_registers_in_records(number: int, name: str) -> None:
    assert register_name(number) == name
