"""The host's floating-point control register, MXCSR, while translated code runs.

It holds the guest's rounding mode, and gathers the flags of what was computed; whenever control
goes elsewhere the flags join fcsr, and others find the mode that they expect. (Intel 64 and IA-32
Architectures Software Developer's Manual, volume 1, section 10.2.3; Unprivileged ISA 20.2.)
"""

from mttcg.engine.llvm.frame import Word

DEFAULT = 0x1F80
"""All exceptions masked, to nearest, no flag, subnormal numbers as they are."""
CONTROL_SHIFT = 13
CONTROLS = 0b10_01_11_00
"""The two bits of rounding control for each frm, its own at 2 * frm; to nearest for all others."""
FLAGS = ((5, 0), (4, 1), (3, 2), (2, 3), (0, 4))
"""Bits of MXCSR and of fflags: inexact, underflow, overflow, division by zero, invalid."""
FRM_SHIFT = 5


def leave(name: str, fcsr: str = "%fcsr") -> list[str]:
    """Let the flags join fcsr, and have the default; `name` begins the SSA names."""
    lines = [
        f"%{name}_at = getelementptr i8, ptr %frame, i64 {8 * Word.MXCSR}",
        f"call void @llvm.x86.sse.stmxcsr(ptr %{name}_at)",
        f"%{name}_narrow = load i32, ptr %{name}_at",
        f"%{name}_all = zext i32 %{name}_narrow to i64",
        f"%{name}_old = load i64, ptr {fcsr}",
    ]
    found = f"%{name}_old"
    for source, target in FLAGS:
        bit, moved, joined = (f"%{name}_{what}{target}" for what in ("bit", "moved", "with"))
        down, up = max(source - target, 0), max(target - source, 0)
        shift = f"lshr i64 %{name}_all, {down}" if down else f"shl i64 %{name}_all, {up}"
        lines += [
            f"{moved} = {shift}",
            f"{bit} = and i64 {moved}, {1 << target}",
            f"{joined} = or i64 {found}, {bit}",
        ]
        found = joined
    return [*lines, f"store i64 {found}, ptr {fcsr}", *_load(name, str(DEFAULT))]


def enter(name: str, fcsr: str = "%fcsr") -> list[str]:
    """Have the guest's rounding mode, and no flag."""
    return [
        f"%{name}_fcsr = load i64, ptr {fcsr}",
        f"%{name}_frm = lshr i64 %{name}_fcsr, {FRM_SHIFT}",
        f"%{name}_known = and i64 %{name}_frm, 7",
        f"%{name}_twice = shl i64 %{name}_known, 1",
        f"%{name}_control = lshr i64 {CONTROLS}, %{name}_twice",
        f"%{name}_two = and i64 %{name}_control, 3",
        f"%{name}_placed = shl i64 %{name}_two, {CONTROL_SHIFT}",
        f"%{name}_whole = or i64 %{name}_placed, {DEFAULT}",
        f"%{name}_word = trunc i64 %{name}_whole to i32",
        f"%{name}_to = getelementptr i8, ptr %frame, i64 {8 * Word.MXCSR}",
        f"store i32 %{name}_word, ptr %{name}_to",
        f"call void @llvm.x86.sse.ldmxcsr(ptr %{name}_to)",
    ]


def call_out(function: str, arguments: str) -> str:
    """Call a function of the host, `i64 name` each six arguments; see CALL_OUT."""
    return f"call void {CALL_OUT_NAME}(ptr %fcsr, ptr %frame, ptr {function}, {arguments})"


def _load(name: str, value: str) -> list[str]:
    return [
        f"%{name}_to = getelementptr i8, ptr %frame, i64 {8 * Word.MXCSR}",
        f"store i32 {value}, ptr %{name}_to",
        f"call void @llvm.x86.sse.ldmxcsr(ptr %{name}_to)",
    ]


CALL_OUT_NAME = "@call_out"
CALL_OUT = "\n".join(
    [
        f"define internal void {CALL_OUT_NAME}(ptr %fcsr, ptr %frame, ptr %function, "
        "i64 %data, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e) noinline #0 {",
        *leave("before"),
        "call void %function(i64 %data, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e)",
        *enter("after"),
        "ret void",
        "}",
    ]
)
"""A function that lets the host compute in between; once in a module, whoever calls out there."""
