"""The instruction tests on the interpreter."""

import pytest
from case_outcome import differences, expect, snapshot, start
from instruction_cases import FILES, Case, read_cases

from mttcg.isa.riscv64.table.decode import BY_NAME, decode
from mttcg.isa.riscv64.table.text import text

CASES = [case for path in FILES for case in read_cases(path)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.place} {case.text}")
def test_the_instruction_does_what_the_specification_says(case: Case) -> None:
    decoded = decode(case.word)
    assert ("reserved" if decoded is None else text(decoded)) == case.text
    hart = start(case)
    outcome = hart.step(case.word)
    assert differences((snapshot(hart), outcome), expect(case)) == {}


def test_every_instruction_has_a_case() -> None:
    tested = {decoded.name for case in CASES if (decoded := decode(case.word))}
    assert tested == set(BY_NAME)
