"""IPI and RFENCE: what a hart asks of others (SBI 2.0, chapters 7 and 8)."""

from collections.abc import Callable
from typing import Any

from mttcg.firmware.firmware import CallAnswer
from mttcg.firmware.riscv64.call import Call, Functions, SbiError, answer, harts_of
from mttcg.isa.riscv64.interrupts import SUPERVISOR_SOFTWARE
from mttcg.isa.riscv64.translation import SPACE_AT, SPACE_BITS
from mttcg.memory.fence import full_fence
from mttcg.state.vcpu_state import Power

INTERPROCESSOR, REMOTE_FENCES = 0x735049, 0x52464E43
OF_CODE, OF_ALL_SPACES, OF_SPACE = 0, 1, 2
"""Functions of the latter."""
SPACE_ARGUMENT = 4
"""Which of OF_SPACE's arguments is the space."""
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


def _fence(
    call: Call,
    *,
    translations: bool,
    code: bool,
    concerns: Callable[[Any], bool] = lambda _hart: True,
) -> CallAnswer:
    """Have those harts fenced that it concerns. All is dropped, not an address; that is allowed."""
    harts, fences = harts_of(call, *call.arguments[:2]), call.ports.fences
    if harts is None:
        return answer(SbiError.INVALID_PARAM)
    assert fences is not None, "the extension is not there without"
    fences.ask([n for n in harts if concerns(call.ports.harts[n])], translations, code)
    return answer()


def _fence_code(call: Call) -> CallAnswer:
    return _fence(call, translations=False, code=True)


def _fence_translations(call: Call) -> CallAnswer:
    return _fence(call, translations=True, code=False)


def _fence_space(call: Call) -> CallAnswer:
    """Harts in another address space have nothing of this one: a write of satp drops all.

    One that comes into it now walks the tables as they are: between its write of satp and its first
    walk is a full fence, as there is one here between the change of the tables and this look.
    """
    space = call.arguments[SPACE_ARGUMENT]
    full_fence()
    return _fence(
        call,
        translations=True,
        code=False,
        concerns=lambda hart: is_in_space(hart.satp, space),
    )


def is_in_space(satp: int, space: int) -> bool:
    """Whether a hart with this satp is in an address space; for native code as well."""
    return (satp >> SPACE_AT ^ space) & SPACE_BITS == 0


EXTENSIONS: dict[int, Functions] = {INTERPROCESSOR: {0: _interrupt}}
WITH_FENCES: dict[int, Functions] = {
    REMOTE_FENCES: {
        OF_CODE: _fence_code,
        OF_ALL_SPACES: _fence_translations,
        OF_SPACE: _fence_space,
    }
}
"""With the ports' fences; those of a hypervisor (functions 3 to 6) are not there."""
