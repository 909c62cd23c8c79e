"""Plugins that are told a level or an address space count what runs there, and nothing else."""

from pathlib import Path
from typing import Any

import pytest
from elftools.elf.elffile import ELFFile
from instrument_harness import ENGINE, Done, lines_by_cpu, plugin, run_guest

from mttcg.errors import MttcgError

pytestmark = pytest.mark.skipif(ENGINE == "unicorn", reason="it translates no addresses")
HARTS = 2
SCOPED = ("icount", "hotblocks", "howvec", "memtrace", "execlog")


def run_in(guest: Path, folder: Path, scope: str) -> tuple[Done, list[dict[str, int]]]:
    """A run with all of them in a scope; what plain counters count, by vCPU and scope."""
    counting = plugin("in_spaces", out=folder / "out", places=False)
    symbols = {"harts": HARTS, "rounds": 4, "turns": 300}
    specs = [f"{name},{scope}" for name in SCOPED]
    done = run_guest(guest, counting, *specs, smp=HARTS, symbols=symbols)
    assert done.in_order, done.result.failures
    lines = lines_by_cpu(folder / "out")
    return done, [lines[cpu]["counters"] for cpu in range(HARTS)]


def address_of(guest: Path, symbol: str) -> int:
    with guest.open("rb") as file:
        (found,) = ELFFile(file).get_section_by_name(".symtab").get_symbol_by_name(symbol)
        return int(found["st_value"])


@pytest.mark.parametrize("name", ["user", "supervisor", "machine", "first", "second"])
def test_each_counts_what_runs_there(
    own_guests: dict[str, Path], tmp_path: Path, name: str
) -> None:
    guest = own_guests["spaces"]
    scope = f"mode={name}"
    if name in ("first", "second"):
        scope = f"space={address_of(guest, f'root_{name}') >> 12:#x}"
    done, counters = run_in(guest, tmp_path, scope)
    found: dict[str, Any] = {plugin: done.report(plugin) for plugin in SCOPED}
    instructions, blocks, accesses = (
        [each[f"{what}, {name}"] for each in counters]
        for what in ("instructions", "blocks", "accesses")
    )
    assert all(instructions)
    assert [row["instructions"] for row in found["icount"]["vcpus"]] == instructions
    assert [row["instructions"] for row in found["execlog"]["vcpus"]] == instructions
    assert found["howvec"]["instructions"] == sum(instructions)
    assert [row["blocks"] for row in found["icount"]["vcpus"]] == blocks
    assert found["hotblocks"]["executions"] == sum(blocks)
    rows = found["memtrace"]["vcpus"]
    assert [row["reads"] + row["writes"] for row in rows] == accesses


@pytest.mark.parametrize("name", [*SCOPED, "devices"])
def test_a_level_that_there_is_not_is_refused(own_guests: dict[str, Path], name: str) -> None:
    with pytest.raises(MttcgError, match=r"mode.*user, supervisor"):
        run_guest(own_guests["spaces"], f"{name},mode=root")
