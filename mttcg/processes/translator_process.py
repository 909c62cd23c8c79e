"""The translator process: makes the best code of places in which vCPUs spend time, beside them.

It reads the vCPUs' samples, and asks the vCPU that was at the hottest place last what its page is.
Then it makes better code of the function around the place; of the whole page where the functions'
better code is missed. While there are no samples it sleeps.
"""

import mmap
import os
import selectors
import socket
import time
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import numpy as np

from mttcg.config import Config
from mttcg.engine.llvm.arena import Arena
from mttcg.engine.llvm.frame import INSTRUCTIONS_PER_LOOK
from mttcg.engine.llvm.heat import Heat
from mttcg.engine.llvm.improver import DescribedPlace, Improver
from mttcg.engine.llvm.kept.keeper import OpenedStore
from mttcg.engine.llvm.llvm_isa import llvm_isa
from mttcg.engine.llvm.translate import PageVersion
from mttcg.hardware.boards import board_named
from mttcg.isa.registry import isa_named
from mttcg.memory.address import Virtual
from mttcg.processes.segments import fixed_sizes, map_segment
from mttcg.state.samples import Samples
from mttcg.state.vcpu_state import ENDED, Activity
from mttcg.tbcache.cache import BlockCache
from mttcg.vcpu.machine.shared import Harts, MachineState
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.host_messages import Start
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.vcpu_messages import PageOfPlace
from mttcg_bus.host.limits import check_memory_room

PLACE_HEAT = 32
"""Samples at a place that are worth a function: half a million instructions."""
RENEW_SECONDS = 0.1
"""While more waits, vCPUs are told of better code no more often: they have to learn it anew."""
LEAST_OF_ALL = 1
"""Samples at a place, in a whole run, for it to be translated for the next."""
LOWEST_PRIORITY, LOWER_PRIORITY = 19, 5
"""Of nice(2): behind a run, and where vCPUs can use all processors, which they get most of then."""
FINISH_CPU_SECONDS, FINISH_SECONDS = 20, 120
"""How long the translator goes on after the run, for the next: of its own time, and in all."""
ANSWER_SECONDS = 0.02
"""Longer it waits for no answer before it looks what else is hot."""
POLL_SECONDS, LONGEST_POLL = 0.002, 0.128
"""Seconds to the next look at the samples, while none are hot; twice as long each time."""
NATIVE_ROOM = 64 << 20
"""Bytes to have at the start, as a vCPU has to."""


def ask_to_leave(harts: Harts, vcpu: int) -> bool:
    """Ask a vCPU to come out of translated code; False if it is gone."""
    if vcpu >= harts.count or Activity(harts.harts[vcpu].state) in ENDED:
        return False
    harts.request(vcpu)
    return True


