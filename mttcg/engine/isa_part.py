"""What each engine has to know of an ISA, found by the ISA's name."""

from importlib import import_module
from typing import Any

from mttcg.errors import MttcgError
from mttcg.isa.base import Isa
from mttcg.isa.registry import GROUP, NAMES, announced

PARTS = {
    "llvm": ("llvm.{}.llvm_isa", "LLVM"),
    "interpreter": ("llvm.{}.interpreted", "INTERPRETED"),
    "unicorn": ("unicorn.{}.unicorn_isa", "UNICORN"),
}
"""The module and the name of what each has for an ISA of ours."""


class NoPartError(MttcgError):
    """An engine knows nothing of an ISA that claims to run on it."""

    def __init__(self, engine: str, isa: str) -> None:
        super().__init__(f"no entry point {isa} in the group {GROUP}.{engine}")
        self.engine, self.isa = engine, isa


def isa_part(engine: str, isa: Isa) -> Any:
    """What an engine has for an ISA: in a folder of its own, or announced by another package.

    Args:
        engine: of PARTS.
        isa: which.
    """
    if isa.name in NAMES:
        module, name = PARTS[engine]
        return getattr(import_module(f"mttcg.engine.{module.format(isa.name)}"), name)
    parts = announced(f"{GROUP}.{engine}")
    if isa.name not in parts:
        raise NoPartError(engine, isa.name)
    return parts[isa.name]
