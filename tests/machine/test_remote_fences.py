"""Fences that one hart asks of others."""

import mmap
import threading
from collections.abc import Callable
from typing import Any

import pytest

from mttcg.state.vcpu_state import STATE_BYTES, Activity, VcpuState
from mttcg.vcpu.host.remote_fences import RemoteFences

HARTS, LIMIT = 3, 20.0


class Engine:
    """Counts what it is asked for."""

    def __init__(self) -> None:
        self.translations = self.code = 0

    def fence_translations(self) -> None:
        self.translations += 1

    def fetch_again(self) -> int:
        self.code += 1
        return 5


class Machine:
    """Some harts, each with its fences and what does them."""

    def __init__(self) -> None:
        memory = memoryview(mmap.mmap(-1, HARTS * STATE_BYTES))
        self.harts = [VcpuState(memory, number) for number in range(HARTS)]
        self.engines = [Engine() for _ in range(HARTS)]
        self.stopping = False
        self.fences = [
            RemoteFences(self.harts, number, engine, lambda: self.stopping)  # type: ignore[arg-type]
            for number, engine in enumerate(self.engines)
        ]
        for hart in self.harts:
            hart.state = Activity.RUNNING

    def in_thread(self, does: Callable[..., Any], *given: Any) -> threading.Thread:
        thread = threading.Thread(target=does, args=given)
        thread.start()
        return thread

    def serve(self, number: int, over: threading.Event) -> None:
        while not over.is_set():
            self.fences[number].serve()


@pytest.fixture
def machine() -> Machine:
    return Machine()


def test_harts_that_run_have_done_it_when_it_returns(machine: Machine) -> None:
    over = threading.Event()
    others = [machine.in_thread(machine.serve, number, over) for number in (1, 2)]
    try:
        for times in range(1, 50):
            machine.fences[0].ask(range(HARTS), True, times % 2 == 0)
            assert [engine.translations for engine in machine.engines] == [times] * HARTS
            assert [engine.code for engine in machine.engines] == [times // 2] * HARTS
    finally:
        over.set()
        for thread in others:
            thread.join(LIMIT)
    assert all(hart.fences_asked == 0 for hart in machine.harts)
    assert machine.harts[1].request == 1, "code is fetched by the host"
    assert machine.harts[1].cache_invalidated == 5 * 24


def test_a_hart_that_sleeps_is_marked_and_not_waited_for(machine: Machine) -> None:
    machine.harts[1].state, machine.harts[2].state = Activity.IDLE, Activity.STARTING
    machine.fences[0].ask([1, 2], True, False)
    assert [engine.translations for engine in machine.engines] == [0, 0, 0]
    machine.fences[1].serve()
    machine.fences[2].serve()
    assert [engine.translations for engine in machine.engines] == [0, 1, 1]


def test_harts_that_ask_each_other_do_not_wait_for_ever(machine: Machine) -> None:
    def ask(number: int) -> None:
        for _ in range(30):
            machine.fences[number].ask(range(HARTS), True, False)

    over = threading.Event()
    asking = [machine.in_thread(ask, number) for number in range(HARTS)]

    def serve_those_that_are_over() -> None:
        while not over.is_set():
            for number, thread in enumerate(asking):
                if not thread.is_alive():
                    machine.fences[number].serve()

    helper = machine.in_thread(serve_those_that_are_over)
    for thread in asking:
        thread.join(LIMIT)
    over.set()
    helper.join(LIMIT)
    assert not any(thread.is_alive() for thread in asking)
    assert all(engine.translations >= 30 for engine in machine.engines)


def test_a_machine_that_stops_is_not_waited_for(machine: Machine) -> None:
    machine.stopping = True
    machine.fences[0].ask([1], True, False)
    assert machine.harts[1].fences_asked
