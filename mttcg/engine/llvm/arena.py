"""The code arena: machine code that every vCPU process executes, and the index to it.

One segment, mapped read + write where code is put in and read + execute where it is run; no mapping
is both. Written under the lock, code before the index row that makes it known.

Code is put into one region after another. When all are full the oldest is reclaimed: its rows leave
the index, the generation grows, every vCPU that runs code of an older one is asked to come out, and
only then is the region written again. A vCPU that comes in says so with the generation it knows, in
a word of its own; if the generation is another by then it comes out at once and forgets its jumps.
"""

import ctypes
import errno
import mmap
import os
import time
from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.arena_layout import (
    ALIGNMENT,
    CODE_AT,
    GENERATION_AT,
    HEADER,
    INDEX_AT,
    INSIDE_AT,
    INSIDE_STRIDE,
    MOST_NEWS,
    MOST_ROWS,
    NEWS_AT,
    PERMANENT_BYTES,
    PLACES_BYTES,
    REGIONS,
    ROW,
    ROWS,
)
from mttcg.engine.llvm.policies import policies_in_force
from mttcg.errors import MttcgError
from mttcg.memory.address import HostAddress, PageOffset
from mttcg.memory.code_pages import HALVES
from mttcg.memory.host import address_of_buffer
from mttcg.native.loaded_code import FAILED, READ_EXECUTE, mapping_library
from mttcg.state.vcpu_state import MOST_VCPUS
from mttcg.tbcache.lock import SegmentLock

ANYWHERE = np.ones(HALVES, dtype=np.bool_)
FIRST_PAUSE, LONGEST_PAUSE = 20e-6, 1e-3
"""Seconds between two looks at whether vCPUs came out."""

AskToLeave = Callable[[int], bool]
"""Asks a vCPU to come out of translated code; False if it is gone and never will."""


class ArenaMappingError(MttcgError):
    """The host does not let memory be executed; `policies` are those that may be why."""

    def __init__(self, number: int) -> None:
        self.policies = tuple(policies_in_force())
        named = "; ".join(f"{policy.name} is on here: {policy.remedy}" for policy in self.policies)
        super().__init__(
            f"the code arena can't be mapped executable ({os.strerror(number)}): "
            f"{named or 'a policy of the host forbids it'}; or run with --engine unicorn"
        )


class CodeTooLongError(MttcgError):
    """Code that does not fit a region of the arena."""

    def __init__(self, size: int, room: int) -> None:
        super().__init__(f"{size} bytes of code do not fit a region of {room}: use --code-cache")


def places_in_front(within: npt.NDArray[np.bool_]) -> bytes:
    """What stands in front of code: the places of its page that are in it."""
    return np.packbits(within, bitorder="little").tobytes()


