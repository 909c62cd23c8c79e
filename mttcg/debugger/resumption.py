"""How a debugger lets threads go on (GDB manual, E.2, `vCont`): each packet in ways of harts."""

from mttcg.debugger.guest import RefusedError
from mttcg.vcpu.protocol.stop_point import Motion

OFFERED = b"vCont;c;C;s;S"
"""The actions that there are; signals are a program's, and a hart has none."""
WAYS = {b"c": Motion.GO, b"C": Motion.GO, b"s": Motion.STEP, b"S": Motion.STEP}
ALL = (b"-1", b"0")


def thread_of(text: bytes, count: int) -> int | None:
    """The hart of a thread, None for all of them; RefusedError if there is none."""
    if text in ALL:
        return None
    number = int(text, 16)
    if not 1 <= number <= count:
        raise RefusedError(f"there is no thread {number}")
    return number - 1


def ways_of(actions: bytes, count: int) -> list[Motion]:
    """How each hart goes on by `vCont`: the first action that is for it; without one it stands."""
    ways: list[Motion | None] = [None] * count
    for action in actions.split(b";"):
        what, _, thread = action.partition(b":")
        if what[:1] not in WAYS:
            raise RefusedError(f"there is no action {what!r}")
        cpu = thread_of(thread, count) if thread else None
        for each in range(count) if cpu is None else (cpu,):
            ways[each] = ways[each] or WAYS[what[:1]]
    return [way or Motion.STAND for way in ways]
