"""A producer process: appends records of 32 bytes to a ring, in batches, and closes it.

Arguments: descriptors of the ring, the doorbell and the space eventfd, number of records. It waits
for one byte on stdin before it begins.
"""

import sys

import numpy as np

from bench.records import BATCH, RECORD
from mttcg_bus.ring import RingProducer


def main() -> None:
    ring, doorbell, space, count = map(int, sys.argv[1:])
    producer = RingProducer(ring, RECORD, doorbell, space)
    records = np.zeros(BATCH, RECORD)
    records["number"] = np.arange(BATCH)
    sys.stdin.buffer.read(1)
    for first in range(0, count, BATCH):
        producer.append(records[: count - first])
    producer.close()


if __name__ == "__main__":
    main()
