"""Registers of a hart by name, read and written from outside while it stands still."""

from mttcg.isa.riscv64.csr import CSRS
from mttcg.isa.riscv64.hart_words import ARITHMETIC, HartWords, StoppedClock
from mttcg.isa.riscv64.registers import FLOAT, INDEX, INTEGER
from mttcg.isa.riscv64.state import Hart
from mttcg.isa.system import Clock, RegisterError
from mttcg.memory.address import Virtual
from mttcg.state.words import MASK

CSR_BY_NAME = {csr.name: csr for csr in CSRS.values()}
NOT_SHOWN = ("mhpm", "pmp", "time")
"""CSRs that are constant, or no state of the hart: read when they are named, only."""
WRITABLE = (
    "mstatus mie mtvec mcounteren mscratch mepc mcause mtval mcycle minstret medeleg mideleg "
    "menvcfg sstatus sie stvec scounteren senvcfg sscratch sepc scause stval stimecmp satp"
).split()
COUNTS = ("mcycle", "minstret", "cycle", "instret")
"""What an instruction that reads them has not counted itself yet; here none reads them."""
FLOAT_CONTROL = {"fcsr": (0, 0xFF), "fflags": (0, 0x1F), "frm": (5, 7)}
"""Where each is in fcsr: its lowest bit, and its mask from there (Unprivileged ISA 20.2)."""
NAMES = (
    "pc",
    *INTEGER,
    *FLOAT,
    "fcsr",
    *(name for name in CSR_BY_NAME if not name.startswith(NOT_SHOWN)),
)


def read_register(hart: Hart, name: str, clock: Clock) -> int:
    """A register's value; raises RegisterError."""
    if name in CSR_BY_NAME:
        value = CSR_BY_NAME[name].read(ARITHMETIC, HartWords(hart, clock))
        return value + 1 & MASK if name in COUNTS else value
    if name in FLOAT_CONTROL:
        shift, mask = FLOAT_CONTROL[name]
        return hart.fcsr >> shift & mask
    if name == "priv":
        return hart.privilege
    file, number = _place(name)
    return hart.pc if file == "pc" else int((hart.x if file == "x" else hart.f)[number])


def write_register(hart: Hart, name: str, value: int) -> None:
    """Write a register, for which `check_writable` has nothing against the value."""
    csr = CSR_BY_NAME.get(name)
    if csr is not None:
        if csr.write is not None:
            csr.write(ARITHMETIC, HartWords(hart, StoppedClock()), value)
        return
    if name in FLOAT_CONTROL:
        shift, mask = FLOAT_CONTROL[name]
        hart.fcsr = hart.fcsr & ~(mask << shift) | (value & mask) << shift
        return
    file, number = _place(name)
    if file == "pc":
        hart.pc = Virtual(value)
    elif file == "x":
        hart.write_x(number, value)
    else:
        hart.f[number] = value


def check_writable(name: str, value: object) -> None:
    """Raise RegisterError for a register that can't be written, or not so."""
    if (name in CSR_BY_NAME or name == "priv") and name not in WRITABLE:
        raise RegisterError(name, f"{name} can't be written", ", ".join(WRITABLE))
    if name not in CSR_BY_NAME and name not in FLOAT_CONTROL:
        _place(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= MASK:
        raise RegisterError(name, f"{name}: {value!r}", "an unsigned 64-bit value")
    if name == "pc" and value % 2:
        wrong = f"pc: {value:#x} is odd"
        raise RegisterError(name, wrong, "the address of an instruction")


def _place(name: str) -> tuple[str, int]:
    try:
        return INDEX[name]
    except KeyError:
        wrong = f"there is no register {name!r}"
        raise RegisterError(name, wrong, "a0, x10, fa0, pc, mstatus or the like") from None
