"""The translator process: makes the best code of pages in which vCPUs spend time, beside them."""

import os
import selectors
import socket
import time

import numpy as np

from mttcg.config import Config
from mttcg.engine.llvm.arena import Arena, CodeTooLongError
from mttcg.engine.llvm.compile import TranslationError
from mttcg.engine.llvm.llvm_isa import llvm_isa
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.translate import Identity, PageVersion, Translator
from mttcg.hardware.boards import board_named
from mttcg.isa.registry import isa_named
from mttcg.memory.ram import RamRange
from mttcg.processes.segments import fixed_sizes, map_segment
from mttcg.state.vcpu_state import ENDED, Activity
from mttcg.tbcache.cache import BlockCache
from mttcg.vcpu.channel import Channel
from mttcg.vcpu.messages import Optimise, Start, expect
from mttcg.vcpu.shared import Harts, MachineState
from mttcg_bus.host.limits import check_memory_room

RENEW_SECONDS = 0.1
"""While more waits, vCPUs are told of better code no more often: they have to learn it anew."""
MOST_WAITING = 64
"""More stay in the channels, which get full then: the vCPUs ask again later."""
NATIVE_ROOM = 64 << 20
"""Bytes to have at the start, as a vCPU has to."""


def ask_to_leave(harts: Harts, vcpu: int) -> bool:
    """Ask a vCPU to come out of translated code; False if it is gone."""
    if vcpu >= harts.count or Activity(harts.harts[vcpu].state) in ENDED:
        return False
    harts.request(vcpu)
    return True


class TranslatorProcess:
    """What the translator process has mapped, and what it has done.

    Args:
        config: of the run.
        message: the supervisor's start message.
        descriptors: those that came with it.
    """

    def __init__(self, config: Config, message: Start, descriptors: list[int]) -> None:
        fds = dict(zip(message.descriptors, descriptors, strict=True))
        board = board_named(message.board)
        sizes = fixed_sizes(config, board.state_bytes)
        maps = {name: map_segment(fds[name], sizes[name]) for name in ("ram", "cache")}
        machine = MachineState(map_segment(fds["machine"], sizes["machine"]), board.timebase)
        isa = isa_named(message.isa)
        self.isa = llvm_isa(isa)
        wake_fds = [fds[f"wake{cpu}"] for cpu in range(config.smp)]
        harts = Harts(map_segment(fds["harts"], sizes["harts"]), wake_fds, machine, isa.system)
        self.arena = Arena(fds["arena"], sizes["arena"], lambda vcpu: ask_to_leave(harts, vcpu))
        ram = np.frombuffer(maps["ram"], dtype=np.uint8)
        self.ram_range = RamRange(board.ram_base, config.memory)
        self.cache = BlockCache(maps["cache"], fds["cache"], ram, board.ram_base, 0, isa.code)
        self.channels = [
            Channel(socket.socket(fileno=fds[f"translator{cpu}"])) for cpu in range(config.smp)
        ]
        keep = {*wake_fds, *(channel.fileno() for channel in self.channels)}
        keep |= {fds["arena"], fds["cache"]}
        for descriptor in descriptors:
            if descriptor not in keep:
                os.close(descriptor)
        self.done: dict[Identity, int] = {}
        self.reclaimed = 0

    def run(self) -> None:
        """Translate what is asked for, until no vCPU is left to ask."""
        told = time.monotonic()
        news = False
        waiting: list[Optimise] = []
        with selectors.DefaultSelector() as selector:
            for channel in self.channels:
                selector.register(channel, selectors.EVENT_READ)
            while selector.get_map():
                if len(waiting) < MOST_WAITING:
                    waiting += receive(selector, 0 if news or waiting else None)
                if news and (not waiting or time.monotonic() - told >= RENEW_SECONDS):
                    with self.arena:
                        self.arena.renew()
                    told, news = time.monotonic(), False
                if waiting:
                    news |= self._optimise(take_next(waiting))

    def _optimise(self, message: Optimise) -> bool:
        """Translate a place, or the page, unless it was done, as known now; whether it is new."""
        ram = Ram(*self.ram_range, message.device_pages)
        version, place = PageVersion.from_plain(message.page), message.place
        if self.reclaimed != self.arena.reclaimed:
            self.reclaimed = self.arena.reclaimed
            self.done.clear()
        blocks = len(self.cache.known_blocks(version.slot))
        if self.done.get(version.identity) == blocks:
            return False
        if place is None:
            self.done[version.identity] = blocks
        try:
            return Translator(self.isa, ram, self.cache, self.arena).optimise(version, place)
        except (TranslationError, CodeTooLongError):
            return False  # the vCPUs go on with the code that they have


def receive(selector: selectors.BaseSelector, seconds: float | None) -> list[Optimise]:
    """What vCPUs ask for; waits so long for the first, None: as long as it takes."""
    messages = []
    for key, _ in selector.select(seconds):
        received = key.fileobj.receive()  # type: ignore[union-attr]
        if received is None:
            selector.unregister(key.fileobj)
        else:
            messages.append(expect(received[0], Optimise))
    return messages


def take_next(waiting: list[Optimise]) -> Optimise:
    """Take the oldest function away, and a whole page, which takes long, only if there is none."""
    functions = (at for at, message in enumerate(waiting) if message.place is not None)
    return waiting.pop(next(functions, 0))


def main(config: Config, message: Start, descriptors: list[int]) -> int:
    """Be the translator; the process's exit status."""
    translator = TranslatorProcess(config, message, descriptors)
    check_memory_room(NATIVE_ROOM, "for translations")
    translator.run()
    return 0
