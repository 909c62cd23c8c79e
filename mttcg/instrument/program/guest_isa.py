"""The ISA of the guest that this process has to do with."""

from mttcg.isa.base import Isa
from mttcg.isa.registry import DEFAULT, isa_named

_names: list[str] = []


def use_isa(name: str) -> None:
    """Take instructions for those of a run's guest; "" if its ISA is not known."""
    _names[:] = [name] if name else []


def guest_isa() -> Isa:
    """That of the run that this process is part of, or whose records it reads; else the default.

    Raises UnknownIsaError for one that was recorded where there were others.
    """
    return isa_named(_names[0] if _names else DEFAULT)
