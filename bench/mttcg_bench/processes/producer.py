"""A producer process: appends records to a ring, in batches, and closes it.

Arguments: descriptors of the ring, the doorbell and the space eventfd, bytes of a record, number of
records. It waits for one byte on stdin before it begins.
"""

import sys

import numpy as np

from mttcg_bench.records import RECORDS, batch_of
from mttcg_bus.ring.ring import RingProducer


def main() -> None:
    ring, doorbell, space, itemsize, count = map(int, sys.argv[1:])
    producer = RingProducer(ring, RECORDS[itemsize], doorbell, space)
    batch = batch_of(itemsize)
    records = np.zeros(batch, RECORDS[itemsize])
    records["number"] = np.arange(batch)
    sys.stdin.buffer.read(1)
    for first in range(0, count, batch):
        producer.append(records[: count - first])
    producer.close()


if __name__ == "__main__":
    main()
