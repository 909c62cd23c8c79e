"""A session of a debugger over a guest that is none: packets, their order, and damaged ones."""

from collections.abc import Callable, Collection, Sequence

import pytest

from mttcg.debugger.guest import Point, RefusedError, Then, WentBack
from mttcg.debugger.packets import LARGEST_WAITING, Packet, PacketReader, encode
from mttcg.debugger.session import MOST_QUEUED, Session
from mttcg.isa.debug_description import DebugDescription
from mttcg.isa.riscv64.debug_description import DESCRIPTION
from mttcg.memory.address import Virtual
from mttcg.vcpu.protocol.stop_point import MOST_WATCHED, Motion, Reason
from mttcg.vcpu.protocol.vcpu_messages import HartStopped


class StandingGuest:
    """A guest of two harts that stands whenever it is asked."""

    count = 2
    description: DebugDescription = DESCRIPTION
    takes_turns: bool = False

    def __init__(self) -> None:
        self.went: list[list[Motion]] = []
        self.stood = 0

    def stand(self, then: Then) -> None:
        self.stood += 1
        then()

    def go(self, ways: Sequence[Motion], points: Collection[Point]) -> None:
        self.went.append(list(ways))

    def go_back(
        self, cpu: int | None, points: Collection[Point], then: Callable[[WentBack], None]
    ) -> None:
        raise AssertionError("it has no way back")

    def read_register(self, cpu: int, name: str) -> int:
        return 0x1000 if name == "pc" else 0

    def write_register(self, cpu: int, name: str, value: int) -> None:
        raise RefusedError(f"{name} can't be written")

    def read_memory(self, cpu: int, address: int, size: int) -> bytes:
        return bytes(size)

    def write_memory(self, cpu: int, address: int, data: bytes) -> None: ...

    def describe(self, cpu: int) -> str:
        return ""

    def command(self, line: str, then: Callable[[str], None]) -> None:
        then(line)

    def end(self) -> None: ...


@pytest.fixture
def talk() -> tuple[StandingGuest, Session, list[bytes]]:
    guest, sent = StandingGuest(), list[bytes]()
    return guest, Session(guest, sent.append, lambda: None), sent


Talk = tuple[StandingGuest, Session, list[bytes]]


def test_a_request_to_stop_right_behind_going_on_is_not_lost(talk: Talk) -> None:
    guest, session, sent = talk
    session.take(encode(b"vCont;c") + b"\x03")
    assert guest.went == [[Motion.GO, Motion.GO]]
    assert guest.stood == 2 and sent[-1] == encode(b"T02thread:1;")


def test_a_second_hart_that_stopped_is_told_of_next(talk: Talk) -> None:
    guest, session, sent = talk
    session.take(encode(b"Z0,1000,4") + encode(b"vCont;c"))
    for cpu in (1, 0):
        session.hart_stopped(cpu, HartStopped(Reason.BREAKPOINT, 0x1000, 0))
    stop = b"T05thread:%x;20:0010000000000000;swbreak:;"
    assert sent[-1] == encode(stop % 2)
    session.take(encode(b"vCont;s:2"))
    session.hart_stopped(1, HartStopped(Reason.STEP, 0x1000, 0))
    assert sent[-1] == encode(b"T05thread:2;20:0010000000000000;")
    session.take(encode(b"vCont;c"))
    assert sent[-1] == encode(stop % 1)
    assert guest.went == [[Motion.GO] * 2, [Motion.STAND, Motion.STEP]]


def test_a_stop_that_is_not_wanted_any_more_is_not_told_of(talk: Talk) -> None:
    guest, session, sent = talk
    session.take(encode(b"Z0,1000,4") + encode(b"vCont;c"))
    for cpu in (1, 0):
        session.hart_stopped(cpu, HartStopped(Reason.BREAKPOINT, 0x1000, 0))
    told = len(sent)
    session.take(encode(b"z0,1000,4") + encode(b"vCont;c"))
    assert [each for each in sent[told:] if each.startswith(b"$T")] == []
    assert guest.went[-1] == [Motion.GO, Motion.GO]


