"""The tool `translation`: what the llvm engine's translation of whole pages takes."""

import time
from collections.abc import Callable
from functools import partial

from mttcg.engine.llvm.compile import OPTIMISED, compile_relocatable
from mttcg.engine.llvm.discovery import Discovery
from mttcg.engine.llvm.page import PageFunction
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.riscv64.llvm_isa import LLVM
from mttcg.engine.llvm.weave import Sites
from mttcg.guest.elf import GuestImage, load_guest
from mttcg.hardware.boards.riscv_virt import RAM_BASE
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.memory.address import Virtual, offset_in_page, page_start
from mttcg_bench.checkout import GUESTS
from mttcg_bench.model import Case, Measurement, Variant

RAM_SIZE = 16 << 20


def unavailable(_variant: Variant) -> str:
    """It always can run."""
    return ""


def measure(case: Case, variant: Variant) -> Measurement:
    """Translate each page of the guest that has so many instructions: CPU seconds, bytes."""
    image = load_guest(GUESTS / f"{case.guest}.elf", RAM_BASE, RAM_SIZE)
    settings = variant.settings
    work = list(pages(image, settings["functions"], settings["instructions"]))
    translate(work[0])  # LLVM's own start
    began = time.process_time()
    done = [translate(one) for one in work]
    seconds = time.process_time() - began
    instructions, code = (float(sum(column)) for column in zip(*done, strict=True))
    return Measurement({"seconds": seconds, "instructions": instructions, "code": code})


def pages(image: GuestImage, prefix: str, least: int) -> list[Callable[[], Discovery]]:
    """How to discover each page that has so many instructions in functions of such names."""
    ram = bytearray(RAM_SIZE)
    for segment in image.segments:
        offset = segment.address - RAM_BASE
        ram[offset : offset + len(segment.data)] = segment.data
    functions: dict[Virtual, list[Virtual]] = {}
    for symbol in image.symbols:
        if symbol.name.startswith(prefix):
            functions.setdefault(page_start(symbol.address), []).append(symbol.address)

    def discover(start: Virtual, entries: list[Virtual]) -> Discovery:
        def half_at(offset: int) -> int:
            at = start + offset - RAM_BASE
            return int.from_bytes(ram[at : at + 2], "little")

        return Discovery(RISCV64.code, half_at, [offset_in_page(entry) for entry in entries])

    found = [partial(discover, start, entries) for start, entries in functions.items()]
    return [one for one in found if len(one().instructions) >= least]


def translate(page: Callable[[], Discovery]) -> tuple[int, int]:
    """From the page's bytes to its code: instructions, bytes of code."""
    discovery, size = page(), 0
    while discovery.leaders - discovery.elsewhere:
        function = PageFunction(LLVM, discovery, Ram(RAM_BASE, RAM_SIZE), Sites())
        size += len(compile_relocatable(function.source(), OPTIMISED).code)
        discovery.elsewhere |= function.emitted
        discovery.wanted |= function.left
    return len(discovery.instructions), size
