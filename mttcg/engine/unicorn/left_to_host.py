"""What Unicorn is not given to fetch, by ISA; loads nothing of Unicorn itself."""

from importlib import import_module

from mttcg.isa.base import Isa
from mttcg.tbcache.left_to_host import NOTHING_LEFT, LeftToHost


def left_to_host(isa: Isa) -> LeftToHost:
    """What the host runs in Unicorn's place; nothing of an ISA that does not run on it."""
    if "unicorn" not in isa.system.extensions:
        return NOTHING_LEFT
    module = import_module(f"mttcg.engine.unicorn.{isa.name}.left_to_host")
    found: LeftToHost = module.LEFT_TO_HOST
    return found