class Arena:
    """A process's view of the arena.

    Args:
        descriptor: the segment.
        size: its bytes.
        ask_to_leave: how to reach the other vCPUs, if there are any.
    """

    def __init__(
        self, descriptor: int, size: int, ask_to_leave: AskToLeave = lambda vcpu: False
    ) -> None:
        self.ask_to_leave = ask_to_leave
        self.lock = SegmentLock(descriptor)
        self.memory = memoryview(mmap.mmap(descriptor, size))
        self.header = np.frombuffer(self.memory, HEADER, 1)
        self.rows = np.frombuffer(self.memory, ROW, ROWS, INDEX_AT)
        self.index = self.memory[INDEX_AT:CODE_AT].cast("Q")  # the same, faster to read singly
        stride = INSIDE_STRIDE // 8
        words = np.frombuffer(self.memory, np.uint64, MOST_VCPUS * stride, INSIDE_AT)
        self.inside = words[::stride]
        self.news = np.frombuffer(self.memory, np.uint64, MOST_NEWS, NEWS_AT)
        self.first = CODE_AT + PERMANENT_BYTES
        self.region_bytes = (size - self.first) // REGIONS // ALIGNMENT * ALIGNMENT
        self.code = map_executable(descriptor, size)

    def __enter__(self) -> None:
        """Take the lock; if its last holder died while it removed rows, start with none."""
        self.lock.__enter__()
        if int(self.header["sequence"][0]) % 2:
            self.rows["key"] = 0
            self.header["rows"] = 0
            self.publish(*self._permanent())
            self.header["sequence"] = int(self.header["sequence"][0]) + 1

    def __exit__(self, *raised: Any) -> None:
        """Release the lock."""
        self.lock.__exit__(*raised)

    @property
    def most_bytes(self) -> int:
        """Of code that is put in at once."""
        return self.region_bytes - PLACES_BYTES

    @property
    def generation(self) -> int:
        """Jumps that were learnt under another generation are to be forgotten."""
        return int(self.header["generation"][0])

    @property
    def reclaimed(self) -> int:
        """How many regions were emptied to be filled again."""
        return int(self.header["reclaimed"][0])

    def generation_address(self) -> HostAddress:
        """Address of the generation."""
        return HostAddress(address_of_buffer(self.memory) + GENERATION_AT)

    def inside_address(self, vcpu: int) -> HostAddress:
        """Address of the word in which a vCPU says that it runs code."""
        return HostAddress(address_of_buffer(self.memory) + INSIDE_AT + vcpu * INSIDE_STRIDE)

    def find(self, key: int) -> HostAddress | None:
        """Executable address of the code under a key; without the lock it may miss some."""
        sequence = int(self.header["sequence"][0])
        at = self._place_of(key)
        found = HostAddress(self.code + self.index[at + 1]) if self.index[at] == key else None
        unchanged = sequence % 2 == 0 and int(self.header["sequence"][0]) == sequence
        return found if unchanged else None

    def addresses(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
        """As `find`, for many at a time; 0 where there is none."""
        sequence = int(self.header["sequence"][0])
        found, left = np.zeros(len(keys), np.uint64), np.arange(len(keys))
        places = keys % np.uint64(ROWS)
        while len(left):
            rows = self.rows[places[left]]
            there = rows["key"]
            same = there == keys[left]
            found[left[same]] = rows["offset"][same] + np.uint64(self.code)
            left = left[~same & (there != 0)]
            places[left] = (places[left] + np.uint64(1)) % np.uint64(ROWS)
        unchanged = sequence % 2 == 0 and int(self.header["sequence"][0]) == sequence
        return found if unchanged else np.zeros_like(found)

    def has(self, keys: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
        """Under which keys there is code."""
        found: npt.NDArray[np.bool_] = self.addresses(keys) != 0
        return found

    def put_permanent(self, key: int, code: bytes) -> HostAddress:
        """Put the one code in that is never reclaimed, and make it known. Under the lock."""
        if len(code) > PERMANENT_BYTES:
            raise CodeTooLongError(len(code), PERMANENT_BYTES)
        self.memory[CODE_AT : CODE_AT + len(code)] = code
        self.header["used"] = self.first
        self.header["permanent"] = key
        self.publish(*self._permanent())
        return self._permanent()[1]

    def _permanent(self) -> tuple[int, HostAddress]:
        return int(self.header["permanent"][0]), HostAddress(self.code + CODE_AT)

    def put(self, code: bytes, within: npt.NDArray[np.bool_] = ANYWHERE) -> HostAddress:
        """Put code in; its executable address. Under the lock; raises CodeTooLongError.

        within: of each place of its page, whether it is in the code.
        """
        size = PLACES_BYTES + -(-len(code) // ALIGNMENT) * ALIGNMENT
        if size > self.region_bytes:
            raise CodeTooLongError(len(code), self.most_bytes)
        region = int(self.header["region"][0])
        start = int(self.header["used"][0])
        if start + size > self.first + (region + 1) * self.region_bytes:
            start = self.go_on_in_next_region()
        begin = start + PLACES_BYTES
        self.memory[start:begin] = places_in_front(within)
        self.memory[begin : begin + len(code)] = code
        self.header["used"] = start + size
        self.header["written"] = int(self.header["written"][0]) + size
        return HostAddress(self.code + begin)

    def native_words(self) -> dict[str, int]:
        """What native code has to know to do as `put` and `publish` do, see `kept.layout`."""
        return {
            "MEMORY": address_of_buffer(self.memory),
            "CODE": self.code,
            "REGIONS": self.first,
            "REGION_BYTES": self.region_bytes,
        }

    def holds_any(self, code: HostAddress, offsets: Collection[PageOffset]) -> bool:
        """Whether code that was found has any of these places of its page in it."""
        begin = code - self.code - PLACES_BYTES
        return any(self.memory[begin + at // 16] >> at // 2 % 8 & 1 for at in offsets)

    def publish(self, key: int, address: HostAddress) -> None:
        """Make code known under a key (not 0), in place of older code. Under the lock."""
        while int(self.header["rows"][0]) >= MOST_ROWS:
            self.go_on_in_next_region()
        at = self._place_of(key)
        self.index[at + 1] = address - self.code
        if not self.index[at]:
            self.index[at] = key
            self.header["rows"] = int(self.header["rows"][0]) + 1

    def _place_of(self, key: int) -> int:
        """Where the index has a key, or a place for it; the word behind has where its code is."""
        index, at = self.index, 2 * (key % ROWS)
        while index[at] not in (0, key):
            at = (at + 2) % (2 * ROWS)
        return at

    def count_stored(self, stored: int, refused: int = 0) -> None:
        """Count functions kept for later runs, and records that were refused. Under the lock."""
        for name, amount in (("stored", stored), ("refused", refused)):
            self.header[name] = int(self.header[name][0]) + amount

    def tell_of(self, slot: int) -> None:
        """Say that there is better code of a version, for `renewed`. Under the lock."""
        count = int(self.header["news"][0])
        self.news[count % MOST_NEWS] = slot
        self.header["news"] = count + 1

    def renewed(self, known: int) -> tuple[int, list[int] | None]:
        """How many versions had better code by now, and the slots of those since so many did.

        None: they are too many to be known.
        """
        count = int(self.header["news"][0])
        slots = self.news[np.arange(known, count) % MOST_NEWS].tolist()
        told = int(self.header["news"][0])  # some may have been written over meanwhile
        return count, slots if told - known < MOST_NEWS else None

    def renew(self) -> None:
        """Let every vCPU look for the better code that was told of. Under the lock."""
        self.header["generation"] = self.generation + 1
        for vcpu in range(MOST_VCPUS):
            if int(self.inside[vcpu]):
                self.ask_to_leave(vcpu)

    def go_on_in_next_region(self) -> int:
        """Go on in the next region, which is the oldest; where it starts. Under the lock."""
        region = (int(self.header["region"][0]) + 1) % REGIONS
        start = self.first + region * self.region_bytes
        if self._forget(start, start + self.region_bytes):
            # whoever knows the new generation knows that code is gone
            self.header["reclaimed"] = self.reclaimed + 1
            self.header["generation"] = self.generation + 1
            self._wait_until_all_left()
        self.header["region"] = region
        self.header["used"] = start
        return start

    def _forget(self, start: int, end: int) -> bool:
        """Remove the rows of the code from `start` to `end`; whether there were any."""
        rows = self.rows.copy()
        used = rows["key"] != 0
        doomed = used & (rows["offset"] >= start) & (rows["offset"] < end)
        if not doomed.any():
            return False
        self.header["sequence"] = int(self.header["sequence"][0]) + 1
        self.rows["key"] = 0
        self.header["rows"] = 0
        for key, offset in rows[used & ~doomed].tolist():
            self.publish(key, self.code + offset)
        self.header["sequence"] = int(self.header["sequence"][0]) + 1
        return True

    def _wait_until_all_left(self) -> None:
        """Until no vCPU runs code that it came to in an older generation."""
        pause = FIRST_PAUSE
        waiting = set(range(MOST_VCPUS))
        while True:
            newest = self.generation + 1
            waiting = {v for v in waiting if 0 < int(self.inside[v]) < newest}
            waiting = {v for v in waiting if self.ask_to_leave(v)}
            if not waiting:
                return
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)


def map_executable(descriptor: int, size: int) -> HostAddress:
    """Map a segment so that it can be executed; its address. Raises ArenaMappingError."""
    library = mapping_library()
    address = library.mmap(None, size, READ_EXECUTE, mmap.MAP_SHARED, descriptor, 0)
    if address in (None, FAILED):
        number = ctypes.get_errno()
        if number == errno.ENOMEM:  # no policy, but a limit
            wanted = f"{size >> 20} MiB of executable memory"
            raise OSError(number, os.strerror(number), wanted)
        raise ArenaMappingError(number)
    return HostAddress(address)


USE = ("written", "reclaimed", "kept_functions", "kept_bytes", "refused", "stored")


def use_of(memory: memoryview) -> dict[str, int]:
    """What became of an arena: its bytes, those of code put in, and the regions emptied.

    And of kept code: functions and bytes put in, records refused, functions stored.
    """
    header = np.frombuffer(memory, HEADER, 1)
    numbers = {name: int(header[name][0]) for name in USE}
    return {"bytes": len(memory)} | numbers
