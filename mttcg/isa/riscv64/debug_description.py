"""The registers of a hart as GDB is told of them (GDB manual, G.5.11 RISC-V Features)."""

from mttcg.isa.debug_description import DebugDescription, DescribedRegister
from mttcg.isa.riscv64.csr import CSRS
from mttcg.isa.riscv64.registers import FLOAT, INTEGER

PC, FIRST_FLOAT, FIRST_CSR = 32, 33, 65
"""Numbers as GDB has them for RISC-V (gdb/riscv-tdep.h); that of a CSR is added to the last."""
PRIVILEGE = 65 + 4096
FEATURE = "org.gnu.gdb.riscv."
FLOAT_CONTROL = {"fflags": 1, "frm": 2, "fcsr": 3}
"""Numbers as CSRs; they come with the floating-point registers."""
POINTERS = {"ra": "code_ptr", "sp": "data_ptr", "gp": "data_ptr", "tp": "data_ptr"}
FLOAT_TYPE = (
    '<union id="riscv_double"><field name="float" type="ieee_single"/>'
    '<field name="double" type="ieee_double"/></union>'
)


def _description() -> DebugDescription:
    integer = [
        DescribedRegister(name, number, 64, POINTERS.get(name, "int"), "general")
        for number, name in enumerate(INTEGER)
    ]
    floating = [
        DescribedRegister(name, FIRST_FLOAT + number, 64, "riscv_double", "float")
        for number, name in enumerate(FLOAT)
    ]
    control = [
        DescribedRegister(name, FIRST_CSR + number, 32, "int", "float")
        for name, number in FLOAT_CONTROL.items()
    ]
    system = [
        DescribedRegister(csr.name, FIRST_CSR + number, 64, "int", "system")
        for number, csr in sorted(CSRS.items())
    ]
    counter = DescribedRegister("pc", PC, 64, "code_ptr", "general")
    level = DescribedRegister("priv", PRIVILEGE, 64, "int", "general")
    return DebugDescription(
        architecture="riscv:rv64",
        features={
            f"{FEATURE}cpu": (*integer, counter),
            f"{FEATURE}fpu": (*floating, *control),
            f"{FEATURE}csr": tuple(system),
            f"{FEATURE}virtual": (level,),
        },
        types={f"{FEATURE}fpu": FLOAT_TYPE},
        counter="pc",
        shown=(*INTEGER, "pc"),
        steps_over_access=True,  # set_gdbarch_have_nonsteppable_watchpoint in gdb/riscv-tdep.c
    )


DESCRIPTION = _description()
