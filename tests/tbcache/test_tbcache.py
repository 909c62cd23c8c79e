"""The shared block cache: versions by content, one decoding, a lock that outlives its holder."""

import mmap
import os
import random
import signal
from collections import Counter as Tally
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from mttcg.engine.unicorn.left_to_host import left_to_host
from mttcg.instrument.events import EXECUTIONS, INSTRUCTION_EXECUTIONS
from mttcg.isa.kind import Kind
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.memory.address import Virtual, physical_of
from mttcg.memory.code_pages import HALVES
from mttcg.memory.page import PAGE
from mttcg.tbcache import cache as cache_module
from mttcg.tbcache.cache import Block, BlockCache, CacheFullError, OverlappingCodeError
from mttcg.tbcache.decode import decode_block
from mttcg.tbcache.layout import CacheLayout
from mttcg.tbcache.lock import SegmentLock
from mttcg.vcpu.instrumentation.tables import table_records

BASE = 0x8000_0000
LEFT = left_to_host(RISCV64)
PAGES = 4
C_NOP, C_JR_RA, AMOADD, WFI = 0x0001, 0x8082, 0x0062_B02F, 0x1050_0073


def block_at(user: BlockCache, pc: int) -> tuple[Block, bool]:
    return user.block(user.page_of(physical_of(Virtual(pc))), Virtual(pc))


class Shared:
    """RAM and a cache segment; each call of `user` is another vCPU's view."""

    def __init__(self) -> None:
        self.ram = np.zeros(PAGES * PAGE, dtype=np.uint8)
        size = CacheLayout(PAGES).size
        self.descriptor = os.memfd_create("cache")
        os.ftruncate(self.descriptor, size)
        self.memory = memoryview(mmap.mmap(self.descriptor, size))

    def user(self, number: int) -> BlockCache:
        return BlockCache(self.memory, self.descriptor, self.ram, BASE, number, RISCV64.code, LEFT)

    def put(self, offset: int, *words: int) -> None:
        for word in words:
            size = 4 if word & 3 == 3 else 2
            self.ram[offset : offset + size] = list(word.to_bytes(size, "little"))
            offset += size


@pytest.fixture
def shared() -> Any:
    found = Shared()
    yield found
    os.close(found.descriptor)


def test_a_block_is_decoded_once_and_found_by_all_others(shared: Shared) -> None:
    shared.put(0, C_NOP, C_NOP, AMOADD)
    users = [shared.user(number) for number in range(3)]
    for user in users:
        user.enter_page(0)
    found = [block_at(user, BASE)[1] for user in users]
    assert found == [False, True, True]
    block = block_at(users[2], BASE)[0]
    assert block.pcs == [BASE, BASE + 2, BASE + 4]
    assert (block.size, block.terminator, block.atomics, block.accesses) == (8, Kind.ATOMIC, 1, 1)


def test_what_the_host_runs_is_illegal_where_it_is_fetched_and_whole_where_it_is_read(
    shared: Shared,
) -> None:
    shared.put(0, C_NOP, WFI)
    user = shared.user(0)
    slot, _ = user.enter_page(0)
    block_at(user, BASE)
    assert int(user.fetched[slot, 2:4].view("<u2")[0]) == LEFT.half
    assert int(user.original[slot, 2:6].view("<u4")[0]) == WFI
    assert int(shared.ram[2:6].view("<u4")[0]) == WFI


def test_a_changed_page_is_a_new_version_and_an_old_one_is_found_again(shared: Shared) -> None:
    shared.put(0, C_NOP, C_JR_RA)
    one, other = shared.user(0), shared.user(1)
    first, _ = one.enter_page(0)
    other.enter_page(0)
    block_at(one, BASE)
    assert one.changed_pages() == []
    shared.put(0, C_JR_RA)
    assert one.changed_pages() == [0]
    second, _ = one.enter_page(0)
    assert second != first
    assert block_at(one, BASE)[0].size == 2
    assert other.used[0] == first, "another vCPU goes on with its version until its own fence.i"
    shared.put(0, C_NOP)
    again, _ = one.enter_page(0)
    assert again == first
    assert block_at(one, BASE)[1], "the old version's blocks are still there"


def test_slots_that_nobody_fetches_from_are_given_away_when_all_are_taken(
    shared: Shared, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "SLOTS", 3)
    user = shared.user(0)
    slots = []
    for version in range(6):
        shared.put(0, C_NOP)
        shared.ram[100] = version
        slots.append(user.enter_page(0)[0])
        block_at(user, BASE)
    assert set(slots) == {0, 1, 2}
    assert int(user.slots["generation"].max()) > 1
    assert block_at(user, BASE)[0].slot == slots[-1]


def test_a_full_cache_says_what_is_full(shared: Shared, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache_module, "SLOTS", 2)
    user = shared.user(0)
    user.enter_page(0)
    user.enter_page(1)
    with pytest.raises(CacheFullError, match="all 2 code pages are in use"):
        user.enter_page(2)
    monkeypatch.setattr(cache_module, "RECORDS", 0)
    with pytest.raises(CacheFullError, match="blocks"):
        block_at(user, BASE)


def test_code_that_overlaps_a_host_instruction_out_of_step_is_refused(shared: Shared) -> None:
    # a 32-bit instruction whose second half begins one that the host runs
    shared.put(0, 0x0000_0513 | (WFI & 0xFFFF) << 16, WFI >> 16)
    user = shared.user(0)
    user.enter_page(0)
    block_at(user, BASE + 2)
    with pytest.raises(OverlappingCodeError):
        block_at(user, BASE)


def in_child(work: Callable[[], None]) -> int:
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return child


