"""Registers and memory in the hands of plugins: what may be read and changed, and when."""

from pathlib import Path

from instrument_harness import plugin, run_guest


def test_the_guest_sees_what_a_plugin_changes(own_guests: dict[str, Path]) -> None:
    # One letter for each way; the tenth changes x0, which stays zero. What the plugin itself finds
    # wrong, in every kind of callback, it raises.
    done = run_guest(own_guests["letters"], plugin("letters"))
    assert done.result.failures == []
    assert (done.result.exit_status, done.console) == (0, "RMSEFBKTHD?W")


def test_without_a_plugin_it_prints_what_it_was_written_for(own_guests: dict[str, Path]) -> None:
    done = run_guest(own_guests["letters"])
    assert done.in_order
    assert done.console == "?" * 12
