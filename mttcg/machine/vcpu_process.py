"""One vCPU process, from the fork to its end: it maps the segments and runs its `Vcpu`."""

import ctypes
import os
import select
import socket
import traceback
from dataclasses import dataclass
from typing import Any

import numpy as np

from mttcg.config import PAGE_SIZE, Config
from mttcg.engine.unicorn.engine import Memory, UnicornEngine
from mttcg.instrument import session
from mttcg.instrument.errors import CallbackError
from mttcg.instrument.targets import BlockTable
from mttcg.isa.riscv64.hart import State
from mttcg.machine.board import RAM_BASE, Board, Wiring, build_board
from mttcg.machine.devices import htif, uart16550
from mttcg.machine.segments import board_stride, fixed_sizes, map_segment
from mttcg.tbcache.cache import BlockCache
from mttcg.vcpu.channel import Channel
from mttcg.vcpu.guest import GuestOfVcpu
from mttcg.vcpu.rings import Emitters
from mttcg.vcpu.shared import HTIF_STATE, UART_STATE, Ending, Harts, MachineState
from mttcg.vcpu.tables import executed_blocks
from mttcg.vcpu.vcpu import Vcpu

ENGINES = {"unicorn": UnicornEngine}


@dataclass(frozen=True)
class HtifPlaces:
    """Where the guest image has its HTIF words."""

    tohost: int | None
    fromhost: int | None


def address_of(memory: memoryview) -> int:
    """Host address of a writable buffer, which has to stay alive."""
    return ctypes.addressof(ctypes.c_char.from_buffer(memory))


class VcpuProcess:
    """What one vCPU process has mapped and made.

    Args:
        index: the vCPU.
        message: the supervisor's start message, see `start_message`.
        descriptors: those that came with it, which the message names by position.
        context: declarations and plugins from before the fork.
    """

    def __init__(
        self, index: int, message: dict[str, Any], descriptors: list[int], context: Any
    ) -> None:
        self.index, self.message = index, message
        self.fds = {name: descriptors[at] for name, at in message["fds"].items()}
        self.declarations, self.plugins = context
        smp, memory = message["smp"], message["memory"]
        sizes = fixed_sizes(smp, memory)
        self.maps = {name: map_segment(self.fds[name], size) for name, size in sizes.items()}
        self.machine = MachineState(self.maps["machine"])
        wake_fds = [self.fds[f"wake{cpu}"] for cpu in range(smp)]
        self.harts = Harts(self.maps["harts"], wake_fds, self.machine)
        self.channel = Channel(socket.socket(fileno=self.fds[f"vcpu{index}"]))
        self.ram = np.frombuffer(self.maps["ram"], dtype=np.uint8)
        self.cache = BlockCache(self.maps["cache"], self.fds["cache"], self.ram, RAM_BASE, index)
        self.boards = self._map_boards()
        self.emitters = Emitters(
            index,
            {
                (plugin, name): self.fds[f"ring {plugin}.{name} {index}"]
                for plugin, name in message["streams"]
            },
            self.fds["doorbell"],
            self.fds[f"space{index}"],
        )
        self.failed = False

    def _map_boards(self) -> dict[tuple[str, str], Any]:
        boards = {}
        for plugin, name, words in self.message["boards"]:
            size = board_stride(words)
            memory = map_segment(self.fds[f"board {plugin}.{name}"], size, self.index * size)
            boards[plugin, name] = np.frombuffer(memory, dtype=np.uint64, count=words)
        return boards

    def board(self) -> Board:
        """The devices, wired to this process."""
        config = Config(guest=self.message["guest"], smp=self.message["smp"], memory=len(self.ram))
        state = self.maps["machine"]
        console_input = self.fds["console_input"]
        return build_board(
            config,
            HtifPlaces(*self.message["htif"]),
            Wiring(
                ram=self.maps["ram"],
                clint_harts=self.harts,
                finish=self.finish,
                console_output=lambda data: write_all(self.fds["console_output"], data),
                console_input=lambda: take_character(console_input),
                console_waiting=lambda: bool(select.select([console_input], [], [], 0)[0]),
                uart_state=state[UART_STATE : UART_STATE + uart16550.STATE_SIZE],
                htif_state=state[HTIF_STATE : HTIF_STATE + htif.STATE_SIZE],
            ),
        )

    def finish(self, status: int) -> None:
        """The guest ends itself."""
        self.stop(Ending.GUEST, status)

    def stop(self, ending: Ending, status: int = 0) -> None:
        """Stop every vCPU."""
        self.machine.stop(ending, status)
        self.harts.request_all()
        os.eventfd_write(self.fds["notice"], 1)

    def callback_failed(self, error: CallbackError) -> None:
        """A plugin's function raised: the guest is stopped in order, and the run says why."""
        self.failed = True
        self.channel.send({"failure": str(error), "ending": Ending.CALLBACK})
        self.stop(Ending.CALLBACK)

    def run(self) -> None:
        """Run the vCPU to its end."""
        ram = (RAM_BASE, self.maps["ram"])
        guest = GuestOfVcpu(
            index=self.index,
            harts=self.harts.harts,
            plugins=self.plugins,
            declarations=self.declarations,
            emitters=self.emitters,
            boards=lambda board, _cpu: self.boards[board.plugin, board.name],
            channel=self.channel,
            ram=ram,
            failed=self.callback_failed,
        )
        session.set_guest(guest)
        board = self.board()
        memory = Memory(
            ram=address_of(self.maps["ram"]),
            ram_base=RAM_BASE,
            ram_size=len(self.ram),
            cache=address_of(self.maps["cache"]),
            device_pages=device_pages(board),
        )
        hart = self.harts.harts[self.index]
        vcpu = Vcpu(
            self.index,
            self.harts,
            self.machine,
            board.mmio,
            ram,
            guest,
            lambda discover: ENGINES[self.message["engine"]](memory, hart, self.cache, discover),
            self.fds["notice"],
        )
        vcpu.start(self.message["entry"], self.message["device_tree"])
        vcpu.run()
        self._emit_tables()
        for plugin in self.plugins.values():
            leave = getattr(plugin.module, "plugin_exit", None)
            if leave is not None:
                guest.call(plugin.name, leave, moment="outside of a vCPU", pc=hart.pc)

    def _emit_tables(self) -> None:
        for thing in self.declarations.things.values():
            if isinstance(thing, BlockTable):
                words = self.boards[thing.plugin, thing.name]
                records = executed_blocks(words, self.cache)
                self.emitters.producer(thing.stream).append(records)


