"""Names of C++ and Rust as they are shown, and as they may be given."""

from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pytest

from mttcg import Machine
from mttcg.cli.ctl import PLACE
from mttcg.guest.image import Symbol, SymbolTable
from mttcg.instrument import Counter, instrument, symbol
from mttcg.instrument.program.symbol_names import readable_name
from mttcg.supervisor.run_state import info_of

HELLO = Path(__file__).parents[2] / "examples" / "guests" / "hello.elf"
MANGLED = "_ZN7console5printEPKc"


@pytest.mark.parametrize(
    ("mangled", "readable"),
    [
        (MANGLED, "console::print(char const*)"),
        ("_ZplRK1AS1_", "operator+(A const&, A const&)"),
        ("_RNvCs1234_7mycrate3foo", "mycrate::foo"),
        ("_ZN4core3fmt9Formatter9write_str17h0123456789abcdefE", "core::fmt::Formatter::write_str"),
        ("_ZZ", "_ZZ"),
        ("_Renamed", "_Renamed"),
        ("main", "main"),
    ],
)
def test_a_name_is_shown_as_it_was_written(mangled: str, readable: str) -> None:
    assert readable_name(mangled) == readable


def test_reports_and_plugins_know_both_names() -> None:
    def count_prints() -> None:
        instrument(None, symbol("console::print(char const*)"), Counter("readable"))
        instrument(None, symbol("_ZN7console5printEPKc"), Counter("mangled"))

    machine = Machine(HELLO, plugins=[count_prints, "hotblocks,top=0"])
    image, old = machine.image, machine.image.by_name["print_text"]
    renamed = Symbol(old.address, old.size, MANGLED)
    symbols = tuple(renamed if each == old else each for each in image.symbols)
    table = SymbolTable(symbols, {**image.by_name, MANGLED: renamed})
    machine.image = replace(image, read_symbols=lambda: table)
    machine.boot = replace(machine.boot, images=(machine.image, *machine.boot.images[1:]))
    result = machine.run(console=BytesIO())
    assert result.plugins["count_prints"]["total"] == {"readable": 3, "mangled": 3}
    names = [row["symbol"] for row in result.plugins["hotblocks"]["hottest"]]
    assert "console::print(char const*)" in names
    info = info_of("run", machine.config, machine.image, machine.board)
    assert info.symbol_and_offset(old.address + 2) == ("console::print(char const*)", 2)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("main", ("main", None)),
        ("main+0x10", ("main", "0x10")),
        ("operator+(A const&)", ("operator+(A const&)", None)),
        ("operator+(A const&)+4", ("operator+(A const&)", "4")),
    ],
)
def test_a_place_can_be_in_a_function_of_any_name(text: str, parts: tuple[str, str]) -> None:
    found = PLACE.fullmatch(text)
    assert found is not None
    assert (found["symbol"], found["offset"]) == parts
