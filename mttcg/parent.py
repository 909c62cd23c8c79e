"""What a process does when the one that started it ends (prctl(2)).

Run as a file, it becomes another program, which is sent SIGTERM then, however its parent ended; the
setting survives execve(2). A run stops its guest in order:

    parent.py PARENT PROGRAM [ARGUMENT]...
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1


def signal_at_end_of_parent(number: int) -> None:
    """Have the kernel send this process a signal when its parent ends; 0 for none.

    The parent is the thread that started this process.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


if __name__ == "__main__":
    signal_at_end_of_parent(signal.SIGTERM)
    if os.getppid() == int(sys.argv[1]):  # else it has ended already
        os.execv(sys.argv[2], sys.argv[2:])
