"""A plugin that stays where it is asked to, and says so before."""

import signal
from dataclasses import dataclass
from typing import Any

from mttcg.instrument import option


@dataclass(frozen=True)
class Options:
    """Where to stay."""

    at: str = option("", help="init or vcpu_exit")


class Asked:
    """The options."""

    options = Options()


def reach(place: str) -> None:
    """Stay for ever if this is where to."""
    if Asked.options.at == place:
        print(f"stubborn: {place}")
        while True:
            signal.pause()


def plugin_init(options: Options) -> None:
    """Remember the options."""
    Asked.options = options
    reach("init")


def plugin_vcpu_exit(_cpu: Any) -> None:
    reach("vcpu_exit")
