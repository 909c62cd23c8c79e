"""The programs of the benchmark do what they do elsewhere."""

import pytest

from mttcg_bench.cases.programs import TWO_SECONDS
from mttcg_bench.model import Case, Variant
from mttcg_bench.tools import command
from mttcg_bench.tools.guests import BUILT, PROGRAMS

RESULTS = {
    "aes": 0x66F11BB5BD3E9E82,
    "bytecode": 0xA5BD909E838E72,
    "compress": 0xAD3EAFA47FCB2E96,
    "fourier": 0xB841FAFF7FC3D5C6,
    "jpeg": 0x85051BC5223417DB,
    "json": 0xA92A332FB4182EC4,
    "regex": 0xC742FA5561EB07A3,
    "script": 0x156F7724FC7C107B,
    "shapes": 0x910B29BB01872D8E,
    "squares": 0x73DF4D0400DB6989,
    "trees": 0x8981A2A3118776F1,
}
"""What each prints on QEMU 7.2, with as many rounds as its source says."""


def test_every_program_is_measured() -> None:
    assert {name for name, folder in BUILT.items() if folder == PROGRAMS} == {*TWO_SECONDS}


@pytest.mark.parametrize("program", TWO_SECONDS)
def test_a_program_has_the_result_that_it_has_on_qemu(program: str) -> None:
    variant = Variant(program, engine="llvm", guest=program)
    case = Case("programs.one", "one run", (variant,), ())
    printed = command.measure(case, variant).output
    assert printed.split() == ["result", hex(RESULTS[program])]
