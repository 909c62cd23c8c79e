"""Counts the executions of the instruction at a symbol."""

from dataclasses import dataclass

from mttcg.instrument import Counter, instrument, option, symbol


@dataclass(frozen=True)
class Options:
    symbol: str = option(help="where")


def plugin_init(given: Options) -> None:
    instrument(None, symbol(given.symbol), Counter("hits"))
