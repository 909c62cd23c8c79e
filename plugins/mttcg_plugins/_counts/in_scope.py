"""The options of plugins that look at one address space, or at one level of privilege, alone."""

from dataclasses import dataclass
from typing import Any, Literal

from mttcg.instrument import option


@dataclass(frozen=True)
class InScope:
    """What such a plugin's Options begin with."""

    space: int | None = option(None, help="in this address space only, as cpu.space has it")
    mode: Literal["user", "supervisor", "machine"] | None = option(
        None, help="at this level of privilege only"
    )

    @property
    def scope(self) -> dict[str, Any]:
        """The arguments of instrument() and its like."""
        return {"space": self.space, "mode": self.mode}
