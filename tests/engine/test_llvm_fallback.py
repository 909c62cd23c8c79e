"""What the instruction table lacks runs on Unicorn, and only the report tells."""

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
    Program,
    State,
)

from mttcg.engine.llvm.fallback import mnemonic
from mttcg.engine.unicorn.riscv64.left_to_host import LEFT_TO_HOST
from mttcg.isa.riscv64.code import facts
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.isa.riscv64.privilege import SUPERVISOR, USER
from mttcg.isa.riscv64.protection import open_to_all
from mttcg.isa.riscv64.table.decode import decode
from mttcg.isa.riscv64.translation import FIRST_MODE, OF_USER
from mttcg.memory.address import Virtual

NAMES = sorted(
    row.name
    for row in [*RIGHT, *BRANCHES, *JUMPS, *REGISTER_JUMPS]
    if facts(row.match).kind not in LEFT_TO_HOST.kinds and row.extension not in ("A", "Zicsr")
)
THIRDS = [frozenset(NAMES[part::3]) for part in range(3)]
SEEN_AT = Virtual(1 << 30)
MORE_THAN_THE_TABLE = 0x9000
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


@pytest.mark.parametrize("watch", ["", "python", "check"])
@pytest.mark.parametrize("part", range(3))
def test_uncovered_instructions_run_on_unicorn_and_are_counted(
    part: int, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    uncover(monkeypatch, THIRDS[part])
    compare(RIGHT, lambda: [Counting("llvm", watch)], INSTRUCTIONS // 9)


@pytest.mark.parametrize(
    ("word", "name"),
    [
        (0xFFFF_FFFF, ""),
        (MORE_THAN_THE_TABLE, ""),
        (0x0A00_1033, "clmul"),
        (0x9C79, ""),
        (0x0000_404F, ""),
    ],
)
def test_what_unicorn_does_not_know_either_is_illegal(word: int, name: str) -> None:
    bare = Bare("llvm", BASE, 4 * PAGE)
    bare.write(BASE, word.to_bytes(4, "little"))
    exits = list(bare.run_to_trap(BASE))
    assert [left.word for left in exits] == [word]
    assert (bare.hart.mcause, bare.hart.mepc, bare.hart.mtval) == (2, BASE, word)
    assert bare.engine.unsupported.to_dict() == ({name: 1} if name else {})
    bare.close()


@pytest.mark.parametrize("word", [0x0A00_1033, MORE_THAN_THE_TABLE])
@pytest.mark.parametrize("level", [USER, SUPERVISOR])
def test_where_addresses_are_translated_it_is_illegal(level: int, word: int) -> None:
    bare = Bare("llvm", BASE, 4 * PAGE)
    open_to_all(bare.hart)
    place, valid_to_all = BASE + PAGE, 0xCF | OF_USER * (level == USER)
    leaf = BASE >> 12 << 10 | valid_to_all  # a gigapage, seen where there is no RAM
    bare.write(place + 8 * (SEEN_AT >> 30), leaf.to_bytes(8, "little"))
    bare.write(BASE, word.to_bytes(4, "little"))
    bare.hart.satp, bare.hart.privilege = FIRST_MODE << 60 | place >> 12, level
    bare.engine.fence_translations()
    exits = list(bare.run_to_trap(SEEN_AT))
    assert [left.word for left in exits] == [word]
    assert (bare.hart.mcause, bare.hart.mepc, bare.hart.mtval) == (2, SEEN_AT, word)
    bare.close()
