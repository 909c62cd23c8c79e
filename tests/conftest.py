"""What holds for all tests: random ones draw the same cases at every run, however slow the host;
Ctrl-C means to them, and to what they start, what it means at a terminal, and a hangup to what they
start; numpy, which all of them load, starts no thread for each core, which takes as long as loading
it; and code that is built for LLVM is verified, in every process that they start."""

import os
import signal

from hypothesis import settings

settings.register_profile("fixed", derandomize=True, deadline=None)
settings.load_profile("fixed")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background jobs begin so
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # nohup: they outlive it, as was asked for,
    signal.signal(signal.SIGHUP, lambda _number, _frame: None)  # and what they start hears it

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ["MTTCG_VERIFY_IR"] = "1"  # see mttcg/engine/llvm/ir/verify.py
