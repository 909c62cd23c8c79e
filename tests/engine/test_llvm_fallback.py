"""What LLVM or the instruction table can't do runs on Unicorn, and only the report tells."""

from collections.abc import Iterator
from typing import Any
from unittest.mock import patch

import pytest
from engine_harness import Bare, uncover
from random_engines import INSTRUCTIONS, RIGHT, Watch, Watched, compare
from random_programs import (
    BASE,
    BRANCHES,
    JUMPS,
    PAGE,
    REGISTER_JUMPS,
    Ending,
    Piece,
    Program,
    State,
    build,
)

from mttcg.engine.llvm import compile as compile_module
from mttcg.engine.llvm.compile import TranslationError
from mttcg.engine.llvm.fallback import mnemonic
from mttcg.engine.llvm.page import PageFunction
from mttcg.engine.llvm.translate import CodePart, PageVersion, Translator
from mttcg.engine.unicorn.riscv64.left_to_host import LEFT_TO_HOST
from mttcg.instrument.plan.plan import Plan
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.table.decode import BY_NAME, decode

NAMES = sorted(
    row.name
    for row in [*RIGHT, *BRANCHES, *JUMPS, *REGISTER_JUMPS]
    if facts(row.match).kind not in LEFT_TO_HOST.kinds and row.extension not in ("A", "Zicsr")
)
THIRDS = [frozenset(NAMES[part::3]) for part in range(3)]
MORE_THAN_THE_TABLE = 0x8000
"""A reserved 16-bit word, which Unicorn takes for a nop."""


class Counting(Watched):
    """An llvm engine that lacks some instructions; it has to count each that a program executes."""

    def check_from(self, program: Program, state: State, expected: Ending) -> None:
        """Compare with what the definition says; what was counted is checked."""
        before = self.bare.engine.unsupported.to_dict()
        super().check_from(program, state, expected)
        after = self.bare.engine.unsupported.to_dict()
        counted = {name: count - before.get(name, 0) for name, count in after.items()}
        missing = self.bare.engine.llvm.translator.uncovered
        wanted: dict[str, int] = {}
        for pc in expected.executed:
            word = program.words[pc]
            at = decode(word)
            if at is not None and at.name in missing:
                name = mnemonic(RISCV64.code, word, pc)
                wanted[name] = wanted.get(name, 0) + 1
        assert {name: count for name, count in counted.items() if count} == wanted


@pytest.mark.parametrize(
    ("engine", "watch"),
    [("llvm", ""), ("llvm", "python"), ("llvm", "check"), ("interpreter", "")],
)
@pytest.mark.parametrize("part", range(3))
def test_uncovered_instructions_run_on_unicorn_and_are_counted(
    part: int, engine: str, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    uncover(monkeypatch, THIRDS[part])
    compare(RIGHT, lambda: [Counting(engine, watch)], INSTRUCTIONS // 12)


class Refusing(Watched):
    """An llvm engine that can't translate some pages."""

    def check(self, program: Program, expected: list[Ending]) -> None:
        """Compare with what the definition says; such a page is named in one warning."""
        super().check(program, expected)
        warnings = self.bare.warnings
        assert len(set(warnings)) == len(warnings) <= 3
        assert all("can't be translated" in text and "too odd" in text for text in warnings)


@pytest.fixture(params=[{1}, {0, 2}, {0, 1, 2, 3}], ids=["one", "others", "all"])
def refused_pages(request: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[set[int]]:
    compile_part = Translator.compile

    def refuse(translator: Translator, version: PageVersion, *others: Any) -> CodePart:
        if (translator.ram.range.start_of(version.page) - BASE) // PAGE not in request.param:
            return compile_part(translator, version, *others)
        with patch.object(PageFunction, "source", side_effect=TranslationError("too odd")):
            return compile_part(translator, version, *others)

    monkeypatch.setattr(Translator, "compile", refuse)
    yield request.param


@pytest.mark.parametrize("watch", ["", "python", "check"])
def test_pages_that_cannot_be_translated_run_on_unicorn(
    refused_pages: set[int], watch: Watch
) -> None:
    compare(RIGHT, lambda: [Refusing("llvm", watch)], INSTRUCTIONS // 12)


def test_both_at_once(refused_pages: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
    uncover(monkeypatch, THIRDS[0])
    compare(RIGHT, lambda: [Refusing("llvm", watch="call")], INSTRUCTIONS // 12)


@pytest.mark.parametrize("engine", ["llvm", "interpreter"])
@pytest.mark.parametrize(
    ("word", "name"),
    [
        (0xFFFF_FFFF, ""),
        (MORE_THAN_THE_TABLE, "c.lbu"),
        (0x9C41, "c.mul"),
        (0x9C61, "c.zext.b"),
        (0x0000_404F, ""),
    ],
)
def test_what_unicorn_does_not_know_either_is_illegal(word: int, name: str, engine: str) -> None:
    bare = Bare(engine, BASE, 4 * PAGE)
    bare.write(BASE, word.to_bytes(4, "little"))
    exits = list(bare.run_to_trap(BASE))
    assert [left.word for left in exits] == [word]
    assert (bare.hart.mcause, bare.hart.mepc, bare.hart.mtval) == (2, BASE, word)
    assert bare.engine.unsupported.to_dict() == ({name: 1} if name else {})
    bare.close()


def test_a_page_of_too_much_text_runs_on_unicorn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_module, "LARGEST_TEXT", 100_000)
    many = Watched("llvm", watch="call")
    operation = many.bare.vcpu.engine.llvm.weave.plan.every_instruction[0]
    many.bare.engine.apply(Plan(every_instruction=(operation,) * 1000))
    program = build([Piece(BY_NAME["add"], 0, 1)] * 10, 0)
    many.load(program)
    found = many.run(program, program.states[0])
    assert len(found.executed) == 1000 * len(program.words)
    assert found.instructions == len(program.words) - 1
    (warning,) = many.bare.warnings
    assert f"at {program.at & -PAGE:#x} can't be translated" in warning
    assert "bytes, more than 100000" in warning
