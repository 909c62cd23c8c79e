"""A plugin whose second half refuses: when it is asked, or when it is to begin."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import mttcg_bus
from mttcg.instrument import Cpu, OptionRefusedError, Stream, events, instrument_block, option


@dataclass(frozen=True)
class Options:
    at: Literal["check", "check_raises", "begin", "kind", "never"] = option(help="where")
    started: Path | None = option(None, help="file to make when the guest has started")


options: Options


def plugin_init(given: Options) -> None:
    global options
    options = given
    if given.at == "kind":
        globals()["Aggregator"] = int
    instrument_block(None, None, Stream("blocks", events.BLOCK))


def plugin_vcpu_start(_cpu: Cpu) -> None:
    if options.started is not None:
        options.started.touch()


def refuse(at: str, given: Options) -> None:
    if given.at == at:
        raise OptionRefusedError("at", f"this is {at}", "something else")


class Aggregator(mttcg_bus.Aggregator):
    @classmethod
    def check(cls, options: Options, run: mttcg_bus.RunInfo) -> None:
        assert run.symbols
        refuse("check", options)
        if options.at == "check_raises":
            raise RuntimeError("as asked")

    def begin(self, shard: int | None = None) -> None:
        super().begin(shard)
        refuse("begin", self.options)

    def consume(self, _stream: str, _cpu: int, _records: Any) -> None:
        """Nothing is looked at."""

    def report(self) -> dict[str, Any]:
        return {}
