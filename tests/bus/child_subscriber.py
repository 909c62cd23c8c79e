"""Subscribes, takes a few batches, says so on stdout, and keeps the next one unacknowledged.

Arguments: url, batches to take.
"""

import signal
import sys

from mttcg_bus.subscriber.items import Batch
from mttcg_bus.subscriber.subscriber import Subscriber


def main() -> None:
    subscriber = Subscriber(sys.argv[1], ("",), "child")
    print("welcome", flush=True)
    taken = 0
    for item in subscriber:
        taken += isinstance(item, Batch)
        if taken > int(sys.argv[2]):
            print("holding", flush=True)
            signal.pause()


main()
