"""A ticket: the promise that an instrumentation change comes into force everywhere."""

import time
from collections.abc import Callable

from mttcg.instrument.errors import TicketTimeoutError

POLL_SECONDS = 0.001


class Ticket:
    """Tells when a change is in force on every vCPU that it concerns.

    From then on a new callback is called at every execution, and one that was taken away is not
    called again.

    Args:
        in_force: whether it is by now.
    """

    def __init__(self, in_force: Callable[[], bool] = lambda: True) -> None:
        self._in_force = in_force
        self._known = False

    @property
    def done(self) -> bool:
        """Whether the change is in force."""
        self._known = self._known or self._in_force()
        return self._known

    def wait(self, seconds: float = 10.0) -> None:
        """Wait until the change is in force.

        Not from within a callback: the vCPU that waits could not take the change up.
        Raises TicketTimeoutError after the limit.
        """
        limit = time.monotonic() + seconds
        while not self.done:
            if time.monotonic() > limit:
                raise TicketTimeoutError(seconds)
            time.sleep(POLL_SECONDS)
