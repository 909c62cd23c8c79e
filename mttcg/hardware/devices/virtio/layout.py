"""Where the two halves of a virtio device keep what they share: 8-byte words of the row's state.

The front runs in whichever vCPU accesses the registers; a guest orders its harts' accesses by a
lock, as it has to on hardware. The back end runs in the device process. Each word has one side that
writes it, so that none is written by two processes at once, and the two sides' words are in lines
of their own. Each access is a single load or store, and x86-64 keeps the order of stores, and that
of loads. What needs a store to be seen before a later load has a full fence between them.

| words | written by |
|---|---|
| FrontWord; QueueWord below its BACK | the front |
| BackWord; the configuration space; QueueWord from its BACK on | the back end |
"""

from enum import IntEnum, IntFlag

MOST_QUEUES = 10
CONFIG_BYTES = 256
"""Of a device's configuration space, at the most."""


class FrontWord(IntEnum):
    """What the registers hold."""

    STATUS = 0
    DEVICE_SELECT = 1  # which half of the features is read
    DRIVER_SELECT = 2  # which half is written
    FEATURES = 3  # that the driver has accepted
    QUEUE_SELECT = 4
    GENERATION = 5  # how often the device was reset
    USED_TAKEN = 6  # BackWord.USED_RAISED when that interrupt was acknowledged last
    CONFIG_TAKEN = 7


class BackWord(IntEnum):
    """What the device is, and what it has to say."""

    DEVICE_ID = 32  # 0: there is none in this slot
    FEATURES = 33  # that are offered
    QUEUES = 34
    CONFIG_SIZE = 35  # bytes
    CONFIG_GENERATION = 36
    USED_RAISED = 37  # how often "used buffer" was notified
    CONFIG_RAISED = 38
    BROKEN = 39  # the generation in which the device came to need a reset, plus one
    SERVING = 40  # 1 while the back end may access the guest's memory


CONFIG = 64
"""The word with which the configuration space begins."""
QUEUES = CONFIG + CONFIG_BYTES // 8
QUEUE_WORDS = 32


class QueueWord(IntEnum):
    """What there is of each queue."""

    SIZE = 0
    READY = 1
    EPOCH = 2  # how often it was made ready
    DESCRIPTORS = 3
    DRIVER = 4
    DEVICE = 5
    BACK = 16
    MOST = 16  # descriptors that it may have
    REQUESTS = 17  # that were served
    READ = 18  # bytes of the guest's memory that requests had the device read
    WRITTEN = 19  # and write
    FAILED = 20  # requests that ended with an error
    DROPPED = 21  # what was lost for want of somebody, or room, to take it
    SERVED_EPOCH = 22  # the EPOCH in which it is served
    POSITION = 23  # requests that were taken in that, and given back, modulo 2^16


STATE_BYTES = 8 * (QUEUES + MOST_QUEUES * QUEUE_WORDS)


def queue_word(queue: int, word: QueueWord) -> int:
    """The number of a queue's word."""
    return QUEUES + queue * QUEUE_WORDS + word


class DeviceStatus(IntFlag):
    """Device status (section 2.1)."""

    ACKNOWLEDGE = 1
    DRIVER = 2
    DRIVER_OK = 4
    FEATURES_OK = 8
    NEEDS_RESET = 64
    FAILED = 128


class Interrupt(IntFlag):
    """Bits of InterruptStatus and InterruptACK (section 4.2.2)."""

    USED = 1
    CONFIG = 2


class Feature(IntFlag):
    """Features of no one kind of device that are offered (section 6)."""

    INDIRECT = 1 << 28
    EVENT_INDEX = 1 << 29
    VERSION_1 = 1 << 32


class DeviceKind(IntEnum):
    """Device identifiers (section 5)."""

    NONE = 0
    NETWORK = 1
    BLOCK = 2
    CONSOLE = 3
    ENTROPY = 4
    SHARE = 9
