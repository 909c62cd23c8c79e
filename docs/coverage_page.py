"""The page coverage.md, from the instruction table of the llvm engine."""

from itertools import groupby

from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.table.decode import ROWS
from mttcg.isa.table.row import Row

TITLES = {
    "I": "RV64I: base integer",
    "M": "M: multiplication and division",
    "A": "A: atomics",
    "F": "F: single precision",
    "D": "D: double precision",
    "C": "C: 16-bit forms",
    "Zicsr": "Zicsr: control and status registers",
    "Zifencei": "Zifencei: instruction fetch",
    "Zba": "Zba: address generation",
    "Zbb": "Zbb: basic bit manipulation",
    "Zbs": "Zbs: single bits",
    "Zfhmin": "Zfhmin: half precision in memory, and conversions",
    "Zfh": "Zfh: half precision",
    "Zfa": "Zfa: additional floating point",
    "Zicond": "Zicond: conditional zeros",
    "Zcb": "Zcb: more 16-bit forms",
    "Zacas": "Zacas: compare-and-swap",
    "Zabha": "Zabha: atomics of bytes and halfwords",
    "Zawrs": "Zawrs: waiting for a reservation",
    "Zicbom": "Zicbom: managing cache blocks",
    "Zicboz": "Zicboz: zeroing cache blocks",
    "Zimop": "Zimop: may-be-operations",
    "Zcmop": "Zcmop: 16-bit may-be-operations",
    "Sm": "Machine mode",
    "S": "Supervisor mode",
    "Svinval": "Svinval: invalidating address translations",
}
ORDER = tuple(TITLES)
HEAD = """# What the llvm engine covers

<!-- Written by docs/reference.py from the instruction table; do not edit. -->

Every instruction of RV64GC and of the extensions below, a row each. The same table decodes,
translates, and drives the interpreter that the translated code is tested against. In an encoding,
bit 31 (or 15) comes first, and a dot is a bit of an operand. *Translated* means native code; *host*
means that translated code leaves it: to the native interpreter as far as that can run it, else, and
on Unicorn, to the vCPU's own loop. `fflags`, `frm` and `fcsr` are translated, too.

What is not here is illegal; the report names such an instruction, with its place, if an extension
has it. What Unicorn knows beyond that would run there, one instruction at a time, and be counted by
name in the result (`vcpus[].unsupported`).

Zicbop and Zihintntl are hints: forms of `ori` and `add` without effect. `pause` of Zihintpause is a
`fence`; there, and at `wrs.nto` and `wrs.sto`, which do not wait, the vCPU lets others have its
processor now and then (sched_yield(2)). There are no caches that anybody could see, so `cbo.inval`,
`cbo.clean` and `cbo.flush` do nothing, and do not look at the address. All that `sinval.vma` names
is dropped at once, so `sfence.w.inval` and `sfence.inval.ir` have nothing to order.

Floating point is native in all rounding modes. The function that defines it, in Python, does what
is rare: conversions of what an unsigned integer can't hold, and in mode `rmm` fused operations that
may be ties, and products and quotients at the small end of the range.
"""


def bits_of(row: Row) -> str:
    """The fixed bits of an instruction, with a dot for each other one."""
    size = 8 * row.length
    return "".join(
        str(row.match >> bit & 1) if row.mask >> bit & 1 else "." for bit in range(size - 1, -1, -1)
    )


def runs(row: Row) -> str:
    """What runs an instruction."""
    if row.extension == "Zicsr":
        return "host; `fcsr` translated"
    return "host" if row.behaviour.kind in (Kind.SYSTEM, Kind.BREAKPOINT) else "translated"


def table_of(rows: list[Row]) -> list[str]:
    """A table of one extension's instructions."""
    lines = ["| instruction | operands | encoding | runs |", "|---|---|---|---|"]
    for row in rows:
        name = f"`{row.name}`" + (f" (`{row.expands}`)" if row.expands else "")
        operands = f"`{row.syntax}`" if row.syntax else ""
        lines.append(f"| {name} | {operands} | `{bits_of(row)}` | {runs(row)} |")
    return lines


def coverage_page() -> str:
    """The page."""
    ordered = sorted(ROWS, key=lambda row: ORDER.index(row.extension))
    lines = [HEAD]
    for extension, rows in groupby(ordered, key=lambda row: row.extension):
        found = list(rows)
        lines += [f"## {TITLES[extension]} ({len(found)})", "", *table_of(found), ""]
    return "\n".join(lines).rstrip() + "\n"
