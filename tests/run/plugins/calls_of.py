"""Records the calls of a function, and counts them as well."""

from dataclasses import dataclass

from mttcg.instrument import Counter, Stream, events, instrument, symbol


@dataclass(frozen=True)
class Options:
    """Which function."""

    function: str


def plugin_init(options: Options) -> None:
    """Count and record at its first instruction."""
    first = symbol(options.function)
    instrument(None, first, Counter("calls"))
    instrument(None, first, Stream("called", events.INSTRUCTION))
