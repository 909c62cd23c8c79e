"""Looking at a file descriptor."""

import select


def readable(descriptor: int) -> bool:
    """Whether a descriptor is readable now; unlike select(2), whatever its number."""
    poller = select.poll()
    poller.register(descriptor, select.POLLIN)
    return bool(poller.poll(0))
