"""What the Python functions of plugins cost on one vCPU."""

import time
from typing import Any

now = time.perf_counter_ns


class Costs:
    """Calls, and nanoseconds in them, by plugin; `latest`: nanoseconds of the last call."""

    def __init__(self) -> None:
        self.calls: dict[str, int] = {}
        self.nanoseconds: dict[str, int] = {}
        self.latest = 0

    def add(self, plugin: str, began: int) -> None:
        """Add a call that began at a time of `now`."""
        self.latest = now() - began
        self.calls[plugin] = self.calls.get(plugin, 0) + 1
        self.nanoseconds[plugin] = self.nanoseconds.get(plugin, 0) + self.latest

    def forget(self, plugin: str) -> None:
        """Let go of a plugin."""
        self.calls.pop(plugin, None)
        self.nanoseconds.pop(plugin, None)

    def to_plain(self) -> list[dict[str, Any]]:
        """By plugin, for a message."""
        return [
            {"plugin": plugin, "calls": calls, "nanoseconds": self.nanoseconds[plugin]}
            for plugin, calls in self.calls.items()
        ]
