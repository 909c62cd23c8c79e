"""What is common to all messages between the processes of a machine."""

from typing import ClassVar

from mttcg.errors import MttcgError
from mttcg.vcpu.protocol.typed_value import TypedValue


class MessageError(MttcgError):
    """A message that is none, or that its receiver does not expect."""

    def __init__(self, name: str, wrong: str, expected: str) -> None:
        super().__init__(f"message {name!r}: {wrong}; expected {expected}")
        self.name, self.wrong, self.expected = name, wrong, expected


class ProcessMessage(TypedValue):
    """Root of all messages; TYPE is the `type` in the text."""

    TYPE: ClassVar[str] = ""

    @property
    def descriptors_along(self) -> tuple[str, ...]:
        """What the file descriptors are that come along, in their order."""
        return ()
