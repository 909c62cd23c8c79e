"""Changes on their way between vCPUs: numbers, epochs, and the one order that holds for all."""

import json
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.state.vcpu_state import Activity
from mttcg.vcpu.instrumentation.exchange import ChangeExchange
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.messages import expect
from mttcg.vcpu.protocol.orders import MakeChange
from mttcg.vcpu.protocol.vcpu_messages import AskChange

OWN, OTHER = 0, 1


class Exchange:
    """vCPU 0's end, with the supervisor's in the test's hands."""

    def __init__(self) -> None:
        self.supervisor, ours = Channel.pair()
        self.harts: list[Any] = [SimpleNamespace(epoch=0, state=Activity.RUNNING) for _ in range(3)]
        self.made: list[tuple[bool, str]] = []
        self.exchange = ChangeExchange(OWN, ours, self.harts, self.decode, self.make)

    @staticmethod
    def change(add: bool, name: str, cpu: int | None = None) -> Change:
        return Change(add, Attachment("one", Where.INSTRUCTION, cpu, None, name))

    def decode(self, text: str) -> Change:
        add, name, cpu = json.loads(text)
        return self.change(add, name, cpu)

    def make(self, change: Change) -> None:
        self.made.append((change.add, change.attachment.target))

    def send(self, add: bool, name: str, cpu: int | None = None) -> Any:
        return self.exchange.send(self.change(add, name, cpu), json.dumps([add, name, cpu]))

    def spread(self, sender: int, epoch: int, message: AskChange) -> None:
        self.supervisor.send(MakeChange(epoch, sender, message.change, message.number))

    def sent(self) -> AskChange:
        received = self.supervisor.receive()
        assert received is not None
        return expect(received[0], AskChange)


@pytest.fixture
def ends() -> Iterator[Exchange]:
    made = Exchange()
    yield made
    made.supervisor.close()
    made.exchange.channel.close()


def test_a_ticket_is_done_when_every_vcpu_has_its_epoch(ends: Exchange) -> None:
    ticket = ends.send(True, "a")
    for hart in ends.harts:
        hart.epoch = 100
    assert not ticket.done, "its epoch is not known yet"
    for hart in ends.harts:
        hart.epoch = 6
    ends.spread(OWN, 7, ends.sent())
    assert ends.exchange.take_up() == 7
    for hart in ends.harts[:2]:
        hart.epoch = 7
    assert not ticket.done
    ends.harts[2].state = Activity.STOPPED
    assert ticket.done, "a vCPU that has ended calls nothing any more"
    ends.harts[0].epoch = 0
    assert ticket.done, "once done, done for ever"


def test_tickets_in_flight_get_each_its_own_epoch(ends: Exchange) -> None:
    tickets = [ends.send(True, name) for name in "abc"]
    messages = [ends.sent() for _ in tickets]
    ends.spread(OWN, 1, messages[0])
    assert ends.exchange.take_up() == 1
    tickets.append(ends.send(True, "d"))
    messages.append(ends.sent())
    assert len({message.number for message in messages}) == 4
    for epoch, message in enumerate(messages[1:], start=2):
        ends.spread(OWN, epoch, message)
    assert ends.exchange.take_up() == 4
    for epoch in range(5):
        for hart in ends.harts:
            hart.epoch = epoch
        assert [ticket.done for ticket in tickets] == [n <= epoch for n in range(1, 5)]


def test_changes_of_all_vcpus_are_made_in_one_order(ends: Exchange) -> None:
    ends.send(True, "a")
    own = ends.sent()
    ends.spread(OTHER, 1, AskChange(json.dumps([False, "a", None]), 0))
    ends.spread(OWN, 2, own)
    assert ends.exchange.take_up() == 2
    assert ends.made == [(False, "a"), (True, "a")], "made here before, but the other came between"


def test_an_own_change_that_was_undone_is_not_made_again(ends: Exchange) -> None:
    ends.send(True, "a")
    ends.send(False, "a")
    first, second = ends.sent(), ends.sent()
    ends.spread(OWN, 1, first)
    assert ends.exchange.take_up() == 1
    assert ends.made == []
    ends.spread(OWN, 2, second)
    ends.exchange.take_up()
    assert ends.made == [(False, "a")]


def test_changes_for_others_are_not_made_here(ends: Exchange) -> None:
    for epoch, cpu in enumerate((OTHER, OWN, None), start=1):
        change = json.dumps([True, f"for {cpu}", cpu])
        ends.spread(OTHER, epoch, AskChange(change, epoch))
    assert ends.exchange.take_up() == 3
    assert ends.made == [(True, "for 0"), (True, "for None")]


def test_nothing_waiting_is_no_epoch(ends: Exchange) -> None:
    assert ends.exchange.take_up() == 0
    ends.supervisor.close()
    assert ends.exchange.take_up() == 0
