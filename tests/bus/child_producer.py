"""Fills a ring with numbered records; arguments: ring, doorbell, space descriptors, count."""

import sys

import numpy as np

from mttcg_bus.ring.ring import RingProducer

RECORD = np.dtype([("number", "<u8"), ("square", "<u8")])


def main() -> None:
    ring, doorbell, space, count = map(int, sys.argv[1:])
    producer = RingProducer(ring, RECORD, doorbell, space)
    done, length = 0, 1
    while done < count:
        length = min(length * 3 % 1009 + 1, count - done)
        records = np.zeros(length, RECORD)
        records["number"] = np.arange(done, done + length)
        records["square"] = records["number"] ** 2
        done += producer.append(records)
    producer.close()


main()
