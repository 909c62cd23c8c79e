"""What is of one ISA has its places; every other module asks for the ISA as a value."""

import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PLACES = re.compile(r"mttcg/(isa|firmware|linux|engine/\w+)/riscv64/|mttcg/hardware/boards/")
"""Folders of one ISA."""
WORDS = re.compile(
    r"\b(riscv\w*|risc-v|rv64\w*|[ms](status|ie|ip|tvec|epc|cause|tval|scratch|counteren)"
    r"|misa|mhartid|mcycle|minstret|fcsr|frm|fflags|csrs?|csrr?[wsc]i?|wfi|mret|ecall|fence\.i)\b",
    re.IGNORECASE,
)
ALLOWED = {
    ("mttcg/guest/linux_image.py", "riscv64"),  # it lists the ISAs of kernels
    ("mttcg/guest/linux_image.py", "riscv"),  # a page of Linux's documentation
    ("mttcg/firmware/registry.py", "riscv64"),  # it lists the ISAs that have one
    ("mttcg/linux/registry.py", "riscv64"),  # the same
    ("mttcg/images/catalogue.py", "riscv64"),  # it lists packages of distributions
    ("mttcg/isa/registry.py", "riscv64"),  # it lists the ISAs
    ("mttcg/isa/instruction_class.py", "CSR"),  # a name that plugins have in their reports
    ("mttcg/cli/__init__.py", "RISC-V"),  # says what can be run
    ("mttcg/cli/run_options.py", "RV64"),  # the same
    ("mttcg/memory/page.py", "RISC-V"),  # the source of its number
    ("mttcg/hardware/devices/htif.py", "riscv"),  # programs that are its only definition
    ("plugins/mttcg_plugins/execlog.py", "csrw"),  # an example of what it writes
    ("plugins/mttcg_plugins/execlog.py", "mie"),
    # names of calls that Linux has on one ISA alone
    ("plugins/mttcg_plugins/_linux/system_calls.py", "riscv_hwprobe"),
    ("plugins/mttcg_plugins/_linux/system_calls.py", "riscv_flush_icache"),
}
"""Modules and words of theirs, which they have for a reason."""


def words_in(text: str) -> Iterator[str]:
    """The words of an ISA in a module's text, comments and docstrings included."""
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        for found in WORDS.finditer(token.string):
            yield found[0]


def test_no_module_outside_of_an_isas_places_names_it() -> None:
    paths = {
        path.relative_to(ROOT).as_posix()
        for folder in ("mttcg", "bus/mttcg_bus", "plugins")
        for path in (ROOT / folder).rglob("*.py")
    }
    found = {
        (path, word)
        for path in paths
        if not PLACES.match(path)
        for word in words_in((ROOT / path).read_text())
    }
    assert found - ALLOWED == set()
    assert ALLOWED - found == set(), "no longer needed"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("from mttcg.isa.riscv64.csr import CSRS", ["riscv64", "csr", "CSRS"]),
        ("def f():\n    from unicorn import riscv_const", ["riscv_const"]),
        ('"""Sleeps in wfi; see RISC-V."""', ["wfi", "RISC-V"]),
        ("x = hart.mstatus  # or mie", ["mstatus", "mie"]),
        ("names = 'fence.i', 'csrrw', 'csrw'", ["fence.i", "csrrw", "csrw"]),
        ("status, cause = epc(tokens), discourse", []),
    ],
)
def test_words_of_an_isa_are_found_wherever_they_are(text: str, words: list[str]) -> None:
    assert list(words_in(text + "\n")) == words
