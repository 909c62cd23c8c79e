"""The handler of places of which there is no record yet."""

from mttcg.engine.llvm.frame import Word
from mttcg.engine.llvm.interpreter.predecode import PREDECODE
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN
from mttcg.engine.llvm.ir.values import I64, ZERO, Pointer
from mttcg.engine.llvm.places import FRAME, HART
from mttcg.engine.llvm.signature import (
    BLOCK,
    IP,
    RUNNING,
    frame_pointer,
    handler_of,
    pc_at,
    tail_call,
)
from mttcg.memory.page import PAGE
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of
from mttcg.tbcache.layout import MET_BYTES
from mttcg.tbcache.predecoded import RECORD_SHIFT, SLOT_AT

HITS, MISSES = (offsets_of(VcpuState)[f"cache_{name}"] for name in ("hits", "misses"))
WORD_BITS = 64


def fill(build: Builder) -> None:
    """Predecode what is here, to the end of its block, and go on."""
    first, on = build.new_block("meet"), build.new_block("on")
    offset = build.binary("and", pc_at(build, IP), PAGE - 1)
    back = build.binary("sub", ZERO, build.binary("shl", offset, RECORD_SHIFT))
    records = build.offset(IP, back)
    begins = build.compare("eq", build.cast("ptrtoint", IP, I64), BLOCK)
    build.branch(begins, first, on)
    build.begin(first)
    meet(build, records, build.binary("lshr", offset, 1))
    build.goto(on)
    build.begin(on)
    build.run(f"@{PREDECODE}", records, offset, FRAME)
    tail_call(build, handler_of(build, IP), IP, RUNNING, BLOCK)


def meet(build: Builder, records: Pointer, half: I64) -> None:
    """Have it known that a block begins at a place of a page; count whether it was known."""
    slot = build.load(build.offset(records, SLOT_AT), UNKNOWN, I64)
    bits = build.offset(frame_pointer(build, Word.MET), build.binary("mul", slot, MET_BYTES))
    bit = build.binary("and", half, WORD_BITS - 1)
    word = build.binary("shl", build.binary("lshr", half, WORD_BITS.bit_length() - 1), 3)
    # other vCPUs set bits of the same word
    before = build.atomic("or", build.offset(bits, word), build.binary("shl", I64("1"), bit))
    known = build.binary("and", build.binary("lshr", before, bit), 1)
    counter = build.select(build.compare("ne", known, 0), HITS, MISSES, I64)
    place = build.offset(HART, counter)
    build.store(build.binary("add", build.load(place, COUNTER, I64), 1), place, COUNTER)
