"""What Unicorn is not given to fetch, by ISA; loads nothing of Unicorn itself."""

from importlib import import_module

from mttcg.isa.base import Isa
from mttcg.tbcache.left_to_host import LeftToHost


def left_to_host(isa: Isa) -> LeftToHost:
    """What the host runs in Unicorn's place."""
    module = import_module(f"mttcg.engine.unicorn.{isa.name}.left_to_host")
    found: LeftToHost = module.LEFT_TO_HOST
    return found
