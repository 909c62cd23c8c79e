"""HSM: harts that are started, stopped and suspended (SBI 2.0, chapter 9).

A hart's power is changed by itself, or, from STOPPED to START_PENDING, by whoever starts it, under
the machine's lock, as two may want to at once. What it starts with is stored before.
"""

from mttcg.firmware.firmware import CallAnswer, Then
from mttcg.firmware.riscv64.call import Call, Functions, SbiError, answer
from mttcg.memory.address import Physical, Virtual
from mttcg.state.vcpu_state import Power

HART_STATE_MANAGEMENT = 0x48534D
RETENTIVE, NON_RETENTIVE = 0, 0x8000_0000
"""The default ways to be suspended; others are the platform's, and there are none."""
HALF = (1 << 32) - 1
"""Of a register: hart_suspend takes 32 bits for the type."""


def _start(call: Call) -> CallAnswer:
    index, address, argument = call.arguments[:3]
    ports = call.ports
    if index >= len(ports.harts):
        return answer(SbiError.INVALID_PARAM)
    if address % 2 or not ports.ram.range.holds(Physical(address)):
        return answer(SbiError.INVALID_ADDRESS)
    hart = ports.harts[index]
    with ports.lock:
        if hart.power == Power.STARTED:
            return answer(SbiError.ALREADY_AVAILABLE)
        if hart.power != Power.STOPPED:
            return answer(SbiError.INVALID_PARAM)
        # Shared: written by whoever starts the hart, with the lock; the power comes last.
        hart.start_pc, hart.start_argument = Virtual(address), argument
        hart.power = Power.START_PENDING
    ports.wake(index)
    return answer()


def _stop(call: Call) -> CallAnswer:
    """The vCPU is asleep, and counted so, before it says that it is stopped."""
    return answer(then=Then.STOP)


def _status(call: Call) -> CallAnswer:
    index = call.arguments[0]
    if index >= len(call.ports.harts):
        return answer(SbiError.INVALID_PARAM)
    return answer(value=call.ports.harts[index].power)


def _suspend(call: Call) -> CallAnswer:
    kind, address, argument = call.arguments[:3]
    kind &= HALF
    if kind == RETENTIVE:
        return answer(then=Then.SLEEP)
    if kind != NON_RETENTIVE:
        reserved = 0 < kind < 0x1000_0000 or NON_RETENTIVE < kind < 0x9000_0000
        return answer(SbiError.INVALID_PARAM if reserved else SbiError.NOT_SUPPORTED)
    if address % 2 or not call.ports.ram.range.holds(Physical(address)):
        return answer(SbiError.INVALID_ADDRESS)
    return answer(then=Then.SLEEP_AND_RESTART, place=(Virtual(address), argument))


EXTENSIONS: dict[int, Functions] = {
    HART_STATE_MANAGEMENT: {0: _start, 1: _stop, 2: _status, 3: _suspend}
}
