"""Where the predecoded records at a pc are: by the page of RAM, or by rows of translations."""

from mttcg.engine.llvm.address_rows import (
    INTO_TABLE,
    PLACE,
    TranslationOutcome,
)
from mttcg.engine.llvm.counts import publish_counts
from mttcg.engine.llvm.fetch_rows import row_of_fetches
from mttcg.engine.llvm.frame import Reason, Word
from mttcg.engine.llvm.interpreter.interpreted_isa import InterpretedIsa
from mttcg.engine.llvm.interpreter.observed_layout import (
    ENTRY,
    INDEX,
    RECORD_NUMBER_SHIFT,
)
from mttcg.engine.llvm.interpreter.system_functions import SystemFunctions
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.forms import COUNTER, UNKNOWN, UNLIKELY
from mttcg.engine.llvm.ir.values import I1, I64, BasicBlock, Pointer, constant
from mttcg.engine.llvm.places import COUNT, DETAIL, EXIT, FRAME, HART, PC
from mttcg.engine.llvm.signature import (
    BLOCK,
    DISPATCH,
    IP,
    RUNNING,
    frame_word,
    tail_call,
)
from mttcg.isa.system import MemoryFault
from mttcg.memory.code_pages import HALVES
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.state.samples import TRANSLATED_PLACE
from mttcg.tbcache.changes import GIVEN_UP, OBSERVED
from mttcg.tbcache.predecoded import RECORD_SHIFT, SLOT_AT


def is_translated(build: Builder) -> I1:
    """Whether the hart's pc is looked for in rows: its page of RAM is not known without."""
    return build.compare("eq", frame_word(build, Word.FETCH_BYTES), 0)


def records_of(
    build: Builder, isa: InterpretedIsa, pc: I64, otherwise: BasicBlock
) -> tuple[Pointer, Pointer, I64]:
    """The record at a pc, where the function is that enters a block there, and TO_PC.

    It is in `inside`, `there`, `known`, and `on`; `otherwise` if its page has no records, or no
    row.
    """
    inside, known, there = (build.new_block(word) for word in ("inside", "known", "there"))
    elsewhere = build.new_block("elsewhere") if isa.translation else otherwise
    offset = build.binary("sub", pc, frame_word(build, Word.FETCH_BASE))
    in_ram = build.compare("ult", offset, frame_word(build, Word.FETCH_BYTES))
    build.branch(in_ram, inside, elsewhere, UNLIKELY)
    build.begin(inside)
    page = build.binary("shl", build.binary("lshr", offset, PAGE_SHIFT), 3)
    pages = build.load(build.offset(FRAME, 8 * Word.PAGES), COUNTER, Pointer)
    ways = [(build.offset(pages, page), inside)]
    build.goto(there)
    if isa.translation:
        ways.append(_place_in_row(build, pc, elsewhere, there, otherwise))
    build.begin(there)
    found = build.load(build.phi(Pointer, *ways), UNKNOWN, I64)
    build.branch(build.compare("ugt", found, GIVEN_UP), known, otherwise, UNLIKELY)
    build.begin(known)
    observed = build.binary("and", found, OBSERVED)
    first = build.binary("sub", found, observed)
    distance, counted = _meet_page(build, first, observed)
    place = build.binary("shl", build.binary("and", pc, PAGE - 1), RECORD_SHIFT)
    number = build.binary("add", first, place)
    to_pc = build.binary("sub", pc, build.binary("lshr", number, RECORD_SHIFT))
    ip = build.cast("inttoptr", number, Pointer)
    function = build.offset(FRAME, 8 * Word.COUNTED)
    entry = build.select(counted, function, build.offset(ip, distance), Pointer)
    return ip, entry, to_pc


def _place_in_row(
    build: Builder, pc: I64, begin: BasicBlock, there: BasicBlock, otherwise: BasicBlock
) -> tuple[Pointer, BasicBlock]:
    """The word of a page's records, by the row of its virtual address, and where it is found."""
    found = build.new_block("translated")
    build.begin(begin)
    row = row_of_fetches(build, pc, found, otherwise)
    place = build.load(build.offset(row, PLACE), UNKNOWN, Pointer)
    build.goto(there)
    return place, found


