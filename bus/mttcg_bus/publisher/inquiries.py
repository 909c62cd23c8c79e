"""What the publisher answers to questions: the ledger at once, a snapshot with the supervisor."""

from collections.abc import Iterable, Mapping
from typing import Any

from mttcg_bus.errors import ProtocolError
from mttcg_bus.publisher.delivery import RemoteSubscriber, Source
from mttcg_bus.publisher.garbage import Garbage
from mttcg_bus.publisher.router import NO_ROOM, Posted, Router
from mttcg_bus.ring.ledger import Ledger
from mttcg_bus.ring.ring import ledger_of
from mttcg_bus.wire import control, wire
from mttcg_bus.wire.limits import MOST_QUESTIONS
from mttcg_bus.wire.plain import mapping_of, take_text

WHAT = ("ledger", "snapshot")


class Inquiries:
    """The questions of one run.

    run: its description, plain. sources: what it publishes. supervisor: who has the counters.
    garbage: what came that is none of the protocol's. past: the ledgers of streams that were let go
    of.
    """

    def __init__(
        self,
        run: dict[str, Any],
        sources: Mapping[tuple[str, int], Source],
        router: Router,
        supervisor: control.ControlSocket,
        garbage: Garbage,
        past: Mapping[str, Ledger],
    ) -> None:
        self._run, self._sources, self._garbage, self._past = run, sources, garbage, past
        self._router, self._supervisor = router, supervisor
        self._asked = 0
        self._waiting: dict[int, tuple[bytes, dict[str, list[int]]]] = {}

    def _answer(self, who: bytes, message: wire.Message, payload: bytes) -> None:
        if self._router.answer(who, message, payload) is Posted.FULL:
            self._router.answer(who, wire.Refused(NO_ROOM))

    def ask(self, who: bytes, what: str, subscribers: Iterable[RemoteSubscriber]) -> None:
        """Answer the question of the peer `who`."""
        if what == "ledger":
            self._answer(who, wire.LedgerNow(), wire.pack(self._ledger(subscribers)))
        elif what == "snapshot" and len(self._waiting) < MOST_QUESTIONS:
            self._asked += 1
            self._waiting[self._asked] = who, self._numbers()
            self._supervisor.send(control.Wanted(self._asked))
        else:
            wrong = f"question {what!r}; expected {' or '.join(WHAT)}, and not too many at once"
            self._router.answer(who, wire.Refused(wrong))

    def _numbers(self) -> dict[str, list[int]]:
        """Number of the next record of each stream, by vCPU."""
        numbers: dict[str, list[int]] = {}
        for source in self._sources.values():  # in order of vCPUs
            numbers.setdefault(source.stream.name, []).append(source.ring.next)
        return numbers

    def answer(self, state: control.State) -> None:
        """Pass on what the supervisor says; ProtocolError if nobody asked, or it says nothing."""
        if state.question not in self._waiting:
            raise ProtocolError(f"an answer to question {state.question}, which nobody asked")
        if state.error:
            who, _ = self._waiting.pop(state.question)
            self._router.answer(who, wire.Refused(state.error))
            return
        tables = [mapping_of(t, "table") for t in state.state.get("tables", [])]
        names = {take_text(table, "stream") for table in tables}
        who, numbers = self._waiting.pop(state.question)
        streams = [s.stream.to_plain() for s in self._sources.values() if s.cpu == 0]
        payload = {
            "run": self._run,
            "next": numbers,
            "streams": [stream for stream in streams if stream["name"] in names],
            "counters": state.state.get("counters", {}),
            "tables": tables,
            "at_ns": state.state.get("at_ns", 0),
            "vcpus": state.state.get("vcpus", []),
        }
        self._answer(who, wire.SnapshotNow(), wire.pack(payload))

    def _ledger(self, subscribers: Iterable[RemoteSubscriber]) -> dict[str, Any]:
        found = dict(self._past)
        for (name, _), source in self._sources.items():
            found[name] = found.get(name, Ledger()) + ledger_of(source.ring.words)
        streams = {name: ledger.to_plain() for name, ledger in found.items()}
        there = [{"name": one.name, "ledger": one.ledger()} for one in subscribers]
        garbage = self._garbage.to_plain()
        return {"streams": streams, "subscribers": there, "garbage": garbage}
