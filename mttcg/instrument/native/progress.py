"""Say that native code is compiled, as it is at first use; nothing is said of what was kept."""

from functools import cache
from typing import Any

from mttcg.terminal import tell_progress


@cache
def tell_compiling() -> None:
    """Say it, once in a process and in those that are forked from it."""
    tell_progress("compiling native code (first use) ...")


@cache
def tell_of_compiling() -> None:
    """Say it when numba compiles what it is to keep, and has not kept yet."""
    from numba.core import caching, event

    class Listener(event.Listener):  # type: ignore[misc]
        """What numba tells of its work."""

        def on_start(self, told: Any) -> None:
            """It compiles."""
            if not isinstance(told.data["dispatcher"]._cache, caching.NullCache):
                tell_compiling()

        def on_end(self, _told: Any) -> None:
            """It has compiled."""

    event.register("numba:compile", Listener())
