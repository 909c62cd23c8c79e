"""What the device process is doing, as the supervisor sees it: whether it may still wake a hart."""

from collections.abc import Iterable
from typing import NamedTuple

from mttcg.state.words import WordField
from mttcg.vcpu.machine.descriptors import readable


class RestingDevices(NamedTuple):
    """The device process had nothing to do; twice the same: in between, too.

    Attributes:
        rounds: that it has made so far.
    """

    rounds: int


class DeviceActivity:
    """Words of the machine's memory that the device process alone writes.

    It stores `busy` before it takes a notification from its eventfd, which is a locked instruction
    of the kernel. Then it serves, raises lines, counts the round, and stores `busy` again.
    """

    busy = WordField(0)
    """1 from before a notification is taken until all that came of it is done."""
    rounds = WordField(8)
    """How often it was busy."""
    listens = WordField(16)
    """1 while something from outside of the machine may make it raise a line."""
    held = WordField(24)
    """The pause in which it stands still, or stood last."""

    def __init__(self, words: memoryview) -> None:
        self.words = words

    def quiet(self, bells: Iterable[int]) -> RestingDevices | None:
        """Tell that it has nothing to do, or None if it has.

        `bells`: the eventfds by which it is notified. These are looked at first: one that is not
        readable was taken after `busy` was stored, or was never written.
        """
        if any(map(readable, bells)) or self.busy or self.listens:
            return None
        return RestingDevices(self.rounds)
