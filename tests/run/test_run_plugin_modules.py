"""Runs with plugins that import what is beside them: in vCPUs, aggregators, and loaded late."""

import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pytest
from run_harness import LIMIT, Running, eventually, guest

from mttcg import Machine
from mttcg.cli import main
from mttcg_bus import Control

PLUGIN = """
import mttcg_bus
from mttcg.instrument import Counter, Stream, events, instrument, instrument_block, symbol
from helper import NAME, Tally, calls

def plugin_init(_options):
    instrument(None, symbol("print_text"), Counter(NAME))
    instrument(None, symbol("print_text"), calls)
    instrument_block(None, None, Stream("blocks", events.BLOCK))
    return True

class Aggregator(mttcg_bus.Aggregator):
    def __init__(self, options, run):
        super().__init__(options, run)
        self.tally = Tally()

    def consume(self, stream, cpu, records):
        from adding import add
        add(self.tally, len(records))

    def merge(self, other):
        super().merge(other)
        self.tally.total += other.tally.total

    def report(self):
        return {NAME: self.tally.total}
"""
HELPER = """
NAME = {name!r}

def calls(cpu, _opaque):
    print(f"{{NAME}} saw vCPU {{cpu.index}}")

class Tally:
    def __init__(self):
        self.total = 0
"""
ADDING = "def add(tally, count):\n    tally.total += {step} * count\n"


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path]:
    """Two plugins, a file and a package, whose modules have the same names."""
    one, two = tmp_path / "one", tmp_path / "two" / "second"
    for folder, name, step in ((one, "first", 1), (two, "second", 1000)):
        folder.mkdir(parents=True)
        (folder / "helper.py").write_text(HELPER.format(name=name))
        (folder / "adding.py").write_text(ADDING.format(step=step))
    (one / "first.py").write_text(PLUGIN)
    inside = PLUGIN.replace("from helper", "from .helper").replace("from adding", "from .adding")
    (two / "__init__.py").write_text(inside)
    return one / "first.py", two


def test_in_vcpus_in_shards_and_in_a_replay(
    folders: tuple[Path, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    first, second = map(str, folders)
    recording = tmp_path / "recording"
    shards = {"first": 2, "second": 1}
    plugins = [first, second]
    machine = Machine(guest("hello"), smp=2, plugins=plugins, shards=shards, record=recording)
    result = machine.run(console=BytesIO())
    assert result.failures == []
    printed = capfd.readouterr().err
    for name in ("first", "second"):
        assert result.plugins[name]["total"][name] > 0
        assert f"{name} saw vCPU 1" in printed
    blocks = result.plugins["first"]["first"]
    assert result.plugins["second"]["second"] == 1000 * blocks > 0
    for name, plugin, step in (("first", first, 1), ("second", second, 1000)):
        file = tmp_path / f"{name}.json"
        assert main(["replay", str(recording), "--plugin", plugin, "--json", str(file)]) == 0
        assert json.loads(file.read_text())["report"] == {name: step * blocks}


def test_loaded_while_the_guest_runs_and_loaded_anew(
    start: Callable[..., Running], folders: tuple[Path, Path]
) -> None:
    plugin = folders[0]
    plugin.write_text(
        "from helper import NAME\nfrom mttcg.instrument import Counter, instrument_block\n"
        "def plugin_init(_options):\n    instrument_block(None, None, Counter(NAME))\n"
    )
    running = start(guest("spin"), "--smp", "2", "--control", "--quiet")
    running.read(until=b"spinning on 2 harts\n")
    url = next(word for word in running.stderr.split() if word.startswith("ipc://"))
    with Control(url, seconds=LIMIT) as control:
        control.load(str(plugin))
        eventually(lambda: control.plugins()[0]["counters"].get("first", 0) > 0, LIMIT)
        (plugin.parent / "helper.py").write_text("NAME = 'other'\n")
        assert control.reload("first")["counters"]["total"]["first"] > 0
        eventually(lambda: control.plugins()[0]["counters"].get("other", 0) > 0, LIMIT)
        control.stop()
    assert running.wait() == 130
