"""The code arena: found again, reclaimed in order, never written while it is run."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mttcg.engine.llvm import arena as arena_module
from mttcg.engine.llvm.arena import Arena, ArenaMappingError, CodeTooLongError
from mttcg.engine.llvm.arena_layout import (
    ALIGNMENT,
    INSIDE_AT,
    INSIDE_STRIDE,
    MOST_NEWS,
    PLACES_BYTES,
    REGIONS,
    ROWS,
)
from mttcg.engine.llvm.policies import policies_in_force
from mttcg.engine.llvm.translate import PageVersion
from mttcg.engine.llvm.weave import Sites
from mttcg.memory.address import PageOffset, PhysicalPage
from mttcg.memory.page import PAGE

SIZE = 4 << 20
PERMANENT = 1


class Machine:
    """A segment, and vCPUs that are asked to leave."""

    def __init__(self) -> None:
        self.descriptor = os.memfd_create("arena")
        os.ftruncate(self.descriptor, SIZE)
        self.asked: list[int] = []
        self.gone: set[int] = set()
        self.arena = Arena(self.descriptor, SIZE, self.ask)
        with self.arena:
            self.arena.put_permanent(PERMANENT, b"\xc3")
        words = np.frombuffer(self.arena.memory, np.uint64, 64 * 8, INSIDE_AT)
        self.inside = words[:: INSIDE_STRIDE // 8]

    def ask(self, vcpu: int) -> bool:
        """A vCPU leaves when it was asked three times, unless it is gone."""
        self.asked.append(vcpu)
        if self.asked.count(vcpu) == 3:
            self.inside[vcpu] = 0
        return vcpu not in self.gone

    def put(self, key: int, size: int) -> int:
        with self.arena:
            address = self.arena.put(bytes([key % 256]) * size)
            self.arena.publish(key, address)
        return address

    def content(self, address: int, size: int) -> bytes:
        start = address - self.arena.code
        return bytes(self.arena.memory[start : start + size])


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    os.close(made.descriptor)


def test_what_was_put_in_is_found_by_another_process_too(machine: Machine) -> None:
    address = machine.put(7, 100)
    other = Arena(machine.descriptor, SIZE)
    assert other.find(7) == other.code + address - machine.arena.code
    assert other.find(8) is None
    assert address % ALIGNMENT == machine.arena.code % ALIGNMENT == 0


def test_many_are_looked_for_at_a_time(machine: Machine) -> None:
    put = [7, 7 + ROWS, 7 + 2 * ROWS, 9]  # the first three want one place
    for key in put:
        machine.put(key, 64)
    asked = [*put, 7 + 3 * ROWS, 8, 9 + ROWS, 10]
    there = machine.arena.has(np.array(asked, np.uint64))
    assert there.tolist() == [machine.arena.find(key) is not None for key in asked]
    assert there.tolist() == [key in put for key in asked]


def test_keys_of_many_entries_are_those_of_each() -> None:
    for shape in (0, 1, -1 << 62, (1 << 61) - 2):
        version = PageVersion(PhysicalPage(3), 5, 7, 1, Sites(), shape)
        entries = range(0, PAGE, 2)
        keys = version.keys(np.arange(0, PAGE, 2, dtype=np.uint64)).tolist()
        assert keys == [version.key(PageOffset(entry)) for entry in entries]
        assert len(set(keys)) == len(entries)
        assert 0 not in keys


def test_newer_code_takes_the_place_of_older(machine: Machine) -> None:
    first, second = machine.put(7, 100), machine.put(7, 100)
    assert first != second
    assert machine.arena.find(7) == second


def test_the_oldest_is_reclaimed_first_and_the_rest_stays(machine: Machine) -> None:
    each = machine.arena.region_bytes // 2 - PLACES_BYTES
    keys = range(10, 10 + 2 * REGIONS)
    for key in keys:
        machine.put(key, each)
    assert [machine.arena.find(key) is not None for key in keys] == [True] * len(keys)
    generation = machine.arena.generation
    for turn in range(REGIONS):
        machine.put(100 + 2 * turn, each)
        machine.put(101 + 2 * turn, each)
        left = [key for key in keys if machine.arena.find(key) is not None]
        assert left == list(keys)[2 * turn + 2 :]
        assert machine.arena.reclaimed == turn + 1
        assert machine.arena.generation == generation + turn + 1
        for key in left:
            found = machine.arena.find(key)
            assert found is not None
            assert machine.content(found, each) == bytes([key]) * each
    assert machine.arena.find(PERMANENT) is not None


def fill(machine: Machine) -> None:
    for key in range(10, 10 + REGIONS):
        machine.put(key, machine.arena.most_bytes)


def test_it_waits_until_vcpus_have_come_out(machine: Machine) -> None:
    fill(machine)
    machine.inside[3] = machine.arena.generation + 1
    machine.put(99, 1000)
    assert machine.asked == [3, 3, 3]
    assert machine.inside[3] == 0


def test_it_does_not_wait_for_the_dead_nor_for_those_that_came_later(machine: Machine) -> None:
    fill(machine)
    machine.gone.add(5)
    machine.inside[5] = machine.arena.generation + 1
    machine.inside[6] = machine.arena.generation + 2  # as of the generation to come
    machine.put(99, 1000)
    assert machine.asked == [5]


def spread(region: int, key: int) -> int:
    """Keys as real ones are: all over the index."""
    return (1000 + region * ROWS + key) * 0x9E37_79B9_7F4A_7C15 & (1 << 62) - 1 | 1 << 62


def test_a_full_index_is_emptied_region_by_region(machine: Machine) -> None:
    for region in range(REGIONS):
        with machine.arena:
            address = machine.arena.put(b"\0" * (machine.arena.most_bytes - 100))
            for key in range(ROWS // 10):
                machine.arena.publish(spread(region, key), address)
    assert int(machine.arena.header["rows"][0]) < ROWS * 3 // 4
    assert machine.arena.reclaimed >= 1
    assert machine.arena.find(spread(REGIONS - 1, ROWS // 10 - 1)) is not None


def test_an_index_whose_last_writer_died_starts_empty(machine: Machine) -> None:
    machine.put(7, 100)
    machine.arena.header["sequence"] = 1  # it was removing rows
    assert machine.arena.find(7) is None
    with machine.arena:
        assert machine.arena.find(PERMANENT) is not None
        assert machine.arena.find(7) is None
    machine.put(8, 100)
    assert machine.arena.find(8) is not None


def test_code_that_is_too_long_is_refused(machine: Machine) -> None:
    with machine.arena, pytest.raises(CodeTooLongError, match="--code-cache"):
        machine.arena.put(b"\0" * (machine.arena.most_bytes + 1))


def test_a_vcpu_that_is_told_of_better_code_is_only_asked(machine: Machine) -> None:
    machine.inside[2] = machine.arena.generation + 1
    with machine.arena:
        machine.arena.renew()
    assert machine.asked == [2]
    assert machine.arena.generation == 1


def test_what_there_is_better_code_of_is_told_once(machine: Machine) -> None:
    arena = machine.arena
    assert arena.renewed(0) == (0, [])
    with arena:
        for slot in (5, 9):
            arena.tell_of(slot)
    assert arena.renewed(0) == (2, [5, 9])
    assert arena.renewed(2) == (2, [])
    with arena:
        for slot in range(MOST_NEWS - 1):
            arena.tell_of(slot)
    known, slots = arena.renewed(2)
    assert (known, slots) == (MOST_NEWS + 1, list(range(MOST_NEWS - 1)))
    assert arena.renewed(1) == (MOST_NEWS + 1, None), "they may have been written over"


def test_no_mapping_is_writable_and_executable(machine: Machine) -> None:
    lines = [line.split() for line in Path("/proc/self/maps").read_text().splitlines()]
    rights = {line[1] for line in lines if len(line) > 5 and line[5].startswith("/memfd:arena")}
    assert rights == {"rw-s", "r-xs"}


def test_readers_without_the_lock_never_see_a_wrong_address(machine: Machine) -> None:
    size = machine.arena.region_bytes // 3 - PLACES_BYTES
    wrong: list[tuple[int, int]] = []
    done = threading.Event()
    where: dict[int, int] = {}

    def read() -> None:
        while not done.is_set():
            for key, address in list(where.items()):
                found = machine.arena.find(key)
                if found not in (None, address):
                    wrong.append((key, address))

    reader = threading.Thread(target=read)
    reader.start()
    for key in range(10, 10 + 12 * REGIONS):
        with machine.arena:
            address = machine.arena.put(b"\0" * size)
            where[key] = address
            machine.arena.publish(key, address)
    done.set()
    reader.join()
    assert machine.arena.reclaimed > 1
    assert wrong == []


def test_a_host_that_forbids_it_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_descriptor: int, _size: int) -> int:
        raise ArenaMappingError(13)

    monkeypatch.setattr(arena_module, "map_executable", refuse)
    with pytest.raises(ArenaMappingError, match="--engine unicorn"):
        Machine()


def test_the_policies_that_are_on_are_named(tmp_path: Path) -> None:
    def write(file: str, text: str) -> None:
        path = tmp_path / file.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def named() -> list[str]:
        return [policy.name for policy in policies_in_force(tmp_path)]

    assert named() == []
    for text, seccomp in (("Name:\tx\nSeccomp:\t0\n", []), ("Seccomp:\t2\n", ["seccomp"])):
        write("/proc/self/status", text)
        assert named() == seccomp
    write("/sys/fs/selinux/enforce", "1")
    write("/proc/self/attr/current", "docker-default (enforce)\n")
    assert named() == ["SELinux", "AppArmor", "seccomp"]
    write("/sys/fs/selinux/enforce", "0")
    write("/proc/self/attr/current", "unconfined\n")
    assert named() == ["seccomp"]
