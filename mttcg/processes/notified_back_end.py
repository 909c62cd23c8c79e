"""The halves of devices that are in the device process, as a vCPU reaches them."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mttcg.hardware.board import BackEndPort, Board
from mttcg.processes.attachments import bell_of


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


def back_ends(
    board: Board, fds: Mapping[str, int], is_over: Callable[[], bool]
) -> Mapping[str, BackEndPort]:
    """Those that a run has, by the names of their rows; `fds`: descriptors by name."""
    return {slot: NotifiedBackEnd(bell, is_over) for slot, bell in bells_of(board, fds).items()}


def bells_of(board: Board, fds: Mapping[str, int]) -> Mapping[str, int]:
    """Their eventfds, by the names of their rows."""
    return {slot: fds[bell] for slot in board.slots if (bell := bell_of(slot)) in fds}
