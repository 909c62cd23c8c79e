"""The translator process: which place it asks for, what it makes of the answer, and its end."""

import mmap
import os
import selectors
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from mttcg.engine.llvm.heat import Heat
from mttcg.engine.llvm.translate import PageVersion
from mttcg.engine.llvm.weave import Sites
from mttcg.isa.riscv64.isa import RISCV64
from mttcg.processes.host import TRANSLATOR, die_with_parent, end_rest
from mttcg.processes.translator_process import (
    PLACE_HEAT,
    TranslatorProcess,
    leave_the_run,
    receive,
)
from mttcg.state.samples import PLACES, POSITION, Samples, samples_bytes
from mttcg.state.vcpu_state import STATE_BYTES
from mttcg.vcpu.machine.shared import Harts, MachineState, machine_bytes
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.vcpu_messages import PageOfPlace, SamplesWait

VCPUS = 3
HERE, THERE, ELSEWHERE = 0x8000_0000, 0x8000_0040, 0x8000_2000
VERSION = PageVersion(0, 1, 1, 0, Sites(), 0)


def segment(size: int) -> memoryview:
    return memoryview(bytearray(size))


class Improver:
    """Says that it made code of each place alone, and of no page."""

    def __init__(self, heat: Heat) -> None:
        self.heat = heat
        self.places: list[int] = []

    def improve(self, place: object) -> frozenset[int]:
        """Make code of a place."""
        pc = place.pc  # type: ignore[attr-defined]
        self.places.append(pc)
        self.heat.take(pc)
        return frozenset({pc})

    def improve_page(self) -> frozenset[int]:
        """Make none."""
        return frozenset()


class Arena:
    """Counts how often the vCPUs are told of better code."""

    def __init__(self) -> None:
        self.renewed = 0

    def __enter__(self) -> None:
        """Take no lock."""

    def __exit__(self, *raised: object) -> None:
        """Release none."""

    def renew(self) -> None:
        """Count it."""
        self.renewed += 1


class Machine:
    """A translator process without the process, and its vCPUs' ends."""

    def __init__(self) -> None:
        state = MachineState(segment(machine_bytes(0)), 10_000_000)
        self.wake_fds = [os.eventfd(0) for _ in range(VCPUS)]
        harts = Harts(segment(VCPUS * STATE_BYTES), self.wake_fds, state, RISCV64.system)
        self.harts, self.samples = harts, Samples(segment(samples_bytes(VCPUS)), VCPUS)
        pairs = [Channel.pair() for _ in range(VCPUS)]
        self.ours, self.theirs = ([pair[side] for pair in pairs] for side in (0, 1))
        self.heat, self.arena = Heat(), Arena()
        self.improver = Improver(self.heat)
        self.translator = TranslatorProcess(
            harts,
            self.samples,
            self.theirs,
            self.arena,  # type: ignore[arg-type]
            self.heat,
            self.improver,  # type: ignore[arg-type]
        )

    def sample(self, vcpu: int, pc: int, number: int) -> None:
        """Be at a place so often."""
        part = self.samples.parts[vcpu]
        at = int(part[POSITION])
        part[PLACES + at : PLACES + at + number] = pc
        part[POSITION] = at + number

    def answer(self, vcpu: int, page: PageVersion | None = VERSION) -> int | None:
        """Answer the question of a vCPU; what it was."""
        pc = self.samples.question(vcpu)
        if pc is not None:
            plain = None if page is None else page.to_plain()
            self.ours[vcpu].send(PageOfPlace(pc, plain, False, ()))
        return pc

    def turn(self) -> int | None:
        """One turn of the translator's loop, in which the vCPUs answer; what was asked."""
        translator = self.translator
        came = translator._take_samples()
        hot = translator._ask_for_hottest()
        asked = [pc for vcpu in range(VCPUS) if (pc := self.answer(vcpu)) is not None]
        assert hot == bool(asked)
        pause = translator._pause(came, hot)
        assert (pause is None) == self.samples.asleep == (not came and not hot)
        with selectors.DefaultSelector() as selector:
            for vcpu, channel in enumerate(self.theirs):
                selector.register(channel, selectors.EVENT_READ, vcpu)
            for vcpu, message in receive(selector, 0):
                assert isinstance(message, PageOfPlace)
                translator._take_answer(vcpu, message)
        return asked[0] if asked else None

    def close(self) -> None:
        """Close what is open."""
        for channel in (*self.ours, *self.theirs):
            channel.close()
        for descriptor in self.wake_fds:
            os.close(descriptor)


@pytest.fixture
def machine() -> Iterator[Machine]:
    made = Machine()
    yield made
    made.close()


def test_places_are_taken_by_heat_of_all_vcpus_not_in_the_order_in_which_they_came(
    machine: Machine,
) -> None:
    machine.sample(0, HERE, PLACE_HEAT)
    machine.sample(1, THERE, PLACE_HEAT - 8)
    machine.sample(2, THERE, PLACE_HEAT - 8)
    machine.sample(2, ELSEWHERE, PLACE_HEAT - 1)
    assert [machine.turn() for _ in range(3)] == [THERE, HERE, None]
    assert machine.improver.places == [THERE, HERE]
    machine.sample(1, ELSEWHERE, 1)
    assert [machine.turn() for _ in range(2)] == [ELSEWHERE, None]
    assert machine.translator.news and machine.harts.harts[2].request == 1


