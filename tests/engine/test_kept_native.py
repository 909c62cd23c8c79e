"""What fits a page, and how it is put in place, natively: as it is defined in Python."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from engine_harness import PAGE, Bare, fill

from mttcg.engine.llvm.arena_layout import PLACES_BYTES
from mttcg.engine.llvm.kept.image import KeptImage
from mttcg.engine.llvm.kept.kept_code import FittingCode, KeptCode, KeptPages, fits
from mttcg.engine.llvm.kept.record import NO_TAIL, PLACE, KeptFunction, RecordError
from mttcg.engine.llvm.kept.variant import variant_of
from mttcg.engine.llvm.translate import PageVersion, numbers_of_slot
from mttcg.memory.address import HostAddress, PageOffset, PhysicalPage
from mttcg.memory.code_pages import HALVES
from mttcg.native.object_file import Fixup, Relocatable

BASE = 0x8000_0000
STEP, ECALL = 0x0015_8593, 0x0000_0073
FUNCTIONS = 60


@pytest.fixture
def bare() -> Iterator[Bare]:
    """A vCPU that has run a page of instructions."""
    made = Bare("llvm", BASE, 2 * PAGE)
    fill([(BASE + 4 * at, STEP) for at in range(PAGE // 4 - 1)], made.write)
    fill([(BASE + PAGE - 4, ECALL)], made.write)
    made.set_registers([0] * 32, [0] * 32, 0)
    list(made.run_to_trap(BASE))
    yield made
    made.close()


def version_of(bare: Bare) -> PageVersion:
    page = PhysicalPage(0)
    found: PageVersion = bare.engine.llvm.code.version(page, bare.cache.used[page])
    return found


def variant_in(bare: Bare) -> int:
    version = version_of(bare)
    return variant_of(version.mode, version.sites, bare.engine.llvm.translator.ram)


def image_of(functions: Sequence[KeptFunction]) -> KeptImage:
    """As a file has them."""
    content, spans = b"", []
    for function in functions:
        record = function.to_bytes()
        spans.append((len(content), len(record)))
        content += record
    return KeptImage(content, spans)


def some_function(
    chosen: random.Random, variant: int, page: "np.ndarray[tuple[int], np.dtype[np.uint16]]"
) -> KeptFunction:
    """A function that a page has all of, or almost."""
    first = chosen.choice((0, chosen.randrange(HALVES), HALVES - 1))
    count = chosen.randrange(1, 40)
    places = sorted({first, *(chosen.randrange(first, HALVES) for _ in range(count))})
    halves = page[places].copy()
    if chosen.randrange(2):
        halves[chosen.randrange(len(halves))] ^= 1 << chosen.randrange(16)
    tail = chosen.choice((NO_TAIL, 0, 0x1234))
    entries = sorted({2 * place for place in places[:20]})
    code = chosen.randbytes(chosen.randrange(8, 3000))
    fixups = tuple(
        Fixup(chosen.randrange(len(code) - 3), symbol, chosen.randrange(-1000, 1000))
        for symbol in chosen.choices(["slot", "slot_table"], k=chosen.randrange(2))
    )
    arrays = [np.array(numbers, PLACE) for numbers in (places, halves, entries, entries)]
    return KeptFunction(
        variant, arrays[0], arrays[1], tail, arrays[2], arrays[3], Relocatable(code, fixups)
    )


def random_functions(bare: Bare, seed: int) -> list[KeptFunction]:
    chosen = random.Random(seed)
    page = bare.cache.original[version_of(bare).slot].view(np.uint16)
    variant = variant_in(bare)
    variants = [variant if chosen.randrange(4) else 1 for _ in range(FUNCTIONS)]
    made = [some_function(chosen, one, page) for one in variants]
    return [*{one.identity: one for one in reversed(made)}.values()][::-1]


@pytest.mark.parametrize("seed", range(10))
def test_what_fits_is_what_the_definition_says(bare: Bare, seed: int) -> None:
    functions, version = random_functions(bare, seed), version_of(bare)
    bare.cache.slots["tail"][version.slot] = 0x1234 * (seed % 2)
    halves = bare.cache.original[version.slot].view(np.uint16)
    tail, variant = int(bare.cache.slots["tail"][version.slot]), variant_in(bare)
    right = [one for one in functions if one.variant == variant and fits(one, halves, tail)]
    image = image_of(functions)
    fitting = FittingCode(KeptCode(image), bare.engine.llvm.translator.ram, bare.cache)
    bare.cache.kept[version.slot] = 0
    found = fitting.found[: fitting.find(version)].tolist()
    taken = [image.content[image.rows["payload"][number] :].tobytes() for number in found]
    wanted = [one.to_bytes() for one in right]
    assert [one[: len(other)] for one, other in zip(taken, wanted, strict=True)] == wanted
    kept = np.unpackbits(bare.cache.kept[version.slot], bitorder="little")
    assert set(np.flatnonzero(kept)) == {int(at) for one in right for at in one.places}
    leaders = {at for one in right for at in one.leaders.tolist()}
    assert fitting.leaders(version) == leaders


@pytest.mark.parametrize("seed", range(5))
def test_what_fits_is_put_in_place(bare: Bare, seed: int) -> None:
    functions, version = random_functions(bare, seed), version_of(bare)
    engine, arena = bare.engine.llvm, bare.engine.llvm.arena
    interpreter = engine.code.interpreter
    halves = bare.cache.original[version.slot].view(np.uint16)
    variant = variant_in(bare)
    right = [one for one in functions if one.variant == variant and fits(one, halves, 0)]
    ram, words = engine.translator.ram, interpreter.native_words()
    pages = KeptPages(KeptCode(image_of(functions)), ram, bare.cache, arena, words)
    codes = pages.meet(version)
    assert codes is not None
    assert pages.meet(version) is None, "it is known"
    places = np.arange(0, PAGE, 2, dtype=np.uint64)
    assert (codes == arena.addresses(version.keys(places))).all()
    last = {entry: one for one in right for entry in one.entries.tolist()}
    assert {2 * int(at) for at in np.flatnonzero(codes)} == last.keys()
    for entry, one in last.items():
        address = arena.find(version.key(PageOffset(entry)))
        assert address is not None
        begin = address - arena.code
        placed = one.code.placed(numbers_of_slot(version.slot))
        assert arena.memory[begin : begin + len(placed)] == placed
        front = np.frombuffer(arena.memory, np.uint8, PLACES_BYTES, begin - PLACES_BYTES)
        within = np.flatnonzero(np.unpackbits(front, bitorder="little"))
        assert within.tolist() == one.places.tolist()
    assert int(arena.header["kept_functions"][0]) == len(right)
    assert int(arena.header["kept_bytes"][0]) == sum(len(one.code.code) for one in right)
    others = KeptPages(KeptCode(image_of(functions)), ram, bare.cache, arena, words)
    again = others.meet(version)
    assert again is not None and (again == codes).all()
    assert int(arena.header["kept_functions"][0]) == len(right), "another vCPU has put it there"


def test_blocks_begin_in_the_code(bare: Bare) -> None:
    """As `leave_to_translation` has them, also where none was met."""
    engine, version = bare.engine.llvm, version_of(bare)
    interpreter, pages = engine.code.interpreter, engine.code.interpreter.pages
    met = interpreter.pages.decoded(version.slot)
    own = {offset: pages.handler(version.slot, offset) for offset in met}
    kept = KeptCode(image_of([]))
    words = interpreter.native_words()
    placing = KeptPages(kept, engine.translator.ram, bare.cache, engine.arena, words)
    codes = np.zeros(HALVES, np.uint64)
    codes[[0, 1, 2, 100, HALVES - 1]] = 1
    placing.begin(HostAddress(interpreter.start + pages.enter(version.slot)), codes)
    translated = interpreter.native.translated
    begun = [at for at in range(0, PAGE, 2) if pages.handler(version.slot, at) == translated]
    assert set(begun) <= {0, 2, 4, 200, PAGE - 2}
    assert {0, 4, 200} <= set(begun)
    for offset in (0, 4, 200):
        pages.restore_handler(version.slot, offset)
        assert pages.handler(version.slot, offset) == own[offset]


@pytest.mark.parametrize("seed", range(50))
def test_a_record_that_is_none_is_refused_as_its_definition_says(seed: int) -> None:
    chosen = random.Random(seed)
    page = np.frombuffer(chosen.randbytes(PAGE), np.uint16)
    records = []
    for variant in range(0, 20 << 8, 1 << 8):
        record = bytearray(some_function(chosen, variant, page).to_bytes())
        record[chosen.choice((chosen.randrange(64), chosen.randrange(len(record))))] ^= 1 << (
            chosen.randrange(8)
        )
        records.append(bytes(record))
    right = []
    for record in records:
        try:
            right.append(KeptFunction.from_bytes(record).to_bytes())
        except RecordError:
            continue
    assert len({KeptFunction.from_bytes(record).identity for record in right}) == len(right)
    lengths = [len(record) for record in records]
    begins = np.cumsum([0, *lengths])[:-1].tolist()
    image = KeptImage(b"".join(records), [*zip(begins, lengths, strict=True)])
    taken = {
        bytes(image.content[int(row["payload"]) :][: int(row["length"])]) for row in image.rows
    }
    assert taken == set(right)
    assert image.refused == len(records) - len(right)


def test_of_two_that_are_made_from_the_same_the_first_is_taken() -> None:
    chosen, page = random.Random(1), np.zeros(HALVES, np.uint16)
    one, other = (some_function(chosen, variant, page) for variant in (1, 2))
    again = replace(one, code=Relocatable(bytes(len(one.code.code) + 1), ()))
    image = image_of([one, again, other])
    assert image.rows["size"].tolist() == [len(each.code.code) for each in (one, other)]
    assert (image.variants, image.refused) == ({1: (0, 1), 2: (1, 1)}, 0)


def test_a_page_with_code_larger_than_the_arena_goes_on_in_its_regions(bare: Bare) -> None:
    """What is found behind a region that was reclaimed is not taken for what was there."""
    engine, version = bare.engine.llvm, version_of(bare)
    arena, slot = engine.arena, version.slot
    halves = bare.cache.original[slot].view(np.uint16)
    large = arena.most_bytes // 2
    functions = []
    for number in range(30):
        place = np.array([2 * number], PLACE)
        entry = np.array([4 * number], PLACE)
        code = Relocatable(bytes([number]) * (large if number != 7 else arena.most_bytes + 1))
        functions.append(
            KeptFunction(variant_in(bare), place, halves[place], NO_TAIL, entry, entry, code)
        )
    words = engine.code.interpreter.native_words()
    kept = KeptCode(image_of(functions))
    pages = KeptPages(kept, engine.translator.ram, bare.cache, arena, words)
    codes = pages.meet(version)
    assert codes is not None
    places = np.arange(0, PAGE, 2, dtype=np.uint64)
    assert (codes == arena.addresses(version.keys(places))).all()
    assert arena.reclaimed > 0
    for place in np.flatnonzero(codes).tolist():
        begin = int(codes[place]) - arena.code
        assert arena.memory[begin] == place // 2
    assert codes[2 * 7] == 0, "it fits no region"
