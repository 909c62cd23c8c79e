"""What the publisher does with commands: it passes on those of who may give them."""

from mttcg_bus.errors import ProtocolError
from mttcg_bus.publisher.router import NO_ROOM, Posted, Router
from mttcg_bus.wire import control, wire
from mttcg_bus.wire.limits import LARGEST_HEADER, MOST_COMMANDS
from mttcg_bus.wire.plain import Bytes


class Commands:
    """The commands of one run that have no result yet; the supervisor is who does them."""

    def __init__(self, router: Router, supervisor: control.ControlSocket) -> None:
        self._router, self._supervisor = router, supervisor
        self._asked = 0
        self._waiting: dict[int, tuple[bytes, int]] = {}

    def take(self, who: bytes, command: wire.Command, payload: Bytes, refusal: str) -> None:
        """Pass on the command of the peer `who`, or say why not: `refusal` if that is not empty.

        payload: its arguments.
        """
        if not refusal and len(self._waiting) >= MOST_COMMANDS:
            refusal = f"{MOST_COMMANDS} commands are under way; expected fewer"
        try:
            arguments = wire.unpack(payload, LARGEST_HEADER) if not refusal else {}
        except ProtocolError as error:
            refusal = str(error)
        if refusal:
            self._router.answer(who, wire.Result(command.number, refusal))
            return
        self._asked += 1
        self._waiting[self._asked] = who, command.number
        self._supervisor.send(control.Command(self._asked, command.name, arguments))

    def answer(self, answer: control.Answer) -> None:
        """Give a result to whoever asked for it, if that is still there."""
        who, number = self._waiting.pop(answer.question)
        payload = wire.pack(answer.answer)
        if self._router.answer(who, wire.Result(number, answer.error), payload) is Posted.FULL:
            self._router.answer(who, wire.Result(number, answer.error or f"it was done; {NO_ROOM}"))
