"""A Dask cluster on this machine: python local_cluster.py WORKERS THREADS; prints its address.

It closes when its stdin ends.
"""

import sys

from distributed import LocalCluster

if __name__ == "__main__":
    workers, threads = map(int, sys.argv[1:])
    with LocalCluster(
        n_workers=workers, threads_per_worker=threads, dashboard_address=None
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
