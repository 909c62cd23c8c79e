"""The interrupt line of a virtio device, which both halves of it drive."""

from mttcg.hardware.devices.virtio.layout import BackWord, FrontWord, Interrupt
from mttcg.hardware.interrupts.ports import Line
from mttcg.memory.fence import full_fence


def interrupt_status(words: memoryview) -> int:
    """InterruptStatus: what was raised since it was acknowledged last."""
    # each count has one writer; both are only compared for being equal
    status = 0
    if words[BackWord.USED_RAISED] != words[FrontWord.USED_TAKEN]:
        status |= Interrupt.USED
    if words[BackWord.CONFIG_RAISED] != words[FrontWord.CONFIG_TAKEN]:
        status |= Interrupt.CONFIG
    return status


def settle(line: Line | None, words: memoryview) -> None:
    """Bring the line to the level that InterruptStatus asks for; after every change of that.

    Either half may do so at any time. Whoever sets the level looks at the status again after that,
    with a full fence between: so a level that was set by an older status is set again. A level
    that the other half overwrote was set after that half changed the status, which is then seen.
    """
    if line is None:
        return
    while True:
        high = interrupt_status(words) != 0
        (line.raise_ if high else line.lower)()
        full_fence()
        if (interrupt_status(words) != 0) == high:
            return
