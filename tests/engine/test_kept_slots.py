"""Which versions of pages kept code fits is found natively, as it is defined in Python."""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from engine_harness import Bare
from test_kept_native import bare as bare
from test_kept_native import image_of, random_functions, variant_in, version_of

from mttcg.engine.llvm.kept.kept_code import FittingCode, KeptCode, KeptPages, fits
from mttcg.engine.llvm.kept.record import KeptFunction
from mttcg.engine.llvm.kept.variant import variant_of
from mttcg.engine.llvm.translate import PageVersion
from mttcg.instrument.plan.plan import Operation, Plan
from mttcg.memory.address import PhysicalPage, Virtual

MORE = 12
"""Versions of the second page."""


def modes(bare: Bare) -> tuple[PageVersion, PageVersion]:
    """The page's version for plain and for translated addresses."""
    version = version_of(bare)
    return tuple(replace(version, mode=version.mode & ~1 | seen) for seen in (0, 1))  # type: ignore[return-value]


def fitting_of(bare: Bare, functions: list[KeptFunction]) -> FittingCode:
    code = KeptCode(image_of(functions))
    return FittingCode(code, bare.engine.llvm.translator.ram, bare.cache)


def expected(bare: Bare, functions: list[KeptFunction]) -> Iterator[int]:
    """The slots that are fetched from and something fits."""
    cache = bare.cache
    ram = bare.engine.llvm.translator.ram
    variants = [variant_of(one.mode, one.sites, ram) for one in modes(bare)]
    for slot in range(int(cache.header["slots"][0])):
        halves, tail = cache.original[slot].view(np.uint16), int(cache.slots["tail"][slot])
        variant = variants[bool(cache.slots["seen"][slot])]
        is_used = cache.used.get(cache.page_in(slot)) == slot
        if is_used and any(one.variant == variant and fits(one, halves, tail) for one in functions):
            yield slot


@pytest.mark.parametrize("seed", range(10))
def test_slots_are_those_that_something_fits(bare: Bare, seed: int) -> None:
    functions, cache = random_functions(bare, seed), bare.cache
    if seed % 2:  # most fit: leave few
        functions = functions[: 1 + seed // 2]
    ram = bare.engine.llvm.translator.ram
    translated = variant_of(modes(bare)[1].mode, modes(bare)[1].sites, ram)
    functions += [replace(one, variant=translated) for one in functions[::3]]
    slot = version_of(bare).slot
    cache.slots["seen"][slot] = seed % 3 and 0x1001
    cache.slots["tail"][slot] = 0x1234 * (seed % 2)
    for number in range(MORE):
        bare.write(bare.memory.ram_base + 4096 + 8 * number, bytes([number + 1]))
        cache.enter_page(PhysicalPage(1))
    count = int(cache.header["slots"][0])
    of_modes = modes(bare)
    found = fitting_of(bare, functions).slots(0, count, *of_modes)
    assert count == MORE + 1 and found == list(expected(bare, functions))
    cache.used.leave(PhysicalPage(0))
    assert slot not in fitting_of(bare, functions).slots(0, count, *of_modes)


def test_nothing_is_looked_for_where_no_version_is_new(bare: Bare) -> None:
    fitting = fitting_of(bare, random_functions(bare, 1))
    assert fitting.slots(1, 1, *modes(bare)) == []
    assert fitting_of(bare, []).slots(0, 1, *modes(bare)) == []


@pytest.mark.parametrize("attached", [False, True])
def test_new_versions_are_met(bare: Bare, attached: bool) -> None:
    """Where something is attached at places, what is kept depends on the page: all are met."""
    llvm = bare.engine.llvm
    code, jumps, asked = llvm.code, llvm.jumps, []
    functions = [one for one in random_functions(bare, 3) if one.variant == variant_in(bare)]
    words = code.interpreter.native_words()
    image = KeptCode(image_of(functions))
    code.kept = KeptPages(image, llvm.translator.ram, bare.cache, llvm.arena, words)
    meet = code.kept.meet
    code.kept.meet = lambda version: (asked.append(version.slot), meet(version))[1]
    if attached:
        words = np.zeros(1, dtype=np.uint64)
        count = Operation(0, words.ctypes.data, "count")
        code.weave._begin(Plan(instructions={Virtual(bare.memory.ram_base + 8192): (count,)}))
    bare.write(bare.memory.ram_base + 4096, b"\xff" * 4096)
    bare.cache.enter_page(PhysicalPage(1))
    code.followed = 0
    code.follow_new_versions(jumps)
    assert list(expected(bare, functions)) == [0]
    assert asked == ([0, 1] if attached else [0])
    assert code.followed == 2
