"""Changes what the guest `letters` prints, in every way in which a plugin may change anything.

What goes wrong raises, and so fails the run.
"""

from typing import Any

from mttcg.instrument import Cpu, instrument, instrument_block, instrument_memory, symbol
from mttcg.instrument.errors import (
    InstrumentError,
    NotRamError,
    StateUnavailableError,
    UnknownRegisterError,
)

UART_SCRATCH = 0x1000_0007
MASK = (1 << 64) - 1


def check_refused(kind: type[InstrumentError], function: Any, *arguments: Any) -> None:
    try:
        function(*arguments)
    except kind:
        return
    raise AssertionError(f"{function}{arguments} was not refused with {kind.__name__}")


def set_pc(cpu: Cpu, value: int) -> None:
    cpu.pc = value


def check_reading(cpu: Cpu) -> None:
    assert cpu.read_register("pc") == cpu.pc
    assert cpu.read_register("zero") == cpu.read_register("x0") == 0
    assert cpu.read_register("s3") == cpu.read_register("x19") == 0x1000_0000
    assert cpu.read_register("fp") == cpu.read_register("s0") == symbol("letter")
    assert cpu.read_memory(symbol("letter"), 1) == b"?"
    assert cpu.read_memory(symbol("letter"), 0) == b""
    for name in ("a11", "pcc", "", "x32", "f32", "A0", "mstatus"):
        check_refused(UnknownRegisterError, cpu.read_register, name)
        check_refused(UnknownRegisterError, cpu.write_register, name, 1)
    for address, size in ((0, 1), (0x7FFF_FFFF, 1), (0x8000_0000, -1), (MASK, 8), (1 << 70, 1)):
        check_refused(NotRamError, cpu.read_memory, address, size)
    check_refused(NotRamError, cpu.write_memory, 0x1000_0000, b"x")


def by_register(cpu: Cpu, _opaque: Any) -> None:
    check_reading(cpu)
    cpu.write_register("a1", ord("R"))
    assert cpu.read_register("x11") == ord("R")


def register_used(cpu: Cpu, _opaque: Any) -> None:
    assert cpu.read_register("a1") == ord("R")
    cpu.write_register("t6", -1)
    assert cpu.read_register("t6") == MASK


def by_memory(cpu: Cpu, _opaque: Any) -> None:
    assert cpu.read_register("t6") == MASK
    cpu.write_memory(symbol("letter"), b"M")


def skipped(cpu: Cpu, _opaque: Any) -> None:
    assert cpu.read_register("a1") == ord("S")
    cpu.write_register("pc", cpu.pc + 4)


def moved(cpu: Cpu, _opaque: Any) -> None:
    cpu.pc = symbol("elsewhere")
    assert cpu.read_register("pc") == symbol("elsewhere")


def by_float(cpu: Cpu, _opaque: Any) -> None:
    assert cpu.read_register("fa0") == cpu.read_register("f10") == 0x404F_8000_0000_0000
    cpu.write_register("fa0", 0x4051_8000_0000_0000)


def by_block(cpu: Cpu, block: Any, letter: str) -> None:
    assert block.pc == cpu.pc == symbol("by_block")
    assert cpu.read_register("a1") == ord("?")
    cpu.write_register("a1", ord(letter))


def moved_block(cpu: Cpu, _block: Any, _opaque: Any) -> None:
    cpu.pc = symbol("elsewhere_block")


def by_zero(cpu: Cpu, _opaque: Any) -> None:
    cpu.write_register("zero", 5)
    assert cpu.read_register("zero") == 0
    cpu.pc = cpu.pc  # where it is anyhow: nothing is skipped, nothing is repeated


def by_store(cpu: Cpu, _opaque: Any) -> None:
    cpu.write_register("a1", ord("W"))


def in_access(cpu: Cpu, access: Any, _opaque: Any) -> None:
    """Everything can be read while an access is made, but only memory be written."""
    assert cpu.pc == access.pc == cpu.read_register("pc")
    if access.pc == symbol("by_store"):
        assert cpu.read_register("a1") == access.value == ord("W")
        assert cpu.read_memory(access.address, 1) == b"M", "a store is told before it is made"
    if access.pc == symbol("by_device"):
        assert cpu.read_register("a1") == ord("?"), "a load is told before its register is written"
    if access.pc == symbol("by_memory"):
        assert cpu.read_register("a1") == ord("?")
    check_refused(StateUnavailableError, cpu.write_register, "a0", 1)
    check_refused(StateUnavailableError, cpu.write_register, "fa0", 1)
    check_refused(StateUnavailableError, cpu.write_register, "pc", 1)
    check_refused(StateUnavailableError, set_pc, cpu, 0)
    kept = cpu.read_memory(symbol("letter") + 1, 1)
    cpu.write_memory(symbol("letter") + 1, bytes([kept[0] ^ 1]))


def plugin_init(_options: object) -> bool:
    for function in (
        by_register,
        register_used,
        by_memory,
        skipped,
        moved,
        by_float,
        by_zero,
        by_store,
    ):
        instrument(0, symbol(function.__name__), function)
    instrument_block(0, symbol("by_block"), by_block, "B")
    instrument_block(0, symbol("moved_block"), moved_block)
    instrument_memory(0, in_access)
    return True


def plugin_pre_translate(cpu: Cpu, pc: int) -> None:
    assert cpu.pc == pc
    check_refused(StateUnavailableError, cpu.read_register, "a0")
    check_refused(StateUnavailableError, cpu.read_register, "pc")
    check_refused(StateUnavailableError, cpu.write_register, "a0", 1)
    check_refused(StateUnavailableError, set_pc, cpu, pc + 4)
    check_refused(StateUnavailableError, cpu.read_memory, pc, 4)
    check_refused(StateUnavailableError, cpu.write_memory, pc, b"x")


def plugin_trap(cpu: Cpu, cause: int, pc: int, interrupt: bool) -> None:
    assert (cause, interrupt) == (11, False)
    assert cpu.pc == symbol("on_trap")
    if pc == symbol("by_trap"):
        cpu.write_register("a1", ord("T"))
    if pc == symbol("moved_trap"):
        cpu.pc = symbol("other_trap")


def plugin_mmio(cpu: Cpu, device: str, address: int, size: int, value: int, write: bool) -> None:
    if address == UART_SCRATCH and not write:
        assert (size, value, cpu.pc) == (1, ord("?"), symbol("by_device"))
        assert cpu.read_register("a1") == ord("?")
        cpu.write_register("a1", ord("D"))
