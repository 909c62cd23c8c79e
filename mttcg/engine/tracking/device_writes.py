"""What the device process does for the tracking of stores to code.

It writes guest RAM by a mapping of its own, which is protected from nothing; often the kernel
writes there for it. So it does not stop before a store, as a vCPU does, but takes the page's
protection for broken after it, and before the guest is told of what was written.

No store is missed. Take stores of the device process to a page, which end before it looks at the
page's *asked* (a full fence is between them), and a message behind that. If *asked* is 0 there,
whoever asks later compares the page after that, and finds the stores; what was verified under an
older number was opened since, and is compared again. If it is a number, it is set to 0, and
WRITTEN_BY_DEVICES grows, before the message: a hart that has seen the message finds both at its
next fence. A vCPU's own protection of the page stays as it is, and costs its next store a fault.
"""

from collections.abc import Iterable

from mttcg.engine.tracking import layout
from mttcg.memory.address import Physical
from mttcg.memory.fence import full_fence
from mttcg.memory.ram import RamRange


class DeviceWrites:
    """Tells vCPUs of pages that the device process has written.

    Args:
        segment: of the tracking, shared by all vCPUs, see `layout`.
        ram: where RAM is.
    """

    def __init__(self, segment: memoryview, ram: RamRange) -> None:
        self.shared, self.ram = segment.cast("Q"), ram

    def tell(self, written: Iterable[tuple[Physical, int]]) -> None:
        """Tell of bytes, as address and size, before the guest is told of them."""
        full_fence()
        shared, found = self.shared, False
        for address, size in written:
            if not size:
                continue
            for page in self.ram.pages_of(address, size):
                asked = (layout.ROWS + layout.ROW_BYTES * page + layout.ASKED) // 8
                # written by any vCPU under the block cache's lock, or by its signal handler: a new
                # number that comes in between is lost, which costs a comparison
                if shared[asked]:
                    shared[asked] = 0
                    found = True
        if found:
            place = layout.WRITTEN_BY_DEVICES // 8
            shared[place] = shared[place] + 1  # after the rows; nobody else writes it
