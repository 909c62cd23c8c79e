"""The halves of devices that are in the device process, as a vCPU reaches them."""

import os
import select
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mttcg.hardware.board import BackEndPort, Board
from mttcg.processes.attachments import SERVED, bell_of
from mttcg.vcpu.machine.descriptors import readable
from mttcg.vcpu.machine.device_activity import DeviceActivity

LOOK_SECONDS = 0.001
"""Between two looks whether who waits for it is to do something else."""


@dataclass(frozen=True)
class NotifiedBackEnd:
    """One of them; see `mttcg.hardware.board.BackEndPort`.

    Args:
        bell: the eventfd on which it sleeps.
        is_over: whether to wait for that process no more; it is gone when the machine stops.
    """

    bell: int
    is_over: Callable[[], bool]

    def ring(self) -> None:
        """Write the eventfd, which is a locked instruction of the kernel: a full fence."""
        os.eventfd_write(self.bell, 1)

    def is_gone(self) -> bool:
        """See BackEndPort."""
        return self.is_over()


@dataclass(frozen=True)
class AwaitedBackEnd(NotifiedBackEnd):
    """One that has done all it can when who notifies it goes on, however fast it is.

    Args:
        activity: of the device process.
        served: the eventfd by which that says that it has nothing to do.
    """

    activity: DeviceActivity
    served: int

    def ring(self) -> None:
        """Notify it, and wait."""
        super().ring()
        self.settle()

    def settle(self) -> None:
        """Wait until it has done all that it was notified of.

        The bell is looked at first: one that was taken was so after the process said it is busy.
        """
        while (readable(self.bell) or self.activity.busy) and not self.is_over():
            if select.select([self.served], [], [], LOOK_SECONDS)[0]:
                try:
                    os.eventfd_read(self.served)
                except BlockingIOError:
                    continue  # another took it, which waits for the machine to begin


def back_ends(
    board: Board,
    fds: Mapping[str, int],
    is_over: Callable[[], bool],
    activity: DeviceActivity,
) -> Mapping[str, BackEndPort]:
    """Those that a run has, by the names of their rows; `fds`: descriptors by name.

    activity: of the device process, for which who notifies it waits if there is a SERVED.
    """
    served = fds.get(SERVED)
    if served is None:
        return {slot: NotifiedBackEnd(bell, is_over) for slot, bell in bells_of(board, fds).items()}
    return {
        slot: AwaitedBackEnd(bell, is_over, activity, served)
        for slot, bell in bells_of(board, fds).items()
    }


def bells_of(board: Board, fds: Mapping[str, int]) -> Mapping[str, int]:
    """Their eventfds, by the names of their rows."""
    return {slot: fds[bell] for slot in board.slots if (bell := bell_of(slot)) in fds}
