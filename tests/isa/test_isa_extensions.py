"""The names by which a guest finds what a hart has."""

import re

from mttcg.isa.riscv64.extensions import EXTENSIONS, PROPERTIES, isa_text
from mttcg.isa.riscv64.table.decode import ROWS

WITHOUT_ROWS = {
    *("zicbop", "zihintntl", "zihintpause"),  # hints
    *("zicntr", "zihpm", "sstc"),  # registers
    *("zca", "zcd"),  # parts of C
    "zkt",
    *PROPERTIES,
}
NEVER_NAMED = {"Sm", "S"}


def test_all_that_the_table_has_is_named_and_nothing_else() -> None:
    of_rows = {row.extension.lower() for row in ROWS if row.extension not in NEVER_NAMED}
    assert {*EXTENSIONS["llvm"]} - WITHOUT_ROWS == of_rows


def test_the_text_is_in_the_order_of_the_convention() -> None:
    first, *names = isa_text(EXTENSIONS["llvm"]).split("_")
    assert first == "rv64imafdc"
    kinds = "".join(name[:2] if name[0] == "z" else "s" for name in names)
    assert re.fullmatch("(zi)+(zm)*(za)+(zf)+(zc)+(zb)+(zk)+s+", kinds)
    assert len(set(names)) == len(names)
    assert isa_text(("i", "m", "zbb", "zicsr", "svinval", "zba")) == "rv64im_zicsr_zba_zbb_svinval"
