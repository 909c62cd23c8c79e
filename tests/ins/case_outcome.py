"""What a case starts from and what it expects, as the state of an interpreter."""

from instruction_cases import MASK, MEMORY, MEMORY_SIZE, PC, Case, place_in_memory, value

from mttcg.isa.interpreted_memory import LeftInstruction
from mttcg.isa.riscv64.interpreter import Interpreter
from mttcg.isa.riscv64.registers import FLOAT, INDEX, INTEGER
from mttcg.isa.riscv64.traps import Cause
from mttcg.isa.system import Trap

Outcome = tuple[dict[str, object], Trap | LeftInstruction | None]
"""Everything that can change, and how the instruction ended: None if it completed."""


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
        hart.fcsr = hart.fcsr & 31 | value(written) << 5
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
    """The state before."""
    hart = Interpreter(bytearray(MEMORY_SIZE), MEMORY, PC)
    for name, written in case.before.items():
        put(hart, name, written)
    return hart


def expect(case: Case) -> Outcome:
    """The state after."""
    hart = start(case)
    if case.leaves:
        return snapshot(hart), LeftInstruction(case.word)
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


def differences(found: Outcome, expected: Outcome) -> dict[str, object]:
    """What differs, by name: (found, expected)."""
    pairs = {name: (found[0][name], expected[0][name]) for name in found[0]}
    pairs["outcome"] = (found[1], expected[1])
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}
