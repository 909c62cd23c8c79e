"""What a process does when the one that started it ends (prctl(2))."""

import ctypes

PR_SET_PDEATHSIG = 1


def signal_at_end_of_parent(number: int) -> None:
    """Have the kernel send this process a signal when its parent ends; 0 for none."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)
