"""What went wrong in a run, and what only came of that."""

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
