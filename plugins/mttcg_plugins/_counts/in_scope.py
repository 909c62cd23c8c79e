"""The options of plugins that look at one address space, process, or level of privilege alone."""

from dataclasses import dataclass
from typing import Any, Literal

from mttcg.instrument import option


@dataclass(frozen=True)
class InScope:
    """What such a plugin's Options begin with."""

    space: str | None = option(
        None,
        help="in this address space only, by number, or process, by name or as pid:1",
    )
    mode: Literal["user", "supervisor", "machine"] | None = option(
        None, help="at this level of privilege only"
    )

    @property
    def chosen_space(self) -> int | str | None:
        """The number of a space, or a process as `instrument` takes it."""
        try:
            return None if self.space is None else int(self.space, 0)
        except ValueError:
            return self.space

    @property
    def scope(self) -> dict[str, Any]:
        """The arguments of instrument() and its like."""
        return {"space": self.chosen_space, "mode": self.mode}
