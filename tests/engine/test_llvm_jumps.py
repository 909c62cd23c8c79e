"""Jumps from page to page: where code is found, and which registers are moved."""

import re
from typing import Any, ClassVar

import numpy as np
from engine_harness import PAGE, Bare, fill
from golden_texts import Golden, text_of

from mttcg.engine.llvm.jump_table import TRANSLATED_BYTES, JumpTable
from mttcg.engine.llvm.liveness import RegisterFlow, bits_of, names_of
from mttcg.engine.llvm.places import Labels
from mttcg.memory.address import HostAddress, PageOffset, PhysicalPage
from mttcg.memory.code_pages import SLOTS
from mttcg.memory.ram import RamRange

BASE = 0x8000_0000
RETURN, ECALL = 0x8082, 0x0000_0073
ADD_TO_A0 = 0x00B5_0533
"""add a0, a0, a1."""
STORE_A0 = 0x00A6_3023
"""sd a0, 0(a2)."""
FAR_CALL = (0x0000_1097, 0x0000_80E7)
"""auipc ra, 1; jalr ra: to the same place in the next page."""


def flow(**edges: str) -> RegisterFlow:
    """Leaders a, b, ... with edges between them: names of those that follow."""
    found = RegisterFlow(Labels())
    for leader, following in edges.items():
        for to in following:
            found.lead(ord(leader), ord(to))
    return found


def registers(bits: int) -> set[str]:
    return set(names_of(bits))


def test_what_was_written_on_any_way_may_have_changed() -> None:
    found = flow(a="bc", b="d", c="d")
    found.pass_through(ord("a"), (), ("x1",))
    found.pass_through(ord("b"), (), ("x2",))
    found.pass_through(ord("c"), (), ("f3",))
    found.solve(map(ord, "abcd"))
    changed = {leader: registers(found.changed[ord(leader)]) for leader in "abcd"}
    assert changed == {"a": set(), "b": {"x1"}, "c": {"x1"}, "d": {"x1", "x2", "f3"}}
    assert registers(found.behind(ord("b"))) == {"x1", "x2"}


def test_what_is_read_or_brought_back_before_it_is_written_is_needed() -> None:
    found = flow(a="b", b="bc")
    found.pass_through(ord("a"), ("x5",), ("x6",))
    found.pass_through(ord("b"), ("x6", "x7"), ("x8",))
    found.pass_through(ord("c"), ("x8",), ())
    _ = found.labels["o", ord("c")], found.labels["l", ord("b")]
    found.solve(map(ord, "abc"))
    # x8 may have been written by an earlier round when b is left at its start
    assert registers(found.live[ord("a")]) == {"x5", "x7", "x8"}
    assert registers(found.live[ord("b")]) == {"x6", "x7", "x8"}
    assert registers(found.live[ord("c")]) == {"x6", "x8"}


def test_registers_have_a_bit_each() -> None:
    assert names_of(bits_of(["f31", "x0", "x31"])) == ["x0", "x31", "f31"]


def test_a_function_takes_and_brings_back_what_it_uses_alone() -> None:
    text = text_of(Golden((ADD_TO_A0, RETURN)))
    taken = set(re.findall(r"load i64, ptr %hart_(\w+)", text))
    brought = set(re.findall(r"store i64 %\w+, ptr %hart_(\w+)", text))
    assert (taken, brought) == ({"x1", "x10", "x11"}, {"x10"})


class Fetched:
    """What the table asks of the block cache: pages, and the slots that they are fetched from."""

    ram_range = RamRange(BASE, 4 * PAGE)
    page_of = ram_range.page_of
    used: ClassVar[dict[int, int]] = {page: page + 10 for page in range(4)}
    slots: ClassVar = {"generation": np.zeros(SLOTS, dtype=np.uint32)}

    @staticmethod
    def page_in(slot: int) -> int:
        return slot - 10


def test_the_table_has_code_by_place_and_forgets_it() -> None:
    table = JumpTable(Fetched())  # type: ignore[arg-type]

    def at(pc: int) -> int:
        page, offset = divmod(pc - BASE, PAGE)
        row = table.rows.get(Fetched.used[page], table.nothing)
        return int(row[offset // 2])

    table.put(PhysicalPage(1), PageOffset(6), HostAddress(77), translated=False)
    table.put(PhysicalPage(3), PageOffset(0), HostAddress(99), translated=False)
    table.put(PhysicalPage(3), PageOffset(8), HostAddress(11), translated=True)
    assert (at(BASE + PAGE + 6), at(BASE + 3 * PAGE), at(BASE + 3 * PAGE + 8)) == (77, 99, 0)
    assert table.rows[Fetched.used[3]][TRANSLATED_BYTES // 8 + 4] == 11
    assert (at(BASE + 6), at(BASE + PAGE + 8)) == (0, 0)
    nothing = int(table.pages[0])
    assert [int(row) != nothing for row in table.pages] == [False, True, False, True]
    table.drop(Fetched.used[2])  # of which none is known
    table.drop(Fetched.used[3])
    assert (at(BASE + PAGE + 6), at(BASE + 3 * PAGE)) == (77, 0)
    assert [int(row) != nothing for row in table.pages] == [False, True, False, False]
    table.put(PhysicalPage(3), PageOffset(2), HostAddress(55), translated=False)
    assert (at(BASE + 3 * PAGE), at(BASE + 3 * PAGE + 2)) == (0, 55), "it is learnt anew"
    table.clear()
    assert set(table.pages.tolist()) == {nothing}


def test_pages_jump_to_pages_and_every_count_is_exact() -> None:
    """A page adds and calls the next, which stores and returns; in each mixture of tiers."""
    bare: Any = Bare("llvm", BASE, 4 * PAGE)
    program = (ADD_TO_A0, *FAR_CALL, ECALL)
    fill([(BASE + 4 * number, word) for number, word in enumerate(program)], bare.write)
    fill([(BASE + PAGE + 4, STORE_A0), (BASE + PAGE + 8, RETURN)], bare.write)
    hart, data = bare.hart, BASE + 2 * PAGE
    for rounds, better in enumerate(((), (BASE,), (BASE + PAGE + 4,)), 1):
        for place in better:
            bare.improve(place)
        hart.x[10], hart.x[11], hart.x[12] = 5, rounds, data
        before = hart.instructions, hart.blocks
        list(bare.run_to_trap(BASE))
        assert int.from_bytes(bare.read(data, 8), "little") == 5 + rounds
        assert (hart.instructions - before[0], hart.blocks - before[1]) == (
            5,
            3,
        )  # a trap does not retire
    bare.close()
