"""The environment of our own processes: no library is to start threads in them.

OpenBLAS starts one for each core as soon as numpy is loaded, which takes as long as all the rest of
numpy; and a process that forks must not have any.
"""

import os

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def single_threaded() -> dict[str, str]:
    """The environment of this process, in which libraries stay with one thread."""
    return os.environ | ONE_THREAD
