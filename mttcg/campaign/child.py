"""Becomes another program that is stopped when its parent ends; run as a file, not imported.

    child.py PARENT PROGRAM [ARGUMENT]...

The kernel sends SIGTERM when the thread that started this process ends (prctl(2)), however that
was; the setting survives execve(2). A run stops its guest in order then.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1

if __name__ == "__main__":
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() == int(sys.argv[1]):  # else it has ended already
        os.execv(sys.argv[2], sys.argv[2:])
