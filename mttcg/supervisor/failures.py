"""What went wrong in a run, and what only came of that."""

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass
class Failures:
    """Texts, in the order in which they came.

    causes: each by itself, to be said. consequences: what others bring about, such as reports that
    are incomplete as the publisher died; facts for who wants to know more.
    """

    causes: list[str] = field(default_factory=list)
    consequences: list[str] = field(default_factory=list)

    def add(self, text: str, follows: bool = False) -> None:
        """Take in one; follows: whether it comes of another that is there."""
        (self.consequences if follows and self.causes else self.causes).append(text)

    def all(self) -> list[str]:
        """Give all, causes first."""
        return [*self.causes, *self.consequences]

    def __bool__(self) -> bool:
        """Whether anything went wrong."""
        return bool(self.causes)


@dataclass(frozen=True)
class Warnings:
    """Texts of what only went otherwise than wanted, each once, whoever has found it.

    tell: gets each when it comes. Who is to warn is given `add` of this, not what watches the run:
    that has all memory of the guest, and who is to warn.
    """

    tell: Callable[[str], None]
    texts: list[str] = field(default_factory=list)

    def add(self, text: str) -> None:
        """Warn of something, once."""
        if text not in self.texts:
            self.texts.append(text)
            self.tell(text)
