"""The native interpreter: its handlers, its pages, and when it comes back."""

import random
import threading
import time
from typing import Any

import pytest
from engine_harness import Bare, fill
from random_programs import encoded

from mttcg.engine.base import OPERATION, ExitKind
from mttcg.engine.llvm import runtime
from mttcg.engine.llvm.frame import INSTRUCTIONS_PER_LOOK
from mttcg.engine.llvm.interpreter import native
from mttcg.engine.llvm.interpreter.keys import key_of, samples_of
from mttcg.engine.llvm.interpreter.operand import MASK, Operand
from mttcg.engine.llvm.interpreter.plain_ram import ram_words
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.riscv64.interpreted import INTERPRETED
from mttcg.instrument import events
from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.isa.riscv64.state import OFFSET
from mttcg.isa.riscv64.table.decode import BY_NAME, ROWS, decode
from mttcg.isa.table.row import Row
from mttcg.memory.address import Physical, PhysicalPage
from mttcg.memory.host import address_of_function
from mttcg.tbcache import cache as cache_module

BASE, PAGE = 0x8000_0000, 4096
SIZE = 8 * PAGE
ECALL = 0x73
A0, A1, A2 = 10, 11, 12
KEYS = samples_of(INTERPRETED).keys()
LIMIT = 20.0
"""Seconds until what is waited for is given up."""


def word(name: str, rd: int = 0, rs1: int = 0, rs2: int = 0, immediate: int = 0) -> int:
    row = BY_NAME[name]
    layout = row.format
    given = ((layout.rd, rd), (layout.rs1, rs1), (layout.rs2, rs2), (layout.immediate, immediate))
    return row.match | sum(encoded(where, value) for where, value in given)


def placed(words: list[int], at: int = BASE) -> list[tuple[int, int]]:
    return [(at + 4 * number, word) for number, word in enumerate(words)]


def run(bare: Bare, at: int = BASE) -> list[ExitKind]:
    return [left.kind for left in bare.run_to_trap(at)]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_every_instruction_has_a_handler(row: Row) -> None:
    source = random.Random(row.name)
    for _ in range(200):
        drawn = row.match | source.getrandbits(32) & ~row.mask & (1 << 8 * row.length) - 1
        found = decode(drawn)
        if found is not None:
            assert key_of(INTERPRETED, found, far=False) in KEYS


def test_what_is_added_to_operands_and_cut_to_64_bits_stays_one() -> None:
    pc, immediate = Operand(8, ("pc",)), Operand(-4, ("immediate",))
    target = pc + immediate & MASK
    assert isinstance(target, Operand)
    assert (int(target), target.parts, target.number) == (4, ("pc", "immediate"), 0)
    following = pc + 4 & MASK
    assert isinstance(following, Operand)
    assert (following.parts, following.number) == (("pc",), 4)
    assert not isinstance(pc & 1, Operand)


def test_the_code_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    native.load(INTERPRETED)

    def fail(isa: Any) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(native, "compile_interpreter", fail)
    monkeypatch.setattr(native, "_loaded", {})
    assert native.load(INTERPRETED).handlers


def test_the_loop_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    first = runtime.machine_code(INTERPRETED.llvm.host_float)

    def fail(text: str, effort: Any) -> bytes:
        raise AssertionError("compiled again")

    monkeypatch.setattr(runtime, "compile_text", fail)
    assert runtime.machine_code(INTERPRETED.llvm.host_float) == first


class Mailbox:
    """A device in a page of RAM that keeps what is written to it."""

    name = "mailbox"

    def __init__(self, start: int) -> None:
        self.start = start
        self.told: list[tuple[int, int]] = []

    def find(self, address: int, size: int) -> "tuple[Mailbox, int] | None":
        """See `MmioMap`."""
        offset = address - self.start
        return (self, offset) if 0 <= offset <= 16 - size else None

    def write(self, offset: int, size: int, value: int) -> None:
        """Keep it."""
        self.told.append((offset, value))