class TranslatorProcess:
    """Translates what is hottest.

    Args:
        harts: of the vCPUs.
        samples: theirs.
        channels: to them, in order.
        arena: where the code is.
        heat: of places.
        improver: makes the code.

    Attributes:
        asked: vCPUs that have not answered yet.
        told: when the vCPUs were told of better code, and `news`, whether there is some since.
        poll: seconds to the next look at samples that are not many.
    """

    def __init__(
        self,
        harts: Harts,
        samples: Samples,
        channels: Sequence[Channel],
        arena: Arena,
        heat: Heat,
        improver: Improver,
    ) -> None:
        self.harts, self.samples, self.channels = harts, samples, channels
        self.arena, self.heat, self.improver = arena, heat, improver
        self.asked: set[int] = set()
        self.told, self.news = time.monotonic(), False
        self.poll = POLL_SECONDS

    def run(self) -> None:
        """Go on until no vCPU is left."""
        with selectors.DefaultSelector() as selector:
            for cpu, channel in enumerate(self.channels):
                selector.register(channel, selectors.EVENT_READ, cpu)
            while selector.get_map():
                came = self._take_samples()
                self._meet(self.improver.improve_page())
                hot = self._ask_for_hottest()
                if self.news and (not hot or time.monotonic() - self.told >= RENEW_SECONDS):
                    self._tell()
                for cpu, message in receive(selector, self._pause(came, hot)):
                    if isinstance(message, PageOfPlace):
                        self._take_answer(cpu, message)

    def finish(self) -> None:
        """Go on with what was hottest of all that ran, for later runs, within bounds."""
        self._take_samples()
        self.arena.ask_to_leave = lambda vcpu: False  # none runs, whatever one that was killed said
        begun, before = time.monotonic(), time.process_time()
        for place in self.heat.hottest_of_all(LEAST_OF_ALL):
            used = time.process_time() - before
            if used > FINISH_CPU_SECONDS or time.monotonic() - begun > FINISH_SECONDS:
                return
            self.improver.improve_alone(place)

    def _take_samples(self) -> bool:
        """Take the vCPUs' samples; whether there are some."""
        came = 0
        retired = sum(hart.instructions for hart in self.harts.harts)
        self.heat.fade(retired // INSTRUCTIONS_PER_LOOK)
        for cpu in range(self.harts.count):
            pcs = self.samples.take(cpu)
            came += len(pcs)
            self.heat.add(cpu, pcs)
        return came > 0

    def _ask_for_hottest(self) -> bool:
        """Ask a vCPU for the page of the hottest place, if there is a hot one."""
        place = self.heat.hottest(PLACE_HEAT, without=self.asked)
        if place is None:
            return False
        self.samples.ask(place.vcpu, place.pc)
        self.harts.request(place.vcpu)
        self.asked.add(place.vcpu)
        return True

    def _take_answer(self, cpu: int, answer: PageOfPlace) -> None:
        self.asked.discard(cpu)
        if answer.page is None:
            self.heat.take(answer.pc)
            return
        version = PageVersion.from_plain(answer.page)
        place = DescribedPlace(answer.pc, version, answer.better, answer.device_pages)
        self._meet(self.improver.improve(place))

    def _meet(self, leaders: Collection[Virtual]) -> None:
        """Have better code of some leaders; what was sampled there was before there was some."""
        if leaders:
            self.news = True
            self._take_samples()
            for leader in leaders:
                self.heat.take(leader)

    def _pause(self, came: bool, hot: bool) -> float | None:
        """How many seconds to wait for a message at most; None: until a vCPU tells of samples."""
        self.samples.asleep = sleeps = not (came or hot)
        if hot or sleeps:
            self.poll = POLL_SECONDS
            return None if sleeps else ANSWER_SECONDS
        pause, self.poll = self.poll, min(2 * self.poll, LONGEST_POLL)
        return pause

    def _tell(self) -> None:
        """Let the vCPUs find the code that was made."""
        with self.arena:
            self.arena.renew()
        self.told, self.news = time.monotonic(), False


def receive(
    selector: selectors.BaseSelector, seconds: float | None
) -> Iterator[tuple[int, ProcessMessage]]:
    """What vCPUs say, and which; waits so long for the first, None: as long as it takes."""
    for key, _ in selector.select(seconds):
        received = key.fileobj.receive()  # type: ignore[union-attr]
        if received is None:
            selector.unregister(key.fileobj)
        else:
            yield key.data, received[0]


def make_translator(
    config: Config,
    message: Start,
    descriptors: Sequence[int],
    opened: OpenedStore | None = None,
) -> TranslatorProcess:
    """Map what the translator needs; it closes the descriptors that it does not."""
    fds = dict(zip(message.descriptors, descriptors, strict=True))
    board, isa = board_named(message.board), isa_named(message.isa)
    sizes = fixed_sizes(config, board.state_bytes)
    names = ("cache", "samples", "machine", "harts")
    maps = {name: map_segment(fds[name], sizes[name]) for name in names}
    wake_fds = [fds[f"wake{cpu}"] for cpu in range(config.smp)]
    machine = MachineState(maps["machine"], board.timebase)
    harts = Harts(maps["harts"], wake_fds, machine, isa.system)
    arena = Arena(fds["arena"], sizes["arena"], lambda vcpu: ask_to_leave(harts, vcpu))
    # of RAM it reads what the block cache has of it; so nothing holds RAM behind the run
    ram = np.frombuffer(mmap.mmap(-1, sizes["ram"], mmap.MAP_PRIVATE, mmap.PROT_READ), np.uint8)
    cache = BlockCache(maps["cache"], fds["cache"], ram, board.ram_base, 0, isa.code)
    channels = [Channel(socket.socket(fileno=fds[f"translator{cpu}"])) for cpu in range(config.smp)]
    keep = {*wake_fds, *(channel.fileno() for channel in channels), fds["arena"], fds["cache"]}
    for descriptor in descriptors:
        if descriptor not in keep:
            os.close(descriptor)
    heat = Heat()
    improver = Improver(llvm_isa(isa), cache.ram_range, cache, arena, heat, opened)
    if opened is not None:
        with arena:
            arena.count_stored(0, opened.kept.refused)
    samples = Samples(maps["samples"], config.smp)
    return TranslatorProcess(harts, samples, channels, arena, heat, improver)


def main(
    config: Config,
    message: Start,
    descriptors: list[int],
    opened: OpenedStore | None = None,
) -> int:
    """Be the translator; the process's exit status."""
    translator = make_translator(config, message, descriptors, opened)
    check_memory_room(NATIVE_ROOM, "for translations")
    if config.smp >= len(os.sched_getaffinity(0)):
        os.nice(LOWER_PRIORITY)
    translator.run()
    if opened is not None:
        locks = translator.arena.lock, translator.improver.cache.lock
        leave_the_run({lock.descriptor for lock in locks})
        with opened.store.alone() as alone:
            if alone:
                opened.store.bound()
                translator.finish()
    return 0


def leave_the_run(kept: Collection[int]) -> None:
    """Go on alone, behind all else that the host does, with no open file but some.

    Who reads what the run wrote, or waits for its end, waits for nobody who holds its files. Their
    numbers stay in use, so that who closes one later closes nobody else's.
    """
    os.setsid()
    os.nice(LOWEST_PRIORITY)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for opened in list(Path("/proc/self/fd").iterdir()):
        if int(opened.name) not in {nowhere, *kept}:
            os.dup2(nowhere, int(opened.name), inheritable=False)
