"""A Dask cluster here: python local_cluster.py WORKERS THREADS [TLS]; prints its address.

TLS is a folder with ca.pem, and our.pem and our.key for all sides. It closes when its stdin ends.
"""

import sys

from distributed import LocalCluster
from distributed.security import Security


def security(folder: str) -> Security:
    """Of all sides, one certificate."""
    sides = ("client", "scheduler", "worker")
    return Security(
        require_encryption=True,
        tls_ca_file=f"{folder}/ca.pem",
        **{f"tls_{side}_cert": f"{folder}/our.pem" for side in sides},
        **{f"tls_{side}_key": f"{folder}/our.key" for side in sides},
    )


if __name__ == "__main__":
    workers, threads = map(int, sys.argv[1:3])
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=threads,
        dashboard_address="127.0.0.1:0",
        security=security(sys.argv[3]) if len(sys.argv) > 3 else None,
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
