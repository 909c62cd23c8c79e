"""The modules of an engine, loaded before the vCPUs are forked, which then share them."""

import importlib

from mttcg.isa.registry import isa_named

ENGINES = {"unicorn": "mttcg.engine.unicorn.engine", "llvm": "mttcg.engine.llvm.fallback"}
"""The module of each, with all that it needs."""
TRACKING = "mttcg.engine.tracking.tracking"
"""The module that tracks stores to code."""


def load_engine(name: str) -> None:
    """Load an engine before the vCPUs are forked: they share it, and never load the other."""
    for module in (ENGINES[name], TRACKING):
        importlib.import_module(module)


def load_hooks(isa: str) -> None:
    """Load the native functions that Unicorn calls for an ISA."""
    from mttcg.engine.unicorn.unicorn_isa import unicorn_isa

    unicorn_isa(isa_named(isa))


def load_interpreter(isa: str, observing: bool = False) -> None:
    """Load the native interpreter, which has to be at the same address in all vCPUs.

    observing: its handlers for what is attached as well, which vCPUs else load when they need them.
    """
    from mttcg.engine.llvm.interpreter.interpreted_isa import interpreted_isa
    from mttcg.engine.llvm.interpreter.native import load
    from mttcg.engine.llvm.interpreter.observed_native import load_observed

    importlib.import_module("mttcg.engine.llvm.interpreter.interpreter")  # all vCPUs share it
    (load_observed if observing else load)(interpreted_isa(isa_named(isa)))
