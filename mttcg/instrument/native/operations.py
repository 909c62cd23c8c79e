"""Addresses of the native functions that operations call, and in which module each is made.

Those of ours are kept between runs, see `native_functions`; a probe of a user is compiled by numba,
which is loaded when one is attached, before the vCPUs are forked if it can be.
"""

from collections.abc import Callable
from typing import Any

from mttcg.instrument import events
from mttcg.instrument.api.changes import Where
from mttcg.instrument.native.native_functions import native_address
from mttcg.memory.address import HostAddress

EMITTERS = "mttcg.instrument.native.emitters"
CONDITIONS = "mttcg.instrument.native.conditions"
NATIVE = "mttcg.instrument.native.native"
RECORDS: dict[Where, dict[Any, str]] = {
    Where.ACCESS: {events.ACCESS: "emit_access", events.TIMED_ACCESS: "emit_timed_access"},
    Where.BLOCK: {events.BLOCK: "emit_block", events.TIMED: "emit_timed_block"},
    Where.INSTRUCTION: {
        events.INSTRUCTION: "emit_instruction",
        events.TIMED: "emit_timed_instruction",
        events.RETIRED: "emit_retired",
        events.TRANSFER: "emit_transfer",
        events.BRANCH: "emit_branch",
    },
}
"""The emitter of each layout, by where it is attached."""
WINDOWS = {
    "open": "open_window",
    "show": "show_window",
    "close": "close_window",
    "wait_for_nothing": "wait_for_nothing",
}


def record(where: Where, layout: Any) -> HostAddress:
    """Put a record of a layout into a ring, see `emitters`."""
    return native_address(EMITTERS, RECORDS[where][events.without_context(layout)])


def windows() -> dict[str, HostAddress]:
    """Open a window of a ring, show what is in it, close it; and wait for nothing instead."""
    return {what: native_address(EMITTERS, name) for what, name in WINDOWS.items()}


def once(each_block: bool) -> HostAddress:
    """Run an operation once, or once in each block, see `conditions`."""
    return native_address(CONDITIONS, "run_once_each_block" if each_block else "run_once")


def sometimes() -> HostAddress:
    """Run an operation if a probe says so, see `conditions`."""
    return native_address(CONDITIONS, "run_if")


def after_its_kind() -> HostAddress:
    """Run an operation after some kinds of instructions, see `conditions`."""
    return native_address(CONDITIONS, "run_after_its_kind")


def within() -> HostAddress:
    """Run an operation in a scope, see `conditions`."""
    return native_address(CONDITIONS, "run_within")


def count(in_table: bool) -> HostAddress:
    """Count one, or one for a block in a table, see `native`."""
    return native_address(NATIVE, "count_in_table" if in_table else "count_one")


def clock() -> HostAddress:
    """`uint64 f()`: the clock of timed records now."""
    return native_address(NATIVE, "read_clock")


def probe(function: Callable[..., Any], where: Where, answers: bool = False) -> Any:
    """Compile a probe, see `native.compile_probe`."""
    from mttcg.instrument.native.native import compile_probe

    return compile_probe(function, where, answers)
