"""Aggregators of bundled plugins, and the law that they are held to: parts merge to the whole."""

from typing import Any

from mttcg.instrument.loading.loader import load_plugin
from mttcg.supervisor.results.result import json_ready
from mttcg_bus import Aggregator, RunInfo
from mttcg_bus.subscriber.aggregator import report_of
from mttcg_bus.subscriber.state import pack_state, unpack_state

SMP = 3
BASE = 0x8000_0000
SYMBOLS = ((BASE, 64, "main"), (BASE + 64, 0, "other"), (BASE + 0x1000, 4096, "data"))
RUN = RunInfo("run", "guest.elf", SMP, "llvm", BASE, 1 << 20, BASE, SYMBOLS)
Batches = list[tuple[str, int, Any]]
"""Stream, vCPU and records."""
SPECS = {"kfuncs": "kfuncs,functions=main"}
"""How plugins are loaded that have to be told something."""


def spec_of(name: str) -> str:
    """How a plugin is loaded."""
    return SPECS.get(name, name)


class Maker:
    """Makes a plugin's aggregators, and tells what they found."""

    def __init__(self, spec: str) -> None:
        self.plugin = load_plugin(spec)

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
    """The report, and the file that the option `out` names."""
    aggregator.save()
    out = getattr(aggregator.options, "out", None)
    return json_ready(report_of(aggregator)), out and out.read_bytes()


def check_law(maker: Maker, what: Batches) -> Any:
    """What the whole finds, which its parts do as well, merged in any order and place."""
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
    return whole
