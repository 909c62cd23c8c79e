"""The instruction tests on the interpreter."""

import pytest
from instruction_cases import (
    FILES,
    MASK,
    MEMORY,
    MEMORY_SIZE,
    PC,
    Case,
    place_in_memory,
    read_cases,
    value,
)

from mttcg.isa.riscv64.interpreter import Interpreter, Left
from mttcg.isa.riscv64.registers import FLOAT, INDEX, INTEGER
from mttcg.isa.riscv64.table.decode import BY_NAME, decode
from mttcg.isa.riscv64.table.text import text
from mttcg.isa.riscv64.traps import Cause, Trap

CASES = [case for path in FILES for case in read_cases(path)]
ROUNDING_SHIFT = 5


def set_memory(memory: bytearray, name: str, number: int) -> None:
    place = place_in_memory(name)
    assert place is not None, name
    address, size = place
    at = address - MEMORY
    memory[at : at + size] = (number & (1 << 8 * size) - 1).to_bytes(size, "little")


def put(hart: Interpreter, name: str, written: str) -> None:
    """Set what an item names."""
    if name == "reserved":
        address, _, read = written.partition("/")
        hart.reservation = (value(address), value(read)) if read else None
    elif name == "float":
        hart.float_on = written != "off"
    elif name == "frm":
        hart.fcsr = hart.fcsr & 31 | value(written) << ROUNDING_SHIFT
    elif name == "fflags":
        hart.fcsr = hart.fcsr & ~31 | value(written)
    elif name == "pc":
        hart.pc = value(written)
    elif name in INDEX:
        file, register = INDEX[name]
        (hart.x if file == "x" else hart.f)[register] = value(written)
    else:
        set_memory(hart.memory, name, value(written))


def snapshot(hart: Interpreter) -> dict[str, object]:
    """Everything that can change."""
    return {
        **dict(zip(INTEGER, hart.x, strict=True)),
        **dict(zip(FLOAT, hart.f, strict=True)),
        "pc": hart.pc,
        "fcsr": hart.fcsr,
        "memory": bytes(hart.memory),
        "reservation": hart.reservation,
    }


def start(case: Case) -> Interpreter:
    hart = Interpreter(bytearray(MEMORY_SIZE), MEMORY, PC)
    for name, written in case.before.items():
        put(hart, name, written)
    return hart


def expect(case: Case) -> tuple[dict[str, object], Trap | Left | None]:
    hart = start(case)
    if case.leaves:
        return snapshot(hart), Left(case.word)
    if "trap" in case.after:
        cause = Cause[case.after["trap"].upper()]
        tval = case.after.get("tval")
        number = case.word if tval is None else value(tval)
        return snapshot(hart), Trap(cause, hart.pc, number)
    hart.pc = hart.pc + case.length & MASK
    hart.fcsr = hart.fcsr & ~31 | case.flags
    for name, written in case.after.items():
        put(hart, name, written)
    return snapshot(hart), None


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place} {case.text}")
def test_the_instruction_does_what_the_specification_says(case: Case) -> None:
    decoded = decode(case.word)
    assert ("reserved" if decoded is None else text(decoded)) == case.text
    hart = start(case)
    outcome = hart.step(case.word)
    found = snapshot(hart)
    expected, expected_outcome = expect(case)
    assert outcome == expected_outcome
    assert {
        name: (found[name], expected[name]) for name in found if found[name] != expected[name]
    } == {}


def test_every_instruction_has_a_case() -> None:
    tested = {decoded.name for case in CASES if (decoded := decode(case.word))}
    assert tested == set(BY_NAME)
