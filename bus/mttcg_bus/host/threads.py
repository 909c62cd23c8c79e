"""The environment of our own processes: no library is to start threads in them unasked.

OpenBLAS starts one for each core as soon as numpy is loaded, which takes as much CPU time as the
rest of numpy; and a process that forks must not have any.
"""

import os

ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


def single_threaded(always: bool = False) -> dict[str, str]:
    """The environment of this process, in which libraries stay with one thread.

    `always`: also if the user has asked for more, as what forks has to.
    """
    return os.environ | ONE_THREAD if always else ONE_THREAD | os.environ


def stay_single_threaded() -> None:
    """Have libraries that this process loads later stay with one thread; a user's wish goes."""
    os.environ.update(single_threaded())
