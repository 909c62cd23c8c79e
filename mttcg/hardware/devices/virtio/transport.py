"""The registers of a virtio device: virtio-mmio, section 4.2 of the specification.

Only the interface of version 2 is there, not the legacy one (section 4.2.4). A driver that uses it
without accepting VIRTIO_F_VERSION_1 is let do so, as xv6's does; nothing differs for it.
"""

import time
from collections.abc import Callable, Mapping

from mttcg.hardware.board import BackEndPort, DevicePorts
from mttcg.hardware.devices.virtio.interrupt_line import interrupt_status, settle
from mttcg.hardware.devices.virtio.layout import (
    CONFIG,
    BackWord,
    DeviceKind,
    DeviceStatus,
    FrontWord,
    Interrupt,
    QueueWord,
    queue_word,
)
from mttcg.memory.fence import full_fence
from mttcg.memory.native_registers import NativeRegisters, RegisterKind

MAGIC, VERSION, VENDOR = 0x7472_6976, 2, 0x554D_4551
"""The vendor is that of QEMU's devices, which drivers look for (section 4.2.2: any will do)."""
REGISTER_BYTES = 4
CONFIG_START = 0x100
NO_SHARED_MEMORY = (1 << 32) - 1
LOW, HIGH = (1 << 32) - 1, (1 << 32) - 1 << 32
RESET = (
    FrontWord.FEATURES,
    FrontWord.QUEUE_SELECT,
    FrontWord.DEVICE_SELECT,
    FrontWord.DRIVER_SELECT,
)
QUEUE_RESET = (
    QueueWord.READY,
    QueueWord.SIZE,
    QueueWord.DESCRIPTORS,
    QueueWord.DRIVER,
    QueueWord.DEVICE,
)
"""What a reset sets to 0."""
POLL_SECONDS = 0.0005
"""Between two looks whether the back end has let go of the guest's memory."""

MAGIC_VALUE, VERSION_NUMBER, DEVICE_ID, VENDOR_ID = 0x000, 0x004, 0x008, 0x00C
DEVICE_FEATURES, DEVICE_SELECT, DRIVER_FEATURES, DRIVER_SELECT = 0x010, 0x014, 0x020, 0x024
QUEUE_SELECT, QUEUE_MOST, QUEUE_SIZE, QUEUE_READY, QUEUE_NOTIFY = 0x030, 0x034, 0x038, 0x044, 0x050
INTERRUPT_STATUS, INTERRUPT_ACK, STATUS, CONFIG_GENERATION = 0x060, 0x064, 0x070, 0x0FC
SHARED_MEMORY = range(0x0B0, 0x0C0, 4)
QUEUE_HALVES: Mapping[int, tuple[QueueWord, int]] = {
    0x080: (QueueWord.DESCRIPTORS, LOW),
    0x084: (QueueWord.DESCRIPTORS, HIGH),
    0x090: (QueueWord.DRIVER, LOW),
    0x094: (QueueWord.DRIVER, HIGH),
    0x0A0: (QueueWord.DEVICE, LOW),
    0x0A4: (QueueWord.DEVICE, HIGH),
}
"""Registers that are half of a queue's word, and its bits."""


NATIVE = NativeRegisters(
    RegisterKind.FUNCTION,
    QUEUE_NOTIFY,
    REGISTER_BYTES,
    places=(INTERRUPT_ACK - QUEUE_NOTIFY) // REGISTER_BYTES + 1,
    function=("mttcg.hardware.devices.virtio.transport_native", "access"),
)
"""QueueNotify, InterruptStatus and InterruptACK."""


