"""DBCN: the debug console (SBI 2.0, chapter 12), and the legacy one (chapter 5)."""

from mttcg.firmware.firmware import CallAnswer
from mttcg.firmware.riscv64.call import A0, Call, Functions, SbiError, answer
from mttcg.memory.address import Physical
from mttcg.state.words import MASK

DEBUG_CONSOLE = 0x4442434E
NO_CHARACTER = MASK
"""Of the legacy console: -1."""


def _place(call: Call) -> tuple[Physical, int] | None:
    """Where the bytes are that a call is about, and how many; None if they are not all in RAM."""
    size, low, high = call.arguments[:3]
    address = Physical(low)
    inside = high == 0 and call.ports.ram.range.holds(address, size)
    return (address, size) if inside else None


def _write(call: Call) -> CallAnswer:
    place = _place(call)
    if place is None:
        return answer(SbiError.INVALID_PARAM)
    call.ports.console.send(call.ports.ram.read(*place))
    return answer(value=place[1])


def _read(call: Call) -> CallAnswer:
    """As much as there is: it does not wait."""
    place = _place(call)
    if place is None:
        return answer(SbiError.INVALID_PARAM)
    taken = bytearray()
    while len(taken) < place[1] and (character := call.ports.console.take()) is not None:
        taken.append(character)
    call.ports.ram.write(place[0], bytes(taken))
    return answer(value=len(taken))


def _write_byte(call: Call) -> CallAnswer:
    call.ports.console.send(bytes([call.arguments[0] & 0xFF]))
    return answer()


def _legacy_put(call: Call) -> CallAnswer:
    """It answers in a0 alone, as all legacy calls do."""
    _write_byte(call)
    return CallAnswer({A0: 0})


def _legacy_get(call: Call) -> CallAnswer:
    character = call.ports.console.take()
    return CallAnswer({A0: NO_CHARACTER if character is None else character})


EXTENSIONS: dict[int, Functions] = {DEBUG_CONSOLE: {0: _write, 1: _read, 2: _write_byte}}
LEGACY = {1: _legacy_put, 2: _legacy_get}
"""Legacy calls, by extension; they have no functions."""
