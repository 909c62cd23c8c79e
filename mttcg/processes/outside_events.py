"""What the device process waits for outside of the machine."""

import select
from collections.abc import Mapping


class OutsideEvents:
    """Descriptors of devices, each watched for as long as its device wants something of it.

    Args:
        poller: that the process sleeps on.
    """

    def __init__(self, poller: "select.poll") -> None:
        self.poller = poller
        self._watched: dict[int, int] = {}
        self._slots: dict[int, str] = {}

    def watch(self, wanted: Mapping[str, Mapping[int, int]]) -> None:
        """Watch these, by slot, and no others."""
        events = {
            descriptor: event for each in wanted.values() for descriptor, event in each.items()
        }
        self._slots = {descriptor: slot for slot, each in wanted.items() for descriptor in each}
        for descriptor in self._watched.keys() - events.keys():
            self.poller.unregister(descriptor)  # which may be closed, or be another by now
        for descriptor, event in events.items():
            if self._watched.get(descriptor) != event:
                self.poller.register(descriptor, event)
        self._watched = events

    def slot_of(self, descriptor: int) -> str | None:
        """Whose descriptor it is."""
        return self._slots.get(descriptor)

    @property
    def any(self) -> bool:
        """Whether anything is watched."""
        return bool(self._watched)
