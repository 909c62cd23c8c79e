"""Plugins that come and go under load, many times, leave no callback, no event and no memory.

MTTCG_CONTROL_LOADS says how often; more than the default is for a nightly run.
"""

import os
from collections.abc import Callable
from typing import Any

import psutil
import pytest
from run_harness import Running, eventually, guest, plugin

from mttcg_bus import Control

LOADS = int(os.environ.get("MTTCG_CONTROL_LOADS", "12"))
WARM = 4
"""Loads after which everything that is made once, is."""
LIMIT_BYTES = 3 << 20
"""What a process may grow by between then and the end, however often: the allocator's noise."""


def facts(running: Running) -> dict[str, tuple[int, int]]:
    """Descriptors, and bytes that are its own, of every process of a run that stays."""
    found = {}
    root = psutil.Process(running.process.pid)

    def passers() -> list[psutil.Process]:
        return [each for each in root.children(recursive=True) if each.name() == "rehearsal"]

    eventually(lambda: not passers())
    for process in (root, *root.children(recursive=True)):
        name = process.name()
        if name.startswith("python"):
            name = " ".join(process.cmdline()[-3:])
        name = f"{name} ({process.pid})"  # who is gone later must not stand for who stays
        found[name] = process.num_fds(), process.memory_full_info().uss
    return found


def url_of(running: Running) -> str:
    return next(word for word in running.stderr.split() if word.startswith("ipc://"))


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
def test_what_came_and_went_under_load_is_gone(start: Callable[..., Running], engine: str) -> None:
    options = ("--smp", "2", "--engine", engine, "--plugin", "icount", "--control", "--quiet")
    running = start(guest("spin"), *options, with_json=True)
    running.read(until=b"spinning on 2 harts\n")
    with Control(url_of(running)) as control:
        alone = control.instruments()
        early: dict[str, Any] = {}
        for number in range(LOADS):
            if number == WARM:
                early = facts(running)
            control.load(plugin("passing"))
            loaded = control.instruments()["attachments"]
            assert {each["plugin"] for each in loaded} == {"icount", "passing"}
            control.unload("passing")
        late = facts(running)
        left = control.instruments()
        control.stop()
    assert running.wait() == 130
    assert [strip(each) for each in left["attachments"]] == [
        strip(each) for each in alone["attachments"]
    ]
    assert (left["callbacks"], left["streams"]) == ([], [])
    assert {name: fds for name, (fds, _) in late.items()} == {
        name: fds for name, (fds, _) in early.items()
    }
    grown = {name: late[name][1] - early[name][1] for name in early}
    print(f"{LOADS} loads on {engine}: grown by (bytes)", grown)
    assert {name: much for name, much in grown.items() if much > LIMIT_BYTES} == {}
    for counts in running.result["ledger"].values():
        assert counts["emitted"] == counts["delivered"] + counts["dropped"]
    running.check_nothing_left()


def strip(attachment: dict[str, Any]) -> dict[str, Any]:
    """What does not change with the time."""
    return {name: value for name, value in attachment.items() if name != "count"}
