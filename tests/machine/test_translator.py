"""The translator's queue: what it takes from the vCPUs, and in which order; and its end."""

import os
import selectors
import signal

import pytest

from mttcg.processes.host import TRANSLATOR, end_rest
from mttcg.processes.translator_process import receive, take_next
from mttcg.vcpu.channel import Channel
from mttcg.vcpu.messages import Optimise


def asked(place: int | None, number: int = 0) -> Optimise:
    return Optimise({"page": number}, place, ())


def test_functions_come_before_whole_pages_and_each_in_its_order() -> None:
    waiting = [asked(None), asked(8), asked(None, 1), asked(4)]
    order = [take_next(waiting) for _ in range(4)]
    assert order == [asked(8), asked(4), asked(None), asked(None, 1)] and waiting == []


def test_what_vcpus_ask_for_is_taken_until_they_are_gone() -> None:
    pairs = [Channel.pair() for _ in range(2)]
    with selectors.DefaultSelector() as selector:
        for ours, _ in pairs:
            selector.register(ours, selectors.EVENT_READ)
        assert receive(selector, 0) == []
        for _, theirs in pairs:
            theirs.send(asked(4))
        assert [message.place for message in receive(selector, None)] == [4, 4]
        for _, theirs in pairs:
            theirs.close()
        assert receive(selector, None) == [] and not selector.get_map()
    for ours, _ in pairs:
        ours.close()


def test_what_is_left_when_the_vcpus_are_gone_is_killed_and_waited_for() -> None:
    child = os.fork()
    if child == 0:
        signal.pause()
    end_rest({child: TRANSLATOR})
    with pytest.raises(ChildProcessError):
        os.waitpid(child, 0)
