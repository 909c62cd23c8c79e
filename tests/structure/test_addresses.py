"""Addresses have types that mypy keeps apart, and doors from one to the next, in `mttcg.memory`."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from mypy import api

ROOT = Path(__file__).parents[2]
PLANTED = """\
from mttcg.memory.address import (
    HostAddress,
    Physical,
    PhysicalPage,
    Virtual,
    page_start,
    physical_of,
    virtual_of,
)
from mttcg.memory.ram import GuestRam, RamRange


def apart(pc: Virtual, place: Physical, page: PhysicalPage, host: HostAddress, n: int) -> None:
    a: Virtual = place  # E: expression has type "Physical", variable has type "Virtual"
    b: Physical = pc  # E: expression has type "Virtual", variable has type "Physical"
    c: Physical = host  # E: expression has type "HostAddress", variable has type "Physical"
    d: PhysicalPage = place  # E: expression has type "Physical", variable has type "PhysicalPage"
    e: Virtual = n  # E: expression has type "int", variable has type "Virtual"
    f: Virtual = pc + 4  # E: expression has type "int", variable has type "Virtual"
    g: int = pc


def converted(pc: Virtual, place: Physical, page: PhysicalPage, host: HostAddress) -> None:
    Physical(pc)  # E: Physical is made of Virtual by mttcg.memory alone
    Virtual(place + 4)  # E: Virtual is made of Physical by mttcg.memory alone
    Physical(int(pc) & ~3)  # E: Physical is made of Virtual by mttcg.memory alone
    Physical(-abs(pc))  # E: Physical is made of Virtual by mttcg.memory alone
    PhysicalPage(place // 4096)  # E: PhysicalPage is made of Physical by mttcg.memory alone
    HostAddress(host + place)  # E: HostAddress is made of Physical by mttcg.memory alone
    Virtual([pc][0] + [place][0])  # E: Virtual is made of Physical by mttcg.memory alone
    Virtual(virtual_of(place) + 4)


def doors(pc: Virtual, place: Physical, ram: RamRange, bytes_of: GuestRam) -> None:
    page: PhysicalPage = ram.page_of(physical_of(pc))
    ram.page_of(pc)  # E: has incompatible type "Virtual"; expected "Physical"
    bytes_of.read(pc, 4)  # E: has incompatible type "Virtual"; expected "Physical"
    physical_of(place)  # E: has incompatible type "Physical"; expected "Virtual"
    start: Virtual = page_start(pc)
    host: HostAddress = ram.host_of(ram.start_of(page), HostAddress(4096))
"""
"""What mypy has to say is behind `# E:`, on the line."""
SIZES = {
    "mttcg/option_values.py": "checks a size",
    "mttcg/processes/segments.py": "rounds sizes",
    "mttcg/tbcache/layout.py": "rounds sizes",
    "mttcg/tbcache/predecoded.py": "rounds a size",
    "mttcg/engine/llvm/interpreter/native.py": "rounds a size",
    "mttcg/vcpu/machine/shared.py": "rounds a size",
    "mttcg/native/loaded_code.py": "rounds a size",
    "mttcg/native/object_file.py": "rounds a size",
    "mttcg/engine/tracking/layout.py": "rounds a size",
    "mttcg/isa/riscv64/translation.py": "takes an address apart for the walk of page tables",
    "mttcg/linux/riscv64/kernel.py": "rounds a fixed address",
    "mttcg/supervisor/debugging/past_pages.py": "takes offsets in RAM's file apart",
    "mttcg/linux/linux_guest.py": "the number of an address space is that of a page",
    "mttcg/engine/unicorn/hooks.py": "native code, which has its own door",
    "mttcg/engine/unicorn/riscv64/hooks.py": "native code",
    "mttcg/engine/unicorn/riscv64/look_up.py": "native code",
}
"""Modules that divide by the size of a page all the same, and why."""


def test_kinds_of_addresses_are_apart(tmp_path: Path) -> None:
    planted = tmp_path / "planted.py"
    planted.write_text(PLANTED)
    options = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path)]
    output, problem, _ = api.run([*options, "--hide-error-codes", str(planted)])
    told = re.findall(r"planted\.py:(\d+): error: (.*)", output)
    expected = {
        number: line.partition("# E: ")[2]
        for number, line in enumerate(PLANTED.splitlines(), 1)
        if "# E: " in line
    }
    assert (problem, [int(line) for line, _ in told]) == ("", list(expected)), output
    assert [text for line, text in told if expected[int(line)] not in text] == []


def page_divisions(module: ast.Module) -> Iterator[str]:
    """Where a module takes a page, or an offset in it, out of a number."""
    for node in ast.walk(module):
        if isinstance(node, ast.BinOp) and isinstance(
            node.op, ast.FloorDiv | ast.Mod | ast.RShift | ast.BitAnd
        ):
            names = {each.id for each in ast.walk(node.right) if isinstance(each, ast.Name)}
            if names & {"PAGE", "PAGE_SHIFT"}:
                yield ast.unparse(node)


def test_a_page_is_computed_from_an_address_in_one_place() -> None:
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mttcg").rglob("*.py")
        if path.parent != ROOT / "mttcg/memory"
        and any(page_divisions(ast.parse(path.read_bytes())))
    }
    assert found == set(SIZES)


@pytest.mark.parametrize(
    "text", ["pc // PAGE", "pc % PAGE // 2", "pc >> U64(PAGE_SHIFT)", "pc & ~(PAGE - 1)"]
)
def test_computing_a_page_is_found(text: str) -> None:
    assert list(page_divisions(ast.parse(f"page = {text}")))


def test_a_sum_with_a_page_is_none() -> None:
    assert not list(page_divisions(ast.parse("end = start + PAGE; size = pages * PAGE")))
