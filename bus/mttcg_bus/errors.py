"""Every error of the bus, under one root; each carries its facts as attributes."""

# ruff: noqa: N818 - a name that says what happened needs no suffix

from pathlib import Path

EXIT_USER = 2
"""Exit status a command line returns for a mistake of the user's."""
EXIT_FAULT = 70
"""Exit status a command line returns for a fault of ours (EX_SOFTWARE of sysexits.h)."""


class BusError(Exception):
    """Root of all errors of the bus; `exit_status` is what a command line returns for it."""

    exit_status = EXIT_FAULT


class AddressError(BusError):
    """An address can't be bound to, or reached."""

    exit_status = EXIT_USER

    def __init__(self, url: str, wrong: str) -> None:
        super().__init__(f"bus {url}: {wrong}")
        self.url, self.wrong = url, wrong


class AddressInUse(AddressError):
    """Somebody else is bound to the address, or left their socket file there."""


class AddressRefused(AddressError):
    """The address is malformed, or one that this bus does not bind or connect to."""


class NoPublisher(AddressError):
    """Nobody answered at the address within the time limit."""


class SubscriptionRefused(AddressError):
    """The publisher answered, and refused the subscription."""


class CommandFailed(BusError):
    """A run did not do a command; `wrong` has its words."""

    exit_status = EXIT_USER

    def __init__(self, command: str, wrong: str) -> None:
        super().__init__(wrong)
        self.command, self.wrong = command, wrong


class StreamBroken(BusError):
    """The streams break off before their end."""


class KeyRefused(AddressError):
    """The two sides do not accept each other's keys."""


class KeyFileError(BusError):
    """A file does not hold the keys that were expected."""

    exit_status = EXIT_USER

    def __init__(self, path: str, wrong: str) -> None:
        super().__init__(f"key file {path}: {wrong}")
        self.path, self.wrong = path, wrong


class TokenError(BusError):
    """A file does not hold the token of a bus, or can't."""

    exit_status = EXIT_USER

    def __init__(self, path: str, wrong: str) -> None:
        super().__init__(f"token file {path}: {wrong}")
        self.path, self.wrong = path, wrong


class PublisherLost(StreamBroken):
    """The publisher died or left before the stream had ended."""

    def __init__(self, url: str, wrong: str) -> None:
        super().__init__(f"bus {url}: publisher lost: {wrong}")
        self.url, self.wrong = url, wrong


class ProtocolError(BusError):
    """Bytes from the other side that are not what the protocol allows."""


class WrongVersion(ProtocolError):
    """A message of a protocol version that this side does not read."""

    exit_status = EXIT_USER

    def __init__(self, theirs: int, ours: int) -> None:
        super().__init__(f"message of protocol version {theirs}; expected version {ours}")
        self.theirs, self.ours = theirs, ours


class StreamError(BusError):
    """A stream is described in a way it can't be."""

    def __init__(self, stream: str, wrong: str, expected: str) -> None:
        super().__init__(f"stream {stream}: {wrong}; expected {expected}")
        self.stream, self.wrong, self.expected = stream, wrong, expected


class StateError(BusError):
    """An aggregator has gathered something that can't go to another process."""


class RecordingError(BusError):
    """A file can't be read as a recording."""

    exit_status = EXIT_USER

    def __init__(self, path: str, wrong: str) -> None:
        super().__init__(f"recording {path}: {wrong}")
        self.path, self.wrong = path, wrong


class RecordingCut(StreamBroken):
    """A recording breaks off; it is good for so many bytes, batches and records.

    why: what its recorder said, which stopped there; "" if it was cut.
    """

    def __init__(self, path: str, good: int, batches: int, records: int, why: str = "") -> None:
        ended = f"stopped ({why})" if why else f"cut after byte {good}"
        super().__init__(
            f"recording {path}: {ended}; {records} records in {batches} batches are good"
        )
        self.path, self.good, self.batches, self.records = path, good, batches, records
        self.why = why


class HostLimit(BusError):
    """A limit of the host is too low for what `who` does; `wrong` names it."""

    exit_status = EXIT_USER

    def __init__(self, who: str, wrong: str) -> None:
        super().__init__(f"{who}: {wrong}")
        self.who, self.wrong = who, wrong


class OutputFull(BusError):
    """A file has no room for more; it is good, and ends after `size` bytes.

    size: None for one that is written whole or not at all; what was there before is there.
    """

    def __init__(self, path: Path, why: str, size: int | None) -> None:
        end = "it is not written" if size is None else f"it ends after {size} bytes"
        super().__init__(f"{path}: {why}; {end}")
        self.path, self.why, self.size = path, why, size


class RingError(BusError):
    """A descriptor does not hold the ring that was expected."""
