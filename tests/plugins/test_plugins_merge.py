"""The law of every bundled plugin's Aggregator: parts merge to the whole, in any order and place.

The plugins are found by listing, and their streams by asking them, so a new plugin is held to it
from its first day.
"""

import json
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from mttcg.instrument.loading.loader import load_plugin, project_plugins
from mttcg.supervisor.result import json_ready
from mttcg_bus import Aggregator, RunInfo, StreamSpec
from mttcg_bus.subscriber.aggregator import report_of
from mttcg_bus.subscriber.state import pack_state, unpack_state

SMP = 3
BASE = 0x8000_0000
SYMBOLS = ((BASE, 64, "main"), (BASE + 64, 0, "other"), (BASE + 0x1000, 4096, "data"))
RUN = RunInfo("run", "guest.elf", SMP, "llvm", BASE, 1 << 20, BASE, SYMBOLS)
NUMBERS = (0, 1, 2, 3, 8, BASE, BASE + 4, BASE + 64, BASE + 0x1000, BASE + 0x1008, (1 << 64) - 1)
CODE = (b"", b"\x13\x00\x00\x00", b"\x01\x00\x82\x80", b"\xff" * 8)
"""Nothing, a nop, a compressed nop and a return, and what is no instruction."""
SPECS = {"kfuncs": "kfuncs,functions=main"}
"""How plugins are loaded that have to be told something."""


def spec_of(name: str) -> str:
    """How a plugin is loaded."""
    return SPECS.get(name, name)


FOLLOWING = ("processes", "profile", "syscalls")
"""Plugins whose records follow from each other, by rules of their own that drawn ones break."""
NAMES = [
    source.name
    for source in project_plugins()
    if (aggregator := load_plugin(spec_of(source.name)).aggregator) is not None
    and aggregator.in_shards
    and source.name not in FOLLOWING
]
DESCRIBE = """
import json, sys
from mttcg.instrument.api import session
from mttcg.instrument.loading.initialise import load_plugins
from mttcg.instrument.loading.plugin_functions import KERNEL_FUNCTIONS
from mttcg.processes.host import describe
from mttcg.vcpu.guest import Declarations
streams = {}
for name in sys.argv[1:]:
    symbols = dict.fromkeys(["main", *KERNEL_FUNCTIONS.values()], 0x80000000)
    declarations = Declarations(symbols, 2)
    streams[name] = describe(declarations, load_plugins(declarations, [name])).streams
json.dump(streams, sys.stdout)
"""
Batches = list[tuple[str, int, Any]]


@pytest.fixture(scope="module")
def streams() -> dict[str, list[StreamSpec]]:
    """What each plugin records with its default options; asked in a process without plugins."""
    command = [sys.executable, "-c", DESCRIBE, *map(spec_of, NAMES)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=100)
    found = json.loads(done.stdout)
    return {
        name: [StreamSpec.from_plain(plain) for plain in found[spec_of(name)]] for name in NAMES
    }


def filled(draw: Any, field: "np.dtype[Any]") -> Any:
    """A value that a field can have, of a few that meet again."""
    if field.subdtype is not None:
        base, shape = field.subdtype
        content = draw(some.sampled_from(CODE))[: field.itemsize].ljust(field.itemsize, b"\0")
        return np.frombuffer(content, base).reshape(shape)
    if field.kind == "S":
        return draw(some.sampled_from(CODE))
    if field.kind == "b":
        return draw(some.booleans())
    if field.kind == "f":
        return draw(some.sampled_from((0.0, 1.0, 2.5)))
    return np.array(draw(some.sampled_from(NUMBERS)), "<u8").astype(field)[()]


@some.composite
def batches(draw: Any, specs: list[StreamSpec]) -> Batches:
    """Batches of all vCPUs, in an order in which they might come."""
    found: Batches = []
    for _ in range(draw(some.integers(0, 6))):
        spec, cpu = draw(some.sampled_from(specs)), draw(some.integers(0, SMP - 1))
        records = np.zeros(draw(some.integers(1, 4)), spec.dtype)
        for record in records:
            for name in spec.dtype.names or ():
                record[name] = filled(draw, spec.dtype[name])
        found.append((spec.event, cpu, records))
    return found


class Maker:
    """Makes a plugin's aggregators, and tells what they found."""

    def __init__(self, name: str) -> None:
        self.plugin = load_plugin(spec_of(name))

    def empty(self) -> Aggregator:
        assert self.plugin.aggregator is not None
        made: Aggregator = self.plugin.aggregator(self.plugin.options, RUN)
        return made

    def fed(self, what: Batches) -> Aggregator:
        made = self.empty()
        made.begin()
        for event, cpu, records in what:
            made.consume(event, cpu, records)
            made.lost(event, cpu, 1)
        made.end()
        return made

    def sent(self, aggregator: Aggregator) -> Aggregator:
        """What another process gets."""
        return unpack_state(pack_state(aggregator), self.empty())

    def merged(self, *parts: Aggregator) -> Aggregator:
        made = self.empty()
        for part in parts:
            made.merge(part)
        return made


def found(aggregator: Aggregator) -> Any:
    return json_ready(report_of(aggregator))


def test_there_are_aggregators() -> None:
    assert {"hotblocks", "memtrace"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
def test_parts_merge_to_the_whole(
    name: str, streams: dict[str, list[StreamSpec]], data: some.DataObject
) -> None:
    what, maker = data.draw(batches(streams[name])), Maker(name)
    whole = found(maker.fed(what))
    parts = [maker.fed([b for b in what if b[1] == cpu]) for cpu in range(SMP)]
    before = [found(part) for part in parts]
    a, b, c = (maker.sent(part) for part in parts)
    assert [found(part) for part in (a, b, c)] == before  # what is sent is what there was
    assert found(maker.merged(a, b, c)) == whole
    assert found(maker.merged(c, a, b)) == whole  # commutative
    assert found(maker.merged(a, maker.merged(b, c))) == whole  # associative
    assert found(maker.merged(maker.empty(), maker.sent(maker.merged(a, b)), c)) == whole
    assert [found(part) for part in (a, b, c)] == before  # who is merged stays as it was