@pytest.mark.parametrize("page", [2, 5])
def test_a_device_in_a_page_of_ram_is_left_to_the_host(page: int) -> None:
    start = BASE + page * PAGE
    mailbox = Mailbox(start)
    bare = Bare("llvm", BASE, SIZE, devices=mailbox)
    frame = bare.engine.llvm.frame
    for where, value in ram_words(Ram(Physical(BASE), SIZE, (PhysicalPage(page),))).items():
        frame[where] = value
    distances = (-8, -4, 0, 8, 16, PAGE - 8, PAGE)
    stores = [word("sd", rs1=A0, rs2=A1, immediate=distance) for distance in distances[:5]]
    stores += [word("sd", rs1=A2, rs2=A1, immediate=distance) for distance in (-8, 0)]
    fill(placed([*stores, ECALL]), bare.write)
    x = [0] * 32
    x[A0], x[A1], x[A2] = start, 0x1234, start + PAGE
    bare.set_registers(x, [0] * 32, 0)
    exits = run(bare)
    assert mailbox.told == [(0, 0x1234), (8, 0x1234)]
    # plain RAM beside the page is its own affair; what touches the page goes to the host
    assert exits == [ExitKind.ACCESS] * 5 + [ExitKind.SYSTEM]
    assert bare.hart.instructions == len(distances)
    for distance in (-8, 16, PAGE - 8, PAGE):
        assert bare.read(start + distance, 2) == b"\x34\x12"
    bare.close()


def test_a_request_is_seen_in_a_loop() -> None:
    bare = Bare("llvm", BASE, SIZE)
    fill(placed([word("addi", A0, A0, immediate=1), word("jal", immediate=-4)]), bare.write)
    bare.set_registers([0] * 32, [0] * 32, 0)

    def ask() -> None:
        end = time.monotonic() + LIMIT
        while not bare.hart.instructions and time.monotonic() < end:
            pass  # the loop publishes its count when it looks
        bare.hart.request = 1

    asking = threading.Thread(target=ask)
    asking.start()
    left = bare.engine.run(BASE)
    asking.join()
    assert (left.kind, left.pc) == (ExitKind.REQUEST, BASE)
    assert bare.hart.instructions == 2 * bare.hart.blocks == 2 * bare.hart.x[A0]
    assert bare.hart.instructions > INSTRUCTIONS_PER_LOOK
    bare.close()


CALLS = [word("addi", A0, A0, immediate=1), word("jal", 1, immediate=PAGE), ECALL]
CALLED = [word("addi", A1, A1, immediate=2), word("jalr", rs1=1)]


def calling(beside: Bare | None = None) -> Bare:
    bare = Bare("llvm", BASE, SIZE, beside=beside)
    if beside is None:
        fill([*placed(CALLS), *placed(CALLED, BASE + 4 + PAGE)], bare.write)
    return bare


def test_a_second_vcpu_finds_the_records_of_the_first() -> None:
    first = calling()
    second = calling(beside=first)
    run(first)
    assert first.hart.cache_misses == 3
    run(second)
    assert (second.hart.cache_misses, second.hart.cache_hits) == (0, 2)  # one in each page
    for bare in (first, second):
        assert (bare.hart.instructions, bare.hart.blocks) == (4, 3)
        bare.close()


