"""Fences that one hart asks of others: to drop address translations, or to fetch code anew.

Each hart's state has a word of what is asked of it, which anybody sets. The hart clears it before
it does what was asked, and counts that: so who waits until the word is clear, and the count of what
is done has come to that of what was begun, knows that the hart did it after being asked. A hart
that runs no guest code, as it sleeps or has not started, is not waited for: it does all that is
asked of it before it runs any.
"""

import ctypes
import time
from collections.abc import Callable, Iterable, Sequence

from mttcg.engine.base import Engine
from mttcg.instrument.native.native_functions import native_address
from mttcg.memory.host import address_of_buffer
from mttcg.state.vcpu_state import FENCE_CODE, FENCE_TRANSLATIONS, Activity, VcpuState

NATIVE = "mttcg.engine.fence_words"
ASK = ctypes.CFUNCTYPE(ctypes.c_uint64, *[ctypes.c_uint64] * 2)
TAKE = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_uint64)
LOOKS = 32
"""At the others, before the first sleep: one that has a processor is ready after so long."""
PAUSE = 50e-6
"""Seconds between two further looks. To yield instead would take longer where others want the
processor: the scheduler takes it for a wish to come last."""


class RemoteFences:
    """One vCPU's: asks other harts, and does what they ask.

    Args:
        harts: all harts.
        index: of the vCPU.
        engine: its engine.
        is_stopping: whether the machine stops; nobody is waited for then.
    """

    def __init__(
        self,
        harts: Sequence[VcpuState],
        index: int,
        engine: Engine,
        is_stopping: Callable[[], bool],
    ) -> None:
        self.harts, self.index, self.engine = harts, index, engine
        self.is_stopping = is_stopping

    def ask(self, harts: Iterable[int], translations: bool, code: bool) -> None:
        """Have harts drop their translations, or fetch code anew; returns when they have.

        The own hart may be among them. What others ask of it meanwhile is done.
        """
        bits = FENCE_TRANSLATIONS * translations | FENCE_CODE * code
        numbers = set(harts)
        if self.index in numbers:
            self._do(bits)
        asked = [self.harts[number] for number in sorted(numbers - {self.index})]
        for hart in asked:
            ASK(native_address(NATIVE, "ask"))(address_of_buffer(hart.words), bits)
            # translations are dropped natively; for code it comes out to the host
            hart.alert = 1
            if code:
                hart.request = 1
        self._wait(asked)

    def _wait(self, asked: Sequence[VcpuState]) -> None:
        looks = 0
        while any(map(_is_pending, asked)) and not self.is_stopping():
            self.serve()
            looks += 1
            if looks > LOOKS:
                time.sleep(PAUSE)

    def serve(self) -> None:
        """Do what was asked of this hart."""
        hart = self.harts[self.index]
        if hart.fences_asked:
            hart.fences_begun = begun = hart.fences_begun + 1
            bits = TAKE(native_address(NATIVE, "take"))(address_of_buffer(hart.words))
            self._do(bits)
            hart.fences_done = begun

    def _do(self, bits: int) -> None:
        if bits & FENCE_TRANSLATIONS:
            self.engine.fence_translations()
        if bits & FENCE_CODE:
            self.harts[self.index].cache_invalidated += self.engine.fetch_again()


def _is_pending(hart: VcpuState) -> bool:
    """Whether a hart that runs has not done all that it was asked for."""
    if hart.state != Activity.RUNNING:
        return False
    # in this order: it counts what it begins before it clears the word
    return bool(hart.fences_asked) or hart.fences_done < hart.fences_begun
