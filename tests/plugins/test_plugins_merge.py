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
from aggregator_maker import BASE, SMP, Batches, Maker, check_law, spec_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from mttcg.instrument.loading.loader import load_plugin, project_plugins
from mttcg_bus import StreamSpec

NUMBERS = (0, 1, 2, 3, 8, BASE, BASE + 4, BASE + 64, BASE + 0x1000, BASE + 0x1008, (1 << 64) - 1)
CODE = (b"", b"\x13\x00\x00\x00", b"\x01\x00\x82\x80", b"\xff" * 8)
"""Nothing, a nop, a compressed nop and a return, and what is no instruction."""
FOLLOWING = ("processes", "profile", "syscalls")
"""Plugins whose records follow from each other: test_plugins_following.py has those."""
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
from mttcg.vcpu.instrumentation.guest import Declarations
streams = {}
for name in sys.argv[1:]:
    symbols = dict.fromkeys(["main", *KERNEL_FUNCTIONS.values()], 0x80000000)
    declarations = Declarations(symbols, 2)
    streams[name] = describe(declarations, load_plugins(declarations, [name])).streams
json.dump(streams, sys.stdout)
"""


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


def test_there_are_aggregators() -> None:
    assert {"hotblocks", "memtrace"} <= set(NAMES)


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=some.data())
def test_parts_merge_to_the_whole(
    name: str, streams: dict[str, list[StreamSpec]], data: some.DataObject
) -> None:
    check_law(Maker(spec_of(name)), data.draw(batches(streams[name])))