def test_the_lock_is_released_by_the_death_of_its_holder(shared: Shared) -> None:
    reader, writer = os.pipe()

    def hold() -> None:
        with SegmentLock(shared.descriptor):
            os.write(writer, b"x")
            signal.pause()

    child = in_child(hold)
    os.read(reader, 1)
    os.kill(child, signal.SIGKILL)
    with SegmentLock(shared.descriptor):
        os.waitpid(child, 0)
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("processes", [2, 4])
def test_processes_that_reach_the_same_blocks_at_once_decode_each_once(
    shared: Shared, processes: int
) -> None:
    for page in range(PAGES):
        shared.put(page * PAGE, *[C_JR_RA] * (PAGE // 2))
    misses = memoryview(mmap.mmap(-1, 8 * processes)).cast("Q")

    def decode_all(number: int) -> None:
        user = shared.user(number)
        for page in range(PAGES):
            user.enter_page(page)
            for offset in range(0, PAGE, 2):
                misses[number] += not block_at(user, BASE + page * PAGE + offset)[1]

    children = [in_child(lambda n=number: decode_all(n)) for number in range(processes)]
    for child in children:
        assert os.waitpid(child, 0)[1] == 0
    assert sum(misses) == PAGES * PAGE // 2
    assert int(shared.user(0).header["records"][0]) == PAGES * PAGE // 2


def test_an_instruction_that_straddles_pages_is_part_of_the_version(shared: Shared) -> None:
    """Its first half, and with it the page, may stay as it is while its second half changes."""
    shared.put(PAGE - 2, 0x0010_0093)  # addi ra, zero, 1
    user = shared.user(0)
    first, _ = user.enter_page(0)
    assert int(block_at(user, BASE + PAGE - 2)[0].instructions["word"][0]) == 0x0010_0093
    shared.put(PAGE - 2, 0x0020_0093)
    assert user.changed_pages() == [0]
    second, _ = user.enter_page(0)
    assert second != first
    assert int(block_at(user, BASE + PAGE - 2)[0].instructions["word"][0]) == 0x0020_0093
    shared.put(PAGE - 2, 0x0010_0093)
    assert user.enter_page(0)[0] == first


def test_long_code_entered_at_many_places_is_decoded_once(shared: Shared) -> None:
    straight = [C_NOP] * 1000
    shared.put(0, *straight, AMOADD)
    user = shared.user(0)
    user.enter_page(0)
    blocks = [block_at(user, BASE + 2 * place)[0] for place in range(1000)]
    assert int(user.header["instructions"][0]) == 1001
    for place, block in enumerate(blocks):
        assert block.pcs == [BASE + 2 * n for n in range(place, 1001)]
        assert (block.size, block.terminator) == (2 * (1000 - place) + 4, Kind.ATOMIC)
        assert (block.accesses, block.atomics) == (1, 1)


def test_code_entered_out_of_step_is_decoded_by_itself(shared: Shared) -> None:
    shared.put(0, 0x8082_0013, 0x0001, C_JR_RA)  # addi zero, zero, ...; c.jr ra in its upper half
    user = shared.user(0)
    user.enter_page(0)
    assert block_at(user, BASE)[0].pcs == [BASE, BASE + 4, BASE + 6]
    assert block_at(user, BASE + 2)[0].pcs == [BASE + 2]
    assert block_at(user, BASE + 4)[0].pcs == [BASE + 4, BASE + 6]


def test_records_of_a_table_are_those_of_its_blocks_decoded_one_by_one(shared: Shared) -> None:
    draw = random.Random(7)
    shared.ram[: 2 * PAGE] = np.frombuffer(draw.randbytes(2 * PAGE), dtype=np.uint8)
    shared.put(2 * PAGE - 2, 0x0013)  # the first half of an instruction that straddles
    user, far = shared.user(0), 0xFFFF_FFFF_8000_0000
    slots = [user.enter_page(page)[0] for page in range(2)]
    user.see(slots[1], Virtual(far))
    words = np.zeros(len(slots) * HALVES, dtype=np.uint64)
    blocks, instructions = [], Tally[tuple[int, int]]()
    for slot, start in zip(slots, (BASE, far), strict=True):
        for offset in sorted({*draw.sample(range(0, PAGE, 2), 700), PAGE - 2}):
            times = draw.randrange(1, 1 << 40)
            words[slot * HALVES + offset // 2] = times
            rows = decode_block(user.code, offset, lambda at, s=slot: user.half_at(s, s, at))
            size = int(rows["length"].sum())
            code = user.original[slot, offset : offset + min(size, 64)].tobytes()
            blocks.append((start + offset, times, len(rows), size, code.ljust(64, b"\0")))
            for row in rows:
                instructions[start + int(row["offset"]), int(row["word"])] += times
    for decoded in (
        0,
        40,
    ):  # blocks that are in the cache, too, as if a vCPU had wanted to know them
        for pc, _, _, size, _ in blocks[:decoded]:
            if size <= 8 and not any(0 < other[0] - pc < size for other in blocks):
                block_at(user, pc)
        found = table_records(words, user, EXECUTIONS)
        assert [(*map(int, row.tolist()[:4]), row["code"].tobytes()) for row in found] == blocks
    found = table_records(words, user, INSTRUCTION_EXECUTIONS)
    counted = {(int(pc), int(word)): int(times) for pc, times, word in found.tolist()}
    assert len(counted) == len(found)
    assert counted == instructions
    first = int(np.flatnonzero(words)[0])
    words[:] = 0
    words.view(np.int64)[first] = -1
    assert len(table_records(words, user, INSTRUCTION_EXECUTIONS)) == 0
    assert len(table_records(words * np.uint64(0), user, EXECUTIONS)) == 0
