"""The LLVM text of the example guests' code, page by page: python texts.py DIRECTORY [GUEST ...].

Nothing is run or compiled: what can be reached in each page is discovered from the guest's symbols,
and its text is made with each kind of plan. So two revisions can be compared, see `replay`.
"""

import gzip
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from mttcg.engine.llvm.discovery import Discovery
from mttcg.engine.llvm.llvm_isa import llvm_isa
from mttcg.engine.llvm.page import PageFunction
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.weave import OperationRow, Sites
from mttcg.guest.elf import load_guest
from mttcg.guest.image import GuestImage
from mttcg.memory.address import offset_in_page
from mttcg.memory.page import PAGE

GUESTS = Path(__file__).parents[2] / "examples" / "guests"
RAM_BASE, RAM_BYTES = 0x8000_0000, 128 << 20
ENDING = ".ll.gz"
PLANS = {
    "nothing": Sites(),
    "blocks-in-table": Sites(every_block=(OperationRow(0, "table"),)),
    "blocks-recorded": Sites(every_block=(OperationRow(0, "record", emitter=0),)),
    "blocks-once": Sites(every_block=(OperationRow(0, "once_table"),)),
    "blocks-in-python": Sites(every_block=(OperationRow(0, "python", python=True),)),
    "instructions-called": Sites(every_instruction=(OperationRow(0, "call"),)),
    "instructions-retired": Sites(every_retired=(OperationRow(0, "retired", emitter=0),)),
    "jumps": Sites(every_retired=(OperationRow(0, "transfer", emitter=0),)),
    "branches": Sites(every_retired=(OperationRow(0, "branch", emitter=0),)),
    "accesses-counted": Sites(every_access=(OperationRow(0, "count"),)),
    "accesses-recorded": Sites(every_access=(OperationRow(0, "record", emitter=0),)),
    "accesses-timed": Sites(every_access=(OperationRow(0, "timed", order=True, emitter=0),)),
}


def texts(guest: Path) -> Iterator[tuple[str, str]]:
    """The texts of a guest, each with a name that says what it is of."""
    image = load_guest(guest, RAM_BASE, RAM_BYTES)
    isa, ram = llvm_isa(image.isa), Ram(RAM_BASE, RAM_BYTES)
    for page, discovery in discoveries(image):
        for plan, sites in PLANS.items():
            function = PageFunction(isa, discovery, ram, sites)
            yield f"{guest.stem}.{page:#x}.{plan}", function.source()


def discoveries(image: GuestImage) -> Iterator[tuple[int, Discovery]]:
    """The pages that symbols or the entry lie in, discovered from there."""
    size = max(segment.address + segment.memory_size for segment in image.segments) - RAM_BASE
    ram = np.zeros(-(-size // PAGE) * PAGE + PAGE, dtype=np.uint8)
    image.write(ram.data)
    halves = ram.view("<u2")
    code = [s for s in image.segments if s.data]
    starts = {image.entry, *(symbol.address for symbol in image.symbols)}
    inside = {at for at in starts if any(s.address <= at < s.address + len(s.data) for s in code)}
    for page in sorted({at // PAGE for at in inside}):
        entries = sorted(at for at in inside if at // PAGE == page and at % 2 == 0)
        first = (page * PAGE - RAM_BASE) // 2
        yield (
            page * PAGE,
            Discovery(
                image.isa.code,
                lambda at, f=first: int(halves[f + at // 2]),
                [offset_in_page(entry) for entry in entries],
            ),
        )


def write(directory: Path, guests: Iterable[Path]) -> int:
    """Write each text into a file of its name, packed; how many there are."""
    count = 0
    for guest in guests:
        for name, text in texts(guest):
            packed = gzip.compress(text.encode("utf-8"), compresslevel=1)
            (directory / f"{name}{ENDING}").write_bytes(packed)
            count += 1
    return count


if __name__ == "__main__":
    chosen = [GUESTS / f"{name}.elf" for name in sys.argv[2:]] or sorted(GUESTS.glob("*.elf"))
    print(f"{write(Path(sys.argv[1]), chosen)} texts")