class VirtioMmio:
    """The registers of a slot; one without a device has nothing but its identification.

    They are 32 bits wide and are accessed by aligned accesses of that size, as section 4.2.2.2
    asks of drivers; others read as 0, and are ignored. The configuration space takes any size.
    """

    size = 0x1000
    in_ram = False

    def __init__(self, row: str, ports: DevicePorts) -> None:
        """Keep the registers in the row's state, see `layout`.

        `row`: the row's name.
        """
        self.row, self.line = row, ports.line
        self._backend: BackEndPort | None = ports.backend
        # Shared: see `layout` for who writes which word.
        self._words = ports.state.cast("Q")
        self._config = ports.state[8 * CONFIG :]
        read = self._words.__getitem__
        self._readers: Mapping[int, Callable[[], int]] = {
            DEVICE_FEATURES: self._offered,
            QUEUE_MOST: lambda: self._queue_value(QueueWord.MOST),
            QUEUE_READY: lambda: self._queue_value(QueueWord.READY),
            INTERRUPT_STATUS: lambda: interrupt_status(self._words),
            STATUS: self._status,
            CONFIG_GENERATION: lambda: read(BackWord.CONFIG_GENERATION),
            **dict.fromkeys(SHARED_MEMORY, lambda: NO_SHARED_MEMORY),
        }
        self._writers: Mapping[int, Callable[[int], None]] = {
            DEVICE_SELECT: lambda value: self._set(FrontWord.DEVICE_SELECT, value),
            DRIVER_SELECT: lambda value: self._set(FrontWord.DRIVER_SELECT, value),
            DRIVER_FEATURES: self._accept,
            QUEUE_SELECT: lambda value: self._set(FrontWord.QUEUE_SELECT, value),
            QUEUE_SIZE: lambda value: self._set_queue(QueueWord.SIZE, value),
            QUEUE_READY: self._make_ready,
            QUEUE_NOTIFY: lambda _value: self._ring(),
            INTERRUPT_ACK: self._acknowledge,
            STATUS: self._set_status,
        }

    @property
    def name(self) -> str:
        """The slot, and what is in it."""
        kind = DeviceKind(self._words[BackWord.DEVICE_ID])
        return self.row if kind is DeviceKind.NONE else f"{self.row} ({kind.name.lower()})"

    def read(self, offset: int, size: int) -> int:
        """Return the register at `offset`, or bytes of the configuration space."""
        if offset >= CONFIG_START:
            return self._read_config(offset - CONFIG_START, size)
        if size != REGISTER_BYTES:
            return 0
        identification = {
            MAGIC_VALUE: MAGIC,
            VERSION_NUMBER: VERSION,
            DEVICE_ID: self._words[BackWord.DEVICE_ID],
            VENDOR_ID: VENDOR,
        }
        if offset in identification:
            return identification[offset]
        reader = self._readers.get(offset)
        return 0 if reader is None or self._is_empty else reader() & LOW

    def write(self, offset: int, size: int, value: int) -> None:
        """Write the register at `offset`; no device here has configuration that can be written."""
        if size != REGISTER_BYTES or self._is_empty:
            return
        value &= LOW
        if offset in QUEUE_HALVES:
            word, bits = QUEUE_HALVES[offset]
            shifted = value << 32 if bits == HIGH else value
            self._set_queue(word, self._queue_value(word) & ~bits | shifted)
        elif offset in self._writers:
            self._writers[offset](value)

    @property
    def _is_empty(self) -> bool:
        return self._words[BackWord.DEVICE_ID] == DeviceKind.NONE

    def _set(self, word: FrontWord, value: int) -> None:
        self._words[word] = value

    def _read_config(self, offset: int, size: int) -> int:
        end = self._words[BackWord.CONFIG_SIZE]
        return int.from_bytes(self._config[offset : min(offset + size, end)], "little")

    def _offered(self) -> int:
        return self._words[BackWord.FEATURES] >> 32 * min(self._words[FrontWord.DEVICE_SELECT], 2)

    def _accept(self, value: int) -> None:
        """DriverFeatures: nothing changes any more once they are agreed upon (section 3.1.1)."""
        half, words = self._words[FrontWord.DRIVER_SELECT], self._words
        if half > 1 or words[FrontWord.STATUS] & DeviceStatus.FEATURES_OK:
            return
        kept = words[FrontWord.FEATURES] & (LOW if half else HIGH)
        words[FrontWord.FEATURES] = kept | value << 32 * half

    def _queue_value(self, word: QueueWord) -> int:
        """A word of the selected queue; 0 if there is no such queue."""
        queue = self._words[FrontWord.QUEUE_SELECT]
        there = queue < self._words[BackWord.QUEUES]
        return self._words[queue_word(queue, word)] if there else 0

    def _set_queue(self, word: QueueWord, value: int) -> None:
        queue = self._words[FrontWord.QUEUE_SELECT]
        if queue < self._words[BackWord.QUEUES]:
            self._words[queue_word(queue, word)] = value

    def _make_ready(self, value: int) -> None:
        """QueueReady: the back end finds it when it is notified; 0 takes the queue from it."""
        if value & 1:
            self._set_queue(QueueWord.EPOCH, self._queue_value(QueueWord.EPOCH) + 1)
            self._set_queue(QueueWord.READY, 1)
        else:
            self._set_queue(QueueWord.READY, 0)
            self._let_go()

    def _status(self) -> int:
        words = self._words
        broken = words[BackWord.BROKEN] == words[FrontWord.GENERATION] + 1
        return words[FrontWord.STATUS] | (DeviceStatus.NEEDS_RESET if broken else 0)

    def _set_status(self, value: int) -> None:
        if value == 0:
            self._reset()
            return
        value &= ~DeviceStatus.NEEDS_RESET
        if value & DeviceStatus.FEATURES_OK and not self._agreed():
            value &= ~DeviceStatus.FEATURES_OK
        began = value & ~self._words[FrontWord.STATUS] & DeviceStatus.DRIVER_OK
        self._words[FrontWord.STATUS] = value
        if began:
            self._ring()  # buffers may be there already

    def _agreed(self) -> bool:
        """Whether the driver accepts no more than was offered."""
        accepted = self._words[FrontWord.FEATURES]
        return not (accepted & ~self._words[BackWord.FEATURES])

    def _acknowledge(self, value: int) -> None:
        words = self._words
        # what the back end raises between this load and the store stays raised
        if value & Interrupt.USED:
            words[FrontWord.USED_TAKEN] = words[BackWord.USED_RAISED]
        if value & Interrupt.CONFIG:
            words[FrontWord.CONFIG_TAKEN] = words[BackWord.CONFIG_RAISED]
        settle(self.line, words)

    def _reset(self) -> None:
        words = self._words
        # first: from here on the back end accesses no more memory than it does already
        words[FrontWord.GENERATION] = words[FrontWord.GENERATION] + 1
        words[FrontWord.STATUS] = 0
        for queue in range(words[BackWord.QUEUES]):
            for of_queue in QUEUE_RESET:
                words[queue_word(queue, of_queue)] = 0
        for word in RESET:
            words[word] = 0
        self._let_go()
        self._acknowledge(Interrupt.USED | Interrupt.CONFIG)
        self._ring()  # a back end that waits for something from outside is to stop

    def _let_go(self) -> None:
        """Wait until the back end has seen what was stored, and accesses no memory by older words.

        It stores SERVING, has a full fence, and then looks at the words; here it is the other way
        round. So if it is not seen to serve here, it sees what was stored.
        """
        full_fence()
        while self._words[BackWord.SERVING] and self._backend and not self._backend.is_gone():
            time.sleep(POLL_SECONDS)

    def _ring(self) -> None:
        if self._backend is not None:
            self._backend.ring()
