"""Addresses of the native functions that operations call.

They are numba's, which takes longer to load than everything else together: so each module of them
is loaded when something is attached that needs it, before the vCPUs are forked if it can be.
"""

from collections.abc import Callable
from typing import Any

from mttcg.instrument.changes import Where


def record(where: Where, layout: Any) -> int:
    """Put a record of a layout into a ring, see `emitters`."""
    from mttcg.instrument.emitters import EMITTERS

    return int(EMITTERS[where][layout].address)


def windows() -> dict[str, int]:
    """Open a window of a ring, show what is in it, close it; and wait for nothing instead."""
    from mttcg.instrument import emitters

    return {
        "open": emitters.open_window.address,
        "show": emitters.show_window.address,
        "close": emitters.close_window.address,
        "wait_for_nothing": emitters.wait_for_nothing.address,
    }


def once(each_block: bool) -> int:
    """Run an operation once, or once in each block, see `conditions`."""
    from mttcg.instrument import conditions

    return int((conditions.run_once_each_block if each_block else conditions.run_once).address)


def sometimes() -> int:
    """Run an operation if a probe says so, see `conditions`."""
    from mttcg.instrument import conditions

    return int(conditions.run_if.address)


def count(in_table: bool) -> int:
    """Count one, or one for a block in a table, see `native`."""
    from mttcg.instrument import native

    return int((native.count_in_table if in_table else native.count_one).address)


def probe(function: Callable[..., Any], where: Where, answers: bool = False) -> Any:
    """Compile a probe, see `native.compile_probe`."""
    from mttcg.instrument.native import compile_probe

    return compile_probe(function, where, answers)
