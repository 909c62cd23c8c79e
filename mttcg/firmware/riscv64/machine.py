"""TIME and SRST: the hart's timer and the end of the machine (SBI 2.0, chapters 6 and 10)."""

from mttcg.firmware.firmware import CallAnswer, Then
from mttcg.firmware.riscv64.call import A0, Call, Functions, SbiError, answer

TIMER, SYSTEM_RESET = 0x54494D45, 0x53525354
SHUTDOWN, COLD_REBOOT, WARM_REBOOT = 0, 1, 2
NO_REASON, SYSTEM_FAILURE = 0, 1
PLATFORMS = range(0xE000_0000, 0x1_0000_0000)
"""Reasons that are the platform's or the firmware's own."""


def _set_timer(call: Call) -> CallAnswer:
    """A hart has stimecmp, so this is the same (Sstc)."""
    call.hart.stimecmp = call.arguments[0]
    return answer(then=Then.LOOK)


def _reset(call: Call) -> CallAnswer:
    kind, reason = (argument & 0xFFFF_FFFF for argument in call.arguments[:2])
    if reason not in (NO_REASON, SYSTEM_FAILURE) and reason not in PLATFORMS:
        return answer(SbiError.INVALID_PARAM)
    if kind in PLATFORMS:
        return answer(SbiError.NOT_SUPPORTED)
    if kind not in (SHUTDOWN, COLD_REBOOT, WARM_REBOOT):
        return answer(SbiError.INVALID_PARAM)
    if kind != SHUTDOWN:
        call.ports.say("the guest asks for a reboot, which ends the run")
    call.ports.finish(reason)
    return answer()


def _legacy_set_timer(call: Call) -> CallAnswer:
    _set_timer(call)
    return CallAnswer({A0: 0}, Then.LOOK)


def _legacy_shutdown(call: Call) -> CallAnswer:
    call.ports.finish(0)
    return CallAnswer()


EXTENSIONS: dict[int, Functions] = {TIMER: {0: _set_timer}, SYSTEM_RESET: {0: _reset}}
LEGACY = {0: _legacy_set_timer, 8: _legacy_shutdown}
"""See `console.LEGACY`."""