@pytest.mark.parametrize(
    ("asked", "answer"),
    [
        (b"vMustReplyEmpty", b""),
        (b"qXfer:features:read:target.xml:0,5", b"m<?xml"),
        (b"Hg9", b"E01"),
        (b"p9999999", b"E.there is no register 161061273"),
        (b"m10,zz", b"E.this packet can't be read"),
        (b"m80000000,-4", b"E.this packet can't be read"),
        (b"m-4,4", b"E.this packet can't be read"),
        (b"Z0,10000000000000000,4", b"E.this packet can't be read"),
        (b"Z2,fffffffffffffffe,4", b"E.there are no 4 bytes at 0xfffffffffffffffe to watch"),
        (b"Z2,0,0", b"E.there are no 0 bytes at 0x0 to watch"),
        (b"Z2,fffffffffffffffc,4", b"OK"),
        (b"Pf=00", b"E.a5 has 64 bits"),
        (b"P0=0000000000000000", b"E.zero can't be written"),
        (b"M0,2:00", b"E01"),
        (b"vCont;t", b"E.there is no action b't'"),
        (b"Z9,0,4", b""),
        (b"qRcmd,68", b"680a"),
    ],
)
def test_what_is_asked_is_answered(talk: Talk, asked: bytes, answer: bytes) -> None:
    _, session, sent = talk
    session.take(encode(asked))
    assert sent[-1] == encode(answer)


def test_packets_for_harts_that_run_wait_but_not_without_end(talk: Talk) -> None:
    _, session, sent = talk
    session.take(encode(b"vCont;c") + encode(b"qC") * MOST_QUEUED)
    with pytest.raises(ValueError, match="65 packets wait; expected at most 64"):
        session.take(encode(b"qC"))
    session.hart_stopped(0, HartStopped(Reason.STEP, 0, 0))
    assert sent.count(encode(b"QC1")) == MOST_QUEUED + 1


def test_no_more_places_are_watched_than_harts_can(talk: Talk) -> None:
    _, session, sent = talk
    for at in range(MOST_WATCHED):
        session.take(encode(b"Z2,%x,4" % (8 * at)))
        assert sent[-1] == encode(b"OK")
    session.take(encode(b"Z3,1000,4"))
    assert sent[-1] == encode(b"E.64 places are watched already, and no more can be")
    for asked in (b"Z2,0,4", b"Z0,1000,4", b"z2,0,4", b"Z3,1000,4"):
        session.take(encode(asked))
        assert sent[-1] == encode(b"OK")


def test_packets_come_in_any_pieces_and_damaged_ones_are_refused(talk: Talk) -> None:
    _, session, sent = talk
    for byte in encode(b"X0,4:}\x03#$"):
        session.take(bytes((byte,)))
    assert sent[-1] == encode(b"OK")
    session.take(b"$qC#00")
    assert sent[-1] == b"-"
    assert PacketReader().take(encode(b"}#$*")) == [Packet(b"}#$*")]
    with pytest.raises(ValueError, match="of one packet"):
        PacketReader().take(b"$" + bytes(LARGEST_WAITING))


class GoingBack(StandingGuest):
    """A guest whose harts take turns, and that goes back at once."""

    takes_turns = True

    def __init__(self) -> None:
        super().__init__()
        self.back: list[int | None] = []
        self.found = WentBack(1, None)

    def go_back(
        self, cpu: int | None, points: Collection[Point], then: Callable[[WentBack], None]
    ) -> None:
        self.back.append(cpu)
        then(self.found)


def test_a_guest_that_takes_turns_goes_back() -> None:
    guest, sent = GoingBack(), list[bytes]()
    session = Session(guest, sent.append, lambda: None)

    def answer(content: bytes) -> bytes:
        sent.clear()
        session.take(encode(content))
        return b"".join(sent).removeprefix(b"+")

    assert b"ReverseStep+;ReverseContinue+" in answer(b"qSupported")
    assert b"T05thread:2;" in answer(b"bc")
    answer(b"Hc2")
    assert b"T05thread:2;" in answer(b"bs")
    guest.found = WentBack(0, None, at_beginning=True)
    assert b"T05thread:1;" in (told := answer(b"bc")) and b"replaylog:begin;" in told
    assert guest.back == [None, 1, None]
    answer(b"Z2,1000,8")
    guest.found = WentBack(1, HartStopped(Reason.ACCESS, Virtual(0x1000), Virtual(0x1000)))
    assert b"watch:1000;" in answer(b"bc")
    assert b"T05thread:2;" in answer(b"bs"), "which GDB makes at once, from where it stands"
    assert guest.back == [None, 1, None, None]
    answer(b"vCont;s:2")
    assert guest.went == [[Motion.GO, Motion.STEP]], "none is held while another runs"


def test_a_guest_in_parallel_has_no_way_back(talk: Talk) -> None:
    _, session, sent = talk
    for packet in (b"bc", b"bs"):
        sent.clear()
        session.take(encode(packet))
        assert sent[-1] == encode(b"")