def device_pages(board: Board) -> tuple[int, ...]:
    """Numbers of the RAM pages in which a device lies."""
    return tuple(
        page
        for placed in board.mmio.ranges()
        if placed.device.in_ram
        for page in range(
            (placed.base - RAM_BASE) // PAGE_SIZE, (placed.end - 1 - RAM_BASE) // PAGE_SIZE + 1
        )
    )


def write_all(descriptor: int, data: bytes) -> None:
    """Write to the console; it takes as long as the console takes, and a closed one takes all."""
    try:
        while data:
            data = data[os.write(descriptor, data) :]
    except BrokenPipeError:
        return


def take_character(descriptor: int) -> int | None:
    """One character of console input if one waits."""
    if not select.select([descriptor], [], [], 0)[0]:
        return None
    try:
        taken = os.read(descriptor, 1)
    except BlockingIOError:
        return None  # another vCPU was quicker
    return taken[0] if taken else None


def main(index: int, message: dict[str, Any], descriptors: list[int], context: Any) -> int:
    """Be vCPU `index`; the process's exit status."""
    if message["pin"]:
        allowed = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, {allowed[index % len(allowed)]})
    process = VcpuProcess(index, message, descriptors, context)
    hart = process.harts.harts[index]
    try:
        process.run()
        hart.state = State.FAILED if process.failed else State.STOPPED
    except BaseException:
        hart.state = State.FAILED
        process.channel.send({"failure": traceback.format_exc(), "ending": Ending.FAULT})
        process.stop(Ending.FAULT)
    process.emitters.close()
    process.channel.close()
    return 0