def test_what_has_become_cold_is_not_translated(machine: Machine) -> None:
    machine.sample(0, HERE, 2 * PLACE_HEAT)
    machine.translator._take_samples()
    machine.harts.harts[1].instructions = 1 << 40
    assert machine.turn() is None


def test_samples_from_before_there_was_better_code_are_no_heat(machine: Machine) -> None:
    machine.sample(0, HERE, PLACE_HEAT)
    machine.translator._take_samples()
    assert machine.translator._ask_for_hottest()
    machine.sample(0, HERE, PLACE_HEAT)  # while it is being made
    assert machine.answer(0) == HERE
    message = machine.theirs[0].receive()
    assert message is not None and isinstance(message[0], PageOfPlace)
    machine.translator._take_answer(0, message[0])
    assert machine.turn() is None
    assert machine.improver.places == [HERE]


def test_a_vcpu_that_does_not_answer_is_not_waited_for(machine: Machine) -> None:
    machine.sample(0, HERE, 2 * PLACE_HEAT)
    machine.sample(1, THERE, PLACE_HEAT)
    translator = machine.translator
    translator._take_samples()
    assert translator._ask_for_hottest() and translator._ask_for_hottest()
    assert translator.asked == {0, 1}
    assert not translator._ask_for_hottest()
    assert (machine.answer(1), machine.answer(0)) == (THERE, HERE)


def test_a_place_of_which_nothing_is_known_loses_its_heat(machine: Machine) -> None:
    machine.sample(0, HERE, PLACE_HEAT)
    machine.translator._take_samples()
    machine.translator._ask_for_hottest()
    machine.answer(0, None)
    assert machine.turn() is None
    assert machine.improver.places == []


def test_it_sleeps_without_samples_and_looks_less_often_while_none_are_hot(
    machine: Machine,
) -> None:
    translator = machine.translator
    assert translator._pause(came=False, hot=False) is None and machine.samples.asleep
    pauses = [translator._pause(came=True, hot=False) for _ in range(10)]
    assert pauses == sorted(pauses, key=lambda pause: pause or 0) and pauses[0] != pauses[-1]
    assert pauses[-1] == pauses[-2] and not machine.samples.asleep


def test_what_vcpus_say_is_taken_until_they_are_gone() -> None:
    pairs = [Channel.pair() for _ in range(2)]
    with selectors.DefaultSelector() as selector:
        for number, (ours, _) in enumerate(pairs):
            selector.register(ours, selectors.EVENT_READ, number)
        assert list(receive(selector, 0)) == []
        for _, theirs in pairs:
            theirs.send(SamplesWait())
        assert sorted(vcpu for vcpu, _ in receive(selector, None)) == [0, 1]
        for _, theirs in pairs:
            theirs.close()
        assert list(receive(selector, None)) == [] and not selector.get_map()
    for ours, _ in pairs:
        ours.close()


def test_what_is_left_when_the_vcpus_are_gone_is_killed_and_waited_for() -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
    end_rest({child: TRANSLATOR})
    with pytest.raises(ChildProcessError):
        os.waitpid(child, 0)


def test_behind_a_run_no_vcpu_is_waited_for(machine: Machine) -> None:
    machine.translator.finish()
    assert not machine.arena.ask_to_leave(0)  # though its last state was that it runs


def test_behind_a_run_none_of_its_files_is_held() -> None:
    kept, other = os.memfd_create("kept"), os.memfd_create("other")
    os.truncate(other, mmap.PAGESIZE)
    mapped = mmap.mmap(other, mmap.PAGESIZE)  # has a descriptor of its own
    told, tell = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            leave_the_run({kept, tell})
            files = [path for path in Path("/proc/self/fd").iterdir() if os.path.lexists(path)]
            os.write(tell, "\n".join({str(path.readlink()) for path in files}).encode())
        finally:
            os._exit(0)
    os.close(tell)
    os.waitpid(child, 0)
    with os.fdopen(told) as file:
        names = sorted(name.split(":")[0] for name in file.read().splitlines())
    assert names == ["/dev/null", "/memfd", "pipe"]
    mapped.close()
    for descriptor in (kept, other):
        os.close(descriptor)


def test_who_may_go_on_behind_its_parent_ends_within_some_seconds() -> None:
    told, tell = os.pipe()
    between = os.fork()
    if between == 0:
        ready, tell_ready = os.pipe()
        if os.fork() == 0:
            die_with_parent(os.getppid(), within=100)
            os.write(tell_ready, b"1")
            while not (left := signal.getitimer(signal.ITIMER_REAL)[0]):
                os.sched_yield()
            os.write(tell, str(round(left)).encode())
            os._exit(0)
        os.read(ready, 1)
        os._exit(0)
    os.close(tell)
    os.waitpid(between, 0)
    with os.fdopen(told) as file:
        assert 90 < int(file.read()) <= 100
