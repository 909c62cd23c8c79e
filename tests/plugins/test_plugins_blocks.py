"""Long blocks under the bundled plugins: each alone and together, what they count agrees."""

import importlib.util
import io
from pathlib import Path
from typing import Any

import pytest
from plugin_harness import ENGINE, SOURCES, load_build, run_plugins

from mttcg.config import DEFAULT_TIERS, TIERS
from mttcg.supervisor.machine import Machine

EXAMPLES = Path(__file__).parents[2] / "examples" / "plugins"
ROUNDS = 1000
RETIRED, TRAPS = 40_915, 11
"""In the guest `blocks`; there is a trap and an interrupt where a round is from the beginning."""
BLOCKS = dict.fromkeys(TIERS, 202)
"""By tiers. The interpreter makes the store that raises the interrupt itself and takes it before
the next block, the one behind the trap; Unicorn leaves the block there, and its rest is entered."""
if ENGINE == "unicorn":
    BLOCKS = {DEFAULT_TIERS: 213}
BYTES, NEVER_RETIRED = 5226, 6
"""Of its code in blocks that are entered; of what traps, and of what is behind the end."""
SKIPPING = """
from mttcg.instrument import instrument, symbol

def skip(cpu, _opaque):
    cpu.pc += 2

def plugin_init(_options):
    instrument(None, symbol("skipped"), skip)
    return True
"""
FAILING = """
from mttcg.instrument import instrument, symbol

def fail(cpu, _opaque):
    raise ValueError("enough")

def plugin_init(_options):
    instrument(None, symbol("skipped"), fail)
    return True
"""
ANNOUNCED = """
from pathlib import Path
from mttcg.instrument import instrument_block

blocks = []

def plugin_init(options):
    instrument_block(None, None, lambda _cpu, block, _opaque: blocks.append(block.instructions))
    return True

def plugin_exit():
    Path(__file__).with_name("announced").write_text(f"{len(blocks)} {sum(blocks)}")
"""


@pytest.fixture(scope="module", params=[600, 2000])
def long_guest(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[int, Path]:
    """Straight-line code of so many instructions in a loop, and how many that is."""
    if importlib.util.find_spec("ziglang") is None:
        pytest.skip("ziglang is not installed, so the guest can't be built")
    build, folder = load_build(), tmp_path_factory.mktemp("long")
    built, elf = folder / "long.o", folder / "long.elf"
    given = (f"-DROUNDS={ROUNDS}", f"-DLENGTH={request.param}")
    source = str(SOURCES / "long" / "long.S")
    build.run_zig(("cc", *build.COMPILE, *given, source, "-o", str(built)), folder / "cache")
    build.run_zig((*build.LINK, str(built), "-o", str(elf)), folder / "cache")
    return request.param, elf


def test_long_code_is_counted_in_full(long_guest: tuple[int, Path]) -> None:
    length, elf = long_guest
    lengths = str(EXAMPLES / "block_lengths.py")
    plugins = ("howvec", "hotblocks,top=0", "coverage", "icount", lengths)
    result = run_plugins(elf, *plugins)
    retired = ROUNDS * (length + 2) + 9
    assert result["vcpus"][0]["instructions"] == retired
    reports = result["plugins"]
    assert reports["icount"]["total"] == {"instructions": retired, "blocks": ROUNDS + 2}
    assert reports["howvec"]["instructions"] == retired
    assert reports["hotblocks"]["executions"] == ROUNDS + 2
    hottest = reports["hotblocks"]["hottest"]
    executed = {row["instructions"]: row["executions"] for row in hottest}
    assert executed == {length + 2: ROUNDS, 2: 1, 8: 1}
    assert reports["coverage"]["bytes"] == 2 * length + 40
    assert reports["block_lengths"]["instructions"] == retired + 1  # the one behind the end


def test_records_do_not_divide_a_block(long_guest: tuple[int, Path]) -> None:
    length, elf = long_guest
    reports = run_plugins(elf, "howvec", "execlog")["plugins"]
    retired = ROUNDS * (length + 2) + 9
    assert reports["howvec"]["instructions"] == reports["execlog"]["instructions"] == retired


def test_callbacks_are_told_of_whole_blocks(long_guest: tuple[int, Path], tmp_path: Path) -> None:
    length, elf = long_guest
    plugin = tmp_path / "announced.py"
    plugin.write_text(ANNOUNCED)
    run_plugins(elf, str(plugin))
    announced = (tmp_path / "announced").read_text()
    assert announced == f"{ROUNDS + 2} {ROUNDS * (length + 2) + 10}"


def distinct(log: Path) -> int:
    """Bytes of the different instructions in a log."""
    lines = (line.split()[1:3] for line in log.read_text().splitlines())
    return sum(4 if int(word, 16) & 3 == 3 else 2 for _, word in set(map(tuple, lines)))


@pytest.mark.parametrize("tiers", BLOCKS)
@pytest.mark.parametrize(
    "plugins",
    [
        ("howvec",),
        ("coverage",),
        ("howvec", "execlog"),
        ("hotblocks", "memtrace"),
        ("howvec", "callgraph"),
        ("icount", "howvec", "hotblocks", "coverage", "execlog", "memtrace", "callgraph"),
    ],
    ids=" ".join,
)
def test_what_happens_in_long_code_is_counted_alike(
    plugins: tuple[str, ...], tiers: str, own_guests: dict[str, Path], tmp_path: Path
) -> None:
    log = tmp_path / "log"
    specs = [f"execlog,out={log}" if name == "execlog" else name for name in plugins]
    result = run_plugins(own_guests["blocks"], *specs, tiers=tiers)
    blocks = BLOCKS[tiers]
    vcpu, reports = result["vcpus"][0], result["plugins"]
    assert (vcpu["instructions"], vcpu["blocks"]) == (RETIRED, blocks)
    assert (vcpu["traps"], vcpu["interrupts"]) == (TRAPS, TRAPS)
    for name in {"howvec", "execlog", "callgraph"} & {*plugins}:
        assert reports[name]["instructions"] == RETIRED, name
    if "hotblocks" in plugins:
        assert reports["hotblocks"]["executions"] == blocks
    if "coverage" in plugins:
        assert reports["coverage"]["bytes"] == BYTES
    if "execlog" in plugins:
        assert distinct(log) == BYTES - NEVER_RETIRED


@pytest.mark.parametrize(("source", "status"), [(SKIPPING, 0), (FAILING, 70)])
def test_a_callback_that_leaves_a_block_is_no_loss(
    source: str, status: int, own_guests: dict[str, Path], tmp_path: Path
) -> None:
    plugin = tmp_path / "leaving.py"
    plugin.write_text(source)
    machine = Machine(own_guests["blocks"], engine=ENGINE, plugins=["howvec", str(plugin)])
    result: Any = machine.run(console=io.BytesIO()).to_json()
    assert result["exit_status"] == status
    retired = result["vcpus"][0]["instructions"]
    assert result["plugins"]["howvec"]["instructions"] == retired
    if status == 0:
        assert retired == RETIRED - TRAPS  # what is skipped is in the same rounds