def test_what_is_attached_is_run() -> None:
    bare = calling()
    counted = OFFSET["unsupported"]  # any word of the hart that nothing else uses here
    address = bare.engine.llvm.arguments[0] + counted
    there = BASE + 4 + PAGE
    count = (Operation(0, address, "count"),)
    bare.engine.apply(Plan(blocks={there: count}))
    run(bare)
    assert bare.hart.words[counted // 8] == 1
    bare.engine.apply(Plan())
    run(bare)
    assert bare.hart.words[counted // 8] == 1
    assert (bare.hart.instructions, bare.hart.blocks) == (8, 6)
    bare.close()


def test_blocks_that_somebody_watches_are_shown_on_each_vcpu() -> None:
    first = calling()
    run(first)
    second = calling(beside=first)
    second.engine.watch_blocks(True)
    shown: list[int] = []
    second.engine.llvm.discover = lambda block: shown.append(block.pc)
    run(second)
    assert shown == [BASE, BASE + 4 + PAGE, BASE + 8]  # as control comes there
    first.engine.watch_blocks(True)
    assert [block.pc for block in first.engine.known_blocks()] == sorted(shown)
    for bare in (first, second):
        bare.close()


def test_a_block_is_left_to_its_translation_and_taken_back() -> None:
    bare = calling()
    run(bare)
    llvm = bare.engine.llvm
    bare.improve(BASE)
    interpreter, slot = llvm.code.interpreter, bare.cache.used[bare.cache.page_of(BASE)]
    assert interpreter.pages.handler(slot, 0) == interpreter.native.translated
    run(bare)
    assert bare.hart.instructions == 8
    llvm.arena.rows["key"] = 0  # as if its region had been reclaimed
    llvm.jumps.clear()
    run(bare)
    assert interpreter.pages.handler(slot, 0) not in (
        interpreter.native.translated,
        interpreter.native.fill,
    )
    assert (bare.hart.instructions, bare.hart.blocks) == (12, 9)
    bare.close()


def test_code_that_changed_is_predecoded_again() -> None:
    bare = calling()
    run(bare)
    assert bare.hart.x[A1] == 2
    fill(placed([word("addi", A1, A1, immediate=7)], BASE + 4 + PAGE), bare.write)
    run(bare)
    assert bare.hart.x[A1] == 4  # nobody said so
    assert bare.engine.fetch_again() == 1
    run(bare)
    assert bare.hart.x[A1] == 11
    bare.close()


def test_blocks_of_a_slot_that_was_used_again_are_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jump, one, other = (
        word("jal", 0, immediate=16),
        word("addi", A0, A0, immediate=1),
        word("addi", A1, A1, immediate=1),
    )

    def known_after(*firsts: int) -> list[int]:
        bare = Bare("llvm", BASE, SIZE)
        for first in firsts:
            fill(placed([first, ECALL, 0, 0, ECALL]), bare.write)
            bare.engine.fetch_again()
            run(bare)
        found = [int(block.pc) for block in bare.engine.known_blocks()]
        bare.close()
        return found

    expected = known_after(other)
    monkeypatch.setattr(cache_module, "SLOTS", 2)
    assert known_after(jump, one, other) == expected != known_after(jump)


ORDERS = (0, events.RELEASE, events.ACQUIRE, events.ACQUIRE | events.RELEASE)
SETS = (0xFF, 0x33, 0x22, 0x10, 0x833, 0x522)
"""Of fences; the last has a mode that means nothing."""


def test_the_order_that_an_instruction_asks_for_is_told() -> None:
    told: list[tuple[int, int, int]] = []

    def tell(_data: int, _pc: int, _address: int, size: int, value: int, how: int) -> None:
        told.append((size, value, how & 0xFF))

    function = OPERATION(tell)
    bare = Bare("llvm", BASE, SIZE)
    words = [word("fence") & ~(0xFFF << 20) | sets << 20 for sets in SETS]
    for name in ("lr.d", "sc.d", "amoadd.d"):
        words += [word(name, A1, A0, A2 * (name != "lr.d")) | order << 25 for order in range(4)]
    fill(placed([*words, ECALL]), bare.write)
    operation = Operation(address_of_function(function), 0, "call", order=True)
    bare.engine.apply(Plan(every_access=(operation,)))
    x = [0] * 32
    x[A0] = BASE + PAGE
    bare.set_registers(x, [0] * 32, 0)
    run(bare)
    bare.close()
    fences = [(0, sets if sets == SETS[4] else sets & 0xFF, events.FENCE) for sets in SETS]
    loads = [(8, 0, events.LOAD_RESERVED | order) for order in ORDERS]
    kept = events.STORE_CONDITIONAL | events.WRITE
    lost = events.STORE_CONDITIONAL | events.FAILED
    stores = [(8, 0, (lost if order else kept) | order) for order in ORDERS]
    both = [(8, 0, events.AMO | order | wrote) for order in ORDERS for wrote in (0, events.WRITE)]
    assert told == fences + loads + stores + both
