"""Short blocks, and the LLVM text of their pages.

`python tests/engine/golden_texts.py` writes the files in golden/ anew. Read what `git diff` then
shows: each change there is a change of the code that guests run.
"""

from pathlib import Path
from typing import NamedTuple

from mttcg.engine.llvm.discovery import Discovery
from mttcg.engine.llvm.page import PageFunction
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.riscv64.llvm_isa import LLVM
from mttcg.engine.llvm.weave import OperationRow, Sites
from mttcg.isa.riscv64.isa import RISCV64

FOLDER = Path(__file__).with_name("golden")
BASE, SIZE = 0x8000_0000, 1 << 20
RETURN = 0x8082
LOAD, LOAD_WORD, STORE = 0x0005_B503, 0x0085_A603, 0x00A5_B823
"""ld a0, 0(a1); lw a2, 8(a1); sd a0, 16(a1)."""
COUNT_DOWN, BACK = 0xFFF5_0513, 0xFE05_1EE3
"""addi a0, a0, -1; bnez a0, to the instruction before."""
BACK_TO_LOAD = 0xFE05_1AE3
"""bnez a0, to three instructions before."""
ADD_ATOMICALLY, STORE_CONDITIONALLY = 0x00B6_352F, 0x18B6_352F
"""amoadd.d a0, a1, (a2); sc.d a0, a1, (a2)."""
ADD_DOUBLES = 0x02B5_7553
"""fadd.d fa0, fa0, fa1."""


class Golden(NamedTuple):
    """Instructions from the start of a page, what is attached to it, and for which addresses."""

    words: tuple[int, ...]
    sites: Sites = Sites()
    translated: bool = False


CORPUS = {
    "accesses": Golden((LOAD, LOAD_WORD, STORE, RETURN)),
    "atomics": Golden((ADD_ATOMICALLY, STORE_CONDITIONALLY, RETURN)),
    "float": Golden((ADD_DOUBLES, RETURN)),
    "loop": Golden((COUNT_DOWN, BACK, RETURN), Sites(every_block=(OperationRow(0, "table"),))),
    "translated": Golden((LOAD, LOAD_WORD, STORE, RETURN), translated=True),
    "windows": Golden((LOAD, STORE, COUNT_DOWN, BACK_TO_LOAD, RETURN), translated=True),
    "python": Golden((LOAD, RETURN), Sites(every_block=(OperationRow(0, "python", python=True),))),
    "records": Golden(
        (LOAD, STORE, RETURN),
        Sites(every_access=(OperationRow(0, "record", emitter=0),)),
    ),
}


def text_of(golden: Golden) -> str:
    """The text of its page."""
    code = b"".join(word.to_bytes(4 if word & 3 == 3 else 2, "little") for word in golden.words)

    def half_at(offset: int) -> int:
        return int.from_bytes(code[offset : offset + 2], "little")

    discovery = Discovery(RISCV64.code, half_at, [0])
    ram = Ram(BASE, SIZE)
    translated = golden.translated
    function = PageFunction(LLVM, discovery, ram, golden.sites, translated=translated)
    return function.source() + "\n"


def file_of(name: str) -> Path:
    """Where the text of one of the corpus is."""
    return FOLDER / f"{name}.ll"


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for name, golden in CORPUS.items():
        file_of(name).write_text(text_of(golden))
