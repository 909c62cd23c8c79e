"""What holds for all tests: random ones draw the same cases at every run, however slow the host;
Ctrl-C means to them, and to what they start, what it means at a terminal; and numpy, which all of
them load, starts no thread for each core, which takes as long as loading it."""

import os
import signal

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background jobs begin so
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
