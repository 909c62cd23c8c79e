"""Which accesses have a page window, and what of a page is a loop."""

import random

import pytest
from test_interpreter import ECALL, word

from mttcg.engine.llvm.discovery import Discovery
from mttcg.engine.llvm.window_sites import MOST_WINDOWS, loops, window_sites
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.memory.address import PageOffset

RA, SP, A0, A1, A2, A3 = 1, 2, 10, 11, 12, 13
RETURN = word("jalr", 0, RA, immediate=0)
GRAPHS, NODES = 300, 8


def sites(*words: int, entries: tuple[int, ...] = (0,)) -> dict[int, int]:
    """By the number of the instruction, the window of what code accesses."""
    code = b"".join(one.to_bytes(4, "little") for one in words) + bytes(4)

    def half_at(offset: int) -> int:
        return int.from_bytes(code[offset : offset + 2], "little")

    discovery = Discovery(RISCV64.code, half_at, [PageOffset(entry) for entry in entries])
    return {offset // 4: window for offset, window in window_sites(discovery).items()}


def load(to: int, base: int) -> int:
    return word("ld", to, base, immediate=8)


def store(value: int, base: int) -> int:
    return word("sd", rs1=base, rs2=value, immediate=0)


def again(instructions: int) -> int:
    """To as many instructions before this one, unless a3 is 0."""
    return word("bne", rs1=A3, rs2=0, immediate=-4 * instructions)


def step(register: int) -> int:
    return word("addi", register, register, immediate=8)


def test_what_is_run_once_has_none() -> None:
    assert sites(load(A0, A1), store(A0, A2), RETURN) == {}


def test_a_loop_has_one_for_each_register() -> None:
    found = sites(load(A0, A1), store(A0, A2), load(A0, A1), step(A1), again(4), RETURN)
    assert set(found) == {0, 1, 2}
    assert found[0] == found[2] != found[1]


def test_what_is_before_and_behind_a_loop_has_none() -> None:
    assert set(sites(load(A0, A1), load(A0, A2), again(1), store(A0, A1), RETURN)) == {1}


def test_a_pointer_that_the_loop_loads_has_none() -> None:
    assert sites(load(A0, A0), again(1), RETURN) == {}
    assert set(sites(load(A1, A0), load(A2, A1), again(2), RETURN)) == {0}


def test_a_loaded_value_that_is_computed_with_has_one() -> None:
    assert set(sites(load(A1, A0), word("add", A1, A1, A2), load(A3, A1), again(3), RETURN)) == {
        0,
        2,
    }


def test_what_an_outer_loop_loads_an_inner_may_step() -> None:
    inner = [store(0, A1), step(A1), again(2)]
    assert set(sites(load(A1, A0), *inner, word("bne", rs1=A2, rs2=0, immediate=-16), RETURN)) == {
        0,
        1,
    }


def test_inner_and_outer_loops_have_their_own() -> None:
    inner = [store(0, A1), step(A1), again(2)]
    outer = word("bne", rs1=A2, rs2=0, immediate=-16)
    found = sites(load(A0, A1), *inner, outer, RETURN)
    assert set(found) == {0, 1}
    assert found[0] != found[1]


def test_a_loop_through_what_leaves_the_function_has_none() -> None:
    assert sites(load(A0, A1), ECALL, again(2), RETURN) == {}


def test_what_calls_itself_is_a_loop_with_its_end() -> None:
    call = word("jal", RA, immediate=-12)
    found = sites(store(RA, SP), step(SP), again(2), call, load(RA, SP), RETURN)
    assert {0, 4} <= set(found)


def test_atomics_have_none() -> None:
    assert sites(word("amoadd.d", A0, A1, A2), again(1), RETURN) == {}


def test_there_are_no_more_than_so_many() -> None:
    body = [load(5, register) for register in range(10, 28)]
    found = sites(*body, load(5, 27), again(len(body) + 1), RETURN)
    assert len(set(found.values())) == MOST_WINDOWS
    assert found[17] == found[18], "what is used most has one"


@pytest.mark.parametrize("seed", range(3))
def test_loops_are_what_leads_to_itself(seed: int) -> None:
    source = random.Random(seed)
    nodes = [PageOffset(number) for number in range(NODES)]
    for _ in range(GRAPHS):
        some = source.choice((0.1, 0.2, 0.4))
        edges = {node: [to for to in nodes if source.random() < some] for node in nodes}
        reached = {node: set(edges[node]) for node in nodes}
        for middle in nodes:
            for node in nodes:
                if middle in reached[node]:
                    reached[node] |= reached[middle]
        expected = {
            frozenset(to for to in nodes if to in reached[node] and node in reached[to])
            for node in nodes
            if node in reached[node]
        }
        found = loops(edges)
        assert {frozenset(loop) for loop in found} == expected
        assert len(found) == len(expected)
