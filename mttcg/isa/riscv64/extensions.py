"""The names under which a hart shows what it has: misa and the device tree.

An ISA is a tuple of names: single letters in the canonical order, then the rest (Unprivileged ISA,
"ISA Extension Naming Conventions").
"""

COMMON = (*"imafdc", "zicsr", "zifencei")
BIT_MANIPULATION = ("zba", "zbb", "zbs")
"""Together they are the extension B (version 1.0.0, ratified in April 2024)."""
EXTENSIONS = {"unicorn": COMMON, "llvm": (*COMMON, *BIT_MANIPULATION)}
"""What the guest is told that each engine has."""
PRIVILEGES = ("s", "u")
"""Levels below machine mode, which misa shows like extensions."""
XLEN_64 = 2 << 62


def isa_text(isa: tuple[str, ...]) -> str:
    """The value of a device tree's `riscv,isa`: "rv64imafdc_zicsr_..."."""
    letters = "".join(name for name in isa if len(name) == 1)
    return "_".join([f"rv64{letters}", *(name for name in isa if len(name) > 1)])


def misa(isa: tuple[str, ...]) -> int:
    """The CSR's value (Privileged ISA 3.1.1); bit B says that Zba, Zbb and Zbs are there."""
    letters = {name for name in isa if len(name) == 1} | {*PRIVILEGES}
    if set(BIT_MANIPULATION) <= set(isa):
        letters.add("b")
    return XLEN_64 | sum(1 << ord(letter) - ord("a") for letter in letters)
