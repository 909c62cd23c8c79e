"""What runs once in each block is not woven into a hot page again, where it has run."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mttcg.engine.llvm.discovery import Discovery
from mttcg.engine.llvm.page import PageFunction
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.riscv64.llvm_isa import LLVM
from mttcg.engine.llvm.weave import Sites
from mttcg.engine.llvm.woven_plan import Weave
from mttcg.instrument.native import frames
from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.memory.code_pages import HALVES

START, SLOT = 0x8000_0000, 3
CODE = np.array([0x0505, 0x0505, 0xBFFD, 0x0505, 0xBFFD], dtype=np.uint16)
"""addi; then a loop of addi and a jump back to it, and another."""


@dataclass
class Once:
    """An operation that runs once in each block, and its flags."""

    flags: Any
    words: Any
    operation: Operation


@pytest.fixture
def once() -> Iterator[Once]:
    flags = np.zeros(8 * HALVES, dtype=np.uint64)
    words = np.zeros(frames.CONDITION_WORDS, dtype=np.uint64)
    words[frames.FLAGS] = flags.ctypes.data
    yield Once(flags, words, Operation(1, int(words.ctypes.data), "once_table"))


def source(sites: Sites) -> str:
    discovery = Discovery(RISCV64.code, lambda at: int(CODE[at // 2]) if at < 10 else 0, [0, 6])
    ram = Ram(START, 1 << 20, ())
    return PageFunction(LLVM, discovery, ram, sites).source()


def test_a_block_in_which_it_has_run_has_no_look_at_a_flag(once: Once) -> None:
    weave = Weave(Plan(every_block=(once.operation,)))
    before, shape = weave.specialised(START, SLOT)
    assert source(before).count("%flags0, i64") == 3
    assert shape == before.shape()
    once.flags[HALVES * SLOT + 1] = 1
    some, other = weave.specialised(START, SLOT)
    assert some.done == (2,)
    assert some.at_block(2) == ()
    assert some.at_block(0) == before.at_block(0) != ()
    assert source(some).count("%flags0, i64") == 2
    assert other != shape
    assert Sites.from_plain(some.to_plain()) == some
    once.flags[HALVES * SLOT :] = 1
    assert "%flags0" not in source(weave.specialised(START, SLOT)[0])
    assert weave.specialised(START, SLOT - 1)[1] == shape


def test_a_block_is_done_when_everything_that_runs_once_there_has_run(once: Once) -> None:
    other = np.zeros_like(once.flags)
    words = once.words.copy()
    words[frames.FLAGS] = other.ctypes.data
    second = Operation(2, int(words.ctypes.data), "once_table")
    weave = Weave(Plan(every_block=(once.operation, second)))
    once.flags[HALVES * SLOT] = 1
    assert weave.specialised(START, SLOT)[0].done == ()
    other[HALVES * SLOT] = 1
    assert weave.specialised(START, SLOT)[0].done == (0,)


def test_a_plan_without_such_things_stays_as_it_is() -> None:
    weave = Weave(Plan(every_block=(Operation(1, 2, "count"),)))
    assert weave.specialised(START, SLOT) == weave.page(START)
