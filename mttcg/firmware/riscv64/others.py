"""IPI and RFENCE: what a hart asks of others (SBI 2.0, chapters 7 and 8)."""

from mttcg.firmware.firmware import CallAnswer
from mttcg.firmware.riscv64.call import Call, Functions, SbiError, answer, harts_of
from mttcg.isa.riscv64.interrupts import SUPERVISOR_SOFTWARE
from mttcg.state.vcpu_state import Power

INTERPROCESSOR, REMOTE_FENCES = 0x735049, 0x52464E43
AWAKE = (Power.STARTED, Power.SUSPENDED)
"""A hart that is not can't be interrupted; it begins without interrupts pending."""


def _interrupt(call: Call) -> CallAnswer:
    harts = harts_of(call, *call.arguments[:2])
    if harts is None:
        return answer(SbiError.INVALID_PARAM)
    for index in harts:
        if call.ports.harts[index].power in AWAKE:
            call.ports.inputs[index].line(SUPERVISOR_SOFTWARE).raise_()
    return answer()


def _fence(call: Call, *, translations: bool, code: bool) -> CallAnswer:
    """Addresses and address spaces are not looked at: all is dropped, which is allowed."""
    harts, fences = harts_of(call, *call.arguments[:2]), call.ports.fences
    if harts is None:
        return answer(SbiError.INVALID_PARAM)
    assert fences is not None, "the extension is not there without"
    fences.ask(harts, translations, code)
    return answer()


def _fence_code(call: Call) -> CallAnswer:
    return _fence(call, translations=False, code=True)


def _fence_translations(call: Call) -> CallAnswer:
    return _fence(call, translations=True, code=False)


EXTENSIONS: dict[int, Functions] = {INTERPROCESSOR: {0: _interrupt}}
WITH_FENCES: dict[int, Functions] = {
    REMOTE_FENCES: {0: _fence_code, 1: _fence_translations, 2: _fence_translations}
}
"""With the ports' fences; those of a hypervisor (functions 3 to 6) are not there."""
