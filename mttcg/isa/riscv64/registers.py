"""Names of the integer and floating-point registers (RISC-V psABI, register convention)."""

from mttcg.isa.base import CallRegisters

INTEGER = (
    "zero ra sp gp tp t0 t1 t2 s0 s1 a0 a1 a2 a3 a4 a5 a6 a7 "
    "s2 s3 s4 s5 s6 s7 s8 s9 s10 s11 t3 t4 t5 t6"
).split()
FLOAT = (
    "ft0 ft1 ft2 ft3 ft4 ft5 ft6 ft7 fs0 fs1 fa0 fa1 fa2 fa3 fa4 fa5 fa6 fa7 "
    "fs2 fs3 fs4 fs5 fs6 fs7 fs8 fs9 fs10 fs11 ft8 ft9 ft10 ft11"
).split()

CALLS = CallRegisters(link=1, stack=2, value=10)
"""ra, sp and a0 (RISC-V psABI, "Integer Calling Convention")."""

INDEX = (
    {name: ("x", number) for number, name in enumerate(INTEGER)}
    | {f"x{number}": ("x", number) for number in range(32)}
    | {name: ("f", number) for number, name in enumerate(FLOAT)}
    | {f"f{number}": ("f", number) for number in range(32)}
    | {"fp": ("x", 8), "pc": ("pc", 0)}
)
"""Every accepted name, ABI or architectural, to its file and number."""