def sampled_place(build: Builder, pc: I64, unknown: BasicBlock) -> I64:
    """The place of a pc in a sample, see `mttcg.state.samples`; `unknown` if it has no row."""
    plain, rows, found, on = (build.new_block(word) for word in ("plain", "rows", "found", "on"))
    build.branch(is_translated(build), rows, plain)
    build.begin(rows)
    row = row_of_fetches(build, pc, found, unknown)
    into_table = build.load(build.offset(row, INTO_TABLE), UNKNOWN, I64)
    start = build.binary("shl", into_table, PAGE_SHIFT - 3)
    in_ram = build.binary("add", start, build.binary("and", pc, PAGE - 1))
    physical = build.binary("add", in_ram, frame_word(build, Word.RAM))
    marked = build.binary("or", physical, TRANSLATED_PLACE - (1 << 64))
    build.goto(on)
    build.begin(plain)
    build.goto(on)
    build.begin(on)
    return build.phi(I64, (marked, found), (pc, plain))


def _meet_page(build: Builder, first: I64, observed: I64) -> tuple[I64, I1]:
    """Go to another page: from a record to what enters a block there, and whether all count."""
    words = ("plain", "counted", "attached", "on")
    plain, counted, attached, on = map(build.new_block, words)
    records = build.cast("inttoptr", first, Pointer)
    to_index = build.offset(FRAME, 8 * Word.RECORDS_TO_INDEX)
    build.branch(build.compare("eq", observed, 0), plain, attached)
    build.begin(plain)
    none = build.compare("eq", frame_word(build, Word.COUNTED), 0)
    build.branch(none, on, counted, UNLIKELY)
    build.begin(counted)
    slot = build.load(build.offset(records, SLOT_AT), UNKNOWN, I64)
    index = build.binary("mul", slot, HALVES)
    build.store(
        build.binary("sub", index, build.binary("lshr", first, RECORD_NUMBER_SHIFT)),
        to_index,
        COUNTER,
    )
    build.goto(on)
    build.begin(attached)
    build.store(build.load(build.offset(records, INDEX), UNKNOWN, I64), to_index, COUNTER)
    build.goto(on)
    build.begin(on)
    distance = build.phi(I64, (I64(0), plain), (I64(0), counted), (I64(ENTRY), attached))
    no, yes = I1("false"), I1("true")
    return distance, build.phi(I1, (no, plain), (yes, counted), (no, attached))


def translate_pc(build: Builder, isa: InterpretedIsa, miss: BasicBlock) -> None:
    """Translate the pc in BLOCK, which has no row, and enter its block; trap, or go to `miss`."""
    again, fault = build.new_block("again"), build.new_block("fault")
    function = build.load(build.offset(FRAME, 8 * Word.FETCH_PAGE), COUNTER, Pointer)
    outcome = build.call(I64, function, HART, FRAME, BLOCK)
    ways = {
        TranslationOutcome.RAM: again,
        TranslationOutcome.PAGE_FAULT: fault,
        TranslationOutcome.ACCESS_FAULT: fault,
    }
    build.switch(outcome, miss, {int(number): block for number, block in ways.items()})
    build.begin(again)
    tail_call(build, DISPATCH, IP, RUNNING, BLOCK)
    build.begin(fault)
    fetch_fault(build, isa, outcome, BLOCK, BLOCK)


def fetch_fault(build: Builder, isa: InterpretedIsa, outcome: I64, pc: I64, address: I64) -> None:
    """Trap where no block begins, as code at an address can't be fetched."""
    assert isa.events is not None
    causes = isa.events.causes
    of_page = build.compare("eq", outcome, int(TranslationOutcome.PAGE_FAULT))
    host, native = build.new_block("host"), build.new_block("native")
    build.branch(build.compare("eq", frame_word(build, Word.TRAPS_UNSEEN), 0), host, native)
    build.begin(native)
    page_fault, refused = (
        constant(causes[fault]) for fault in (MemoryFault.FETCH_PAGE, MemoryFault.FETCH)
    )
    cause: I64 = build.select(of_page, page_fault, refused, I64)
    SystemFunctions(isa, isa.events).take_trap(build, cause, pc, address)
    build.begin(host)
    reasons = int(Reason.FETCH_PAGE_FAULT), int(Reason.FETCH_FAULT)
    build.store(build.select(of_page, *reasons, I64), EXIT, COUNTER)
    build.store(address, DETAIL, UNKNOWN)
    build.store(pc, PC, COUNTER)
    build.store(RUNNING, COUNT, COUNTER)
    publish_counts(build)
    build.end(returns=True)
