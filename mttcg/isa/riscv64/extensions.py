"""The names under which a hart shows what it has: misa and the device tree.

An ISA is a tuple of names: single letters in the canonical order, and others (Unprivileged ISA,
"ISA Extension Naming Conventions").
"""

LETTERS = "imafdqlcbkjtpvnh"
"""The canonical order."""
BLOCK_BYTES = 64
"""Of a cache block, for instructions on them."""
COMMON = (*"imafdc", "zicsr", "zifencei")
BIT_MANIPULATION = ("zba", "zbb", "zbs")
"""Together they are the extension B (version 1.0.0, ratified in April 2024)."""
MORE = (
    *("zicbom", "zicbop", "zicboz", "zicntr", "zicond", "zihintntl", "zihintpause", "zihpm"),
    *(
        "zimop",
        "zabha",
        "zacas",
        "zawrs",
        "zfa",
        "zfh",
        "zfhmin",
        "zca",
        "zcb",
        "zcd",
        "zcmop",
        "zkt",
        "svinval",
    ),
)
"""zicbop, zihintntl and zihintpause are hints, zkt says how long instructions take."""
PROPERTIES = (
    *("za64rs", "zic64b", "ziccamoa", "ziccif", "zicclsm", "ziccrse"),
    *("sscounterenw", "sstvala", "sstvecd", "ssu64xl"),
)
"""What profiles (RVA22, RVA23) have names for, and a program finds no instruction of: reservations
of up to 64 bytes, blocks of 64, atomics and misaligned accesses in all of RAM, whole instructions
fetched, progress of lr and sc; counters that can all be enabled, stval with addresses and
instructions, stvec in direct mode, 64 bits in user mode."""
SUPERVISORS = ("sstc",)
"""What a supervisor has beside instructions; its timer, which a kernel looks for by this name."""
EXTENSIONS = {
    "unicorn": COMMON,
    "llvm": (*COMMON, *BIT_MANIPULATION, *MORE, *PROPERTIES, *SUPERVISORS),
}
"""What the guest is told that each engine has."""
PRIVILEGES = ("s", "u")
"""Levels below machine mode, which misa shows like extensions."""
XLEN_64 = 2 << 62


def _order(name: str) -> tuple[int, str]:
    """Where the convention has a name of several letters: by the second, if it begins with z."""
    return (LETTERS.index(name[1]) if name[0] == "z" else len(LETTERS)), name


def isa_text(isa: tuple[str, ...]) -> str:
    """The value of a device tree's `riscv,isa`: "rv64imafdc_zicsr_..."."""
    letters = "".join(name for name in isa if len(name) == 1)
    others = sorted((name for name in isa if len(name) > 1), key=_order)
    return "_".join([f"rv64{letters}", *others])


def misa(isa: tuple[str, ...]) -> int:
    """The CSR's value (Privileged ISA 3.1.1); bit B says that Zba, Zbb and Zbs are there."""
    letters = {name for name in isa if len(name) == 1} | {*PRIVILEGES}
    if set(BIT_MANIPULATION) <= set(isa):
        letters.add("b")
    return XLEN_64 | sum(1 << ord(letter) - ord("a") for letter in letters)
