"""The vCPU host: one process that loads everything heavy once, then forks a process per vCPU.

Started by the supervisor as `python -m mttcg.processes.host FD ENGINE`, FD being one end of a
Channel; what the engine needs is loaded before the supervisor says more. It has no threads before
it forks, and its vCPUs share its pages until they write to them.
"""

import contextlib
import ctypes
import gc
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from mttcg.errors import EXIT_FAULT, EXIT_REFUSED, EXIT_USER
from mttcg.instrument.native.native_cache import use_native_cache
from mttcg.parent import signal_at_end_of_parent
from mttcg.processes.device_end import FLUSH_SECONDS
from mttcg.terminal import tell_error
from mttcg.vcpu.protocol.channel import Channel
from mttcg.vcpu.protocol.host_messages import (
    DevicesEnded,
    HostRefused,
    HostWarning,
    Prepare,
    Ready,
    RehearsalEnded,
    RehearsalRefused,
    Rehearse,
    Rehearsed,
    Start,
    TranslatorEnded,
    VcpuEnded,
)
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.messages import expect
from mttcg.vcpu.protocol.needs import LoadedPlugin, NeededScoreboard, NeededTable, Needs
from mttcg_bus.host.limits import host_refusal
from mttcg_bus.wire.stream import StreamSpec

if TYPE_CHECKING:
    from mttcg.config import Config
    from mttcg.engine.llvm.kept.keeper import OpenedStore
    from mttcg.vcpu.instrumentation.guest import Declarations
    from mttcg.vcpu.machine.device_transfers import TransferLog
    from mttcg_bus.run_info import RunInfo

PR_SET_NAME = 15
TRANSLATOR, REHEARSAL, DEVICES = -1, -2, -3
"""Stand for the translator, a process that tries a plugin, and the device process, where others are
vCPUs."""


def die_with_parent(parent: int, within: int = 0) -> None:
    """Ask the kernel to kill this process when its parent ends (prctl(2)); interrupts are not ours.

    The supervisor decides what Ctrl-C means. Leaves at once if process `parent` has ended already.
    within: seconds for which it may go on behind that, with whatever it is at then.
    """
    number = signal.SIGKILL
    if within:
        number = signal.SIGUSR1
        signal.signal(number, lambda *_: signal.alarm(within))
    signal_at_end_of_parent(number)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.getppid() != parent:
        os._exit(EXIT_FAULT)


def name_process(name: str) -> None:
    """Be shown by that name, up to 15 characters, by ps and top (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())


def describe(declarations: Any, plugins: dict[str, Any]) -> Needs:
    """What the supervisor has to make room for."""
    from mttcg.instrument.api.targets import BlockTable, VcpuWords
    from mttcg.processes.check_counters import OWNER

    scoreboards = [thing for thing in declarations.things.values() if isinstance(thing, VcpuWords)]
    others = [thing for thing in declarations.things.values() if not isinstance(thing, VcpuWords)]
    streams = [stream for stream in others if stream.plugin != OWNER]
    return Needs(
        streams=tuple(spec_of(stream).to_plain() for stream in streams),
        scoreboards=tuple(
            NeededScoreboard(b.plugin, b.name, "" if b.plugin == OWNER else b.kind, b.words)
            for b in scoreboards
        ),
        tables=tuple(
            NeededTable(b.plugin, b.name, b.stream.name)
            for b in scoreboards
            if isinstance(b, BlockTable)
        ),
        plugins=tuple(
            LoadedPlugin(
                name=plugin.name,
                spec=plugin.spec.text,
                aggregator=plugin.aggregator is not None,
                in_shards=plugin.aggregator is not None and plugin.aggregator.in_shards,
            )
            for plugin in plugins.values()
        ),
    )


def spec_of(stream: Any) -> StreamSpec:
    """A declared stream as the bus knows it."""
    name = f"{stream.plugin}.{stream.name}"
    return StreamSpec(name, stream.dtype, policy=stream.policy, batch=stream.batch)


def fork_all(
    config: "Config",
    message: Start,
    descriptors: list[int],
    context: Any,
    channel: Channel,
    opened: "OpenedStore | None",
) -> dict[int, int]:
    """Fork a process per vCPU, and the device process and translator, if any.

    They take the descriptors over. Gives their indexes by process id. channel: to the supervisor.
    opened: code of earlier runs, if there is to be some.
    """
    from mttcg.processes.engine_modules import load_engine, load_interpreter
    from mttcg.processes.vcpu_process import main as run_vcpu
    from mttcg.vcpu.machine.timer import wake_on_time

    load_engine(config.engine_name)
    if config.engine_name == "llvm":
        load_interpreter(message.isa, observing=config.check or bool(config.plugins))
    children: dict[int, int] = {}
    flush_output()
    parent = os.getpid()
    transfers = transfer_log(message, context[1])
    if "devices" in message.descriptors:
        child = fork_devices(config, message, descriptors, channel, parent, transfers)
        children[child] = DEVICES
    for index in range(config.smp):
        child = os.fork()
        if child == 0:
            die_with_parent(parent)
            name_process(f"vcpu{index}")
            wake_on_time()
            given = config, message, descriptors, (*context, transfers), opened
            end_with(partial(run_vcpu, index, *given))
        children[child] = index
    if config.has_tier("optimised"):
        forked = fork_translator(config, message, descriptors, parent, opened)
        children[forked] = TRANSLATOR
    os.close(transfers.room)
    for descriptor in descriptors:
        os.close(descriptor)  # the end of a vCPU is to be the end of its channel and console
    return children


def transfer_log(message: Start, plugins: Mapping[str, Any]) -> "TransferLog":
    """The log of what devices do with guest memory, which processes share that are forked."""
    from mttcg.hardware.boards import board_named
    from mttcg.vcpu.machine.device_transfers import TransferLog

    log = TransferLog(board_named(message.board).slots)
    log.wanted = any(hasattr(plugin.module, "plugin_dma") for plugin in plugins.values())
    return log


def open_code_store(config: "Config", isa: str, channel: Channel) -> "OpenedStore | None":
    """The code of earlier runs; None if there is to be none, or it is refused, which is told."""
    folder = config.code_store
    if folder is None or not config.has_tier("optimised"):
        return None
    from mttcg.engine.llvm.interpreter.interpreted_isa import interpreted_isa
    from mttcg.engine.llvm.kept.code_store import StoreRefusedError
    from mttcg.engine.llvm.kept.keeper import open_store
    from mttcg.isa.registry import isa_named

    try:
        return open_store(folder, interpreted_isa(isa_named(isa)))
    except StoreRefusedError as refused:
        channel.send(HostWarning(str(refused)))
        return None


def fork_translator(
    config: "Config",
    message: Start,
    descriptors: list[int],
    parent: int,
    opened: "OpenedStore | None",
) -> int:
    """Fork the process that makes better code of hot pages; its process id."""
    from mttcg.processes.translator_process import FINISH_SECONDS
    from mttcg.processes.translator_process import main as run_translator

    child = os.fork()
    if child == 0:
        die_with_parent(parent, 0 if opened is None else FINISH_SECONDS)
        name_process("translator")
        end_with(partial(run_translator, config, message, descriptors, opened))
    return child


def fork_devices(
    config: "Config",
    message: Start,
    descriptors: list[int],
    channel: Channel,
    parent: int,
    transfers: "TransferLog",
) -> int:
    """Fork the device process, and wait until its devices are there; its process id."""
    from mttcg.processes.device_process import main as run_devices

    ready, telling = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ready)
        die_with_parent(parent)
        name_process("devices")
        end_with(partial(run_devices, config, message, descriptors, channel, telling, transfers))
    os.close(telling)
    os.read(ready, 1)  # nothing if it has ended, which the supervisor is told of
    os.close(ready)
    return child


def end_with(run: Callable[[], int]) -> NoReturn:
    """Run something to the end of this process; what the host would do next is not for it."""
    status = EXIT_FAULT
    try:
        status = run()
    except BaseException as error:
        if host_refusal(error):
            status = EXIT_REFUSED
        else:
            tell_error(error)
    finally:
        flush_output()
        os._exit(status)


def flush_output() -> None:
    """Write out what is left of a line: a fork would double it, and an _exit lose it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def main(descriptor: int, engine: str) -> int:
    """Serve one machine, told what to do through a channel at a descriptor."""
    channel = Channel(socket.socket(fileno=descriptor))
    gc.disable()  # what is loaded stays: to look through it again and again finds nothing
    try:
        load(engine)
        return serve(channel)
    except Exception as error:
        refused = host_refusal(error)
        if not refused:
            raise
        channel.send(HostRefused(f"the vCPU host: {refused}"))
        return EXIT_USER
    finally:
        channel.close()


def load(engine: str) -> None:
    """Load what the vCPUs of most runs share, while the supervisor gets ready."""
    use_native_cache()
    from mttcg.hardware.boards import DEFAULT_BOARD, board_named
    from mttcg.instrument.loading import initialise  # noqa: F401
    from mttcg.instrument.native import clock  # noqa: F401
    from mttcg.isa.registry import DEFAULT
    from mttcg.processes.engine_modules import load_engine, load_hooks, load_interpreter

    board_named(DEFAULT_BOARD)
    load_engine(engine)
    if engine == "llvm":
        load_interpreter(DEFAULT)
    else:
        load_hooks(DEFAULT)


def serve(channel: Channel) -> int:
    """Load the plugins, fork the vCPUs, and say of each how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a parent's SIG_IGN would stay, and hide deaths
    received = channel.receive()
    if received is None:
        return 0
    message = expect(received[0], Prepare)
    config = message.config
    die_with_parent(message.supervisor)
    from mttcg.processes.printing import print_by_line

    print_by_line()
    use_native_cache()

    from mttcg.errors import MttcgError
    from mttcg.instrument.loading.initialise import load_plugins
    from mttcg.instrument.native.clock import look, ticks_per_second
    from mttcg.instrument.program.guest_isa import use_isa
    from mttcg.instrument.program.reach import Reach
    from mttcg.vcpu.instrumentation.guest import Declarations
    from mttcg_bus.errors import BusError
    from mttcg_bus.run_info import RunInfo

    use_isa(message.isa)
    gc.freeze()  # what plugins make is looked through for what is left of them, this is not
    gc.enable()
    reach = Reach.from_plain(message.reach) if message.reach is not None else None
    declarations = Declarations(message.symbols, config.smp, reach)
    run = RunInfo.from_plain(message.run) if message.run is not None else None
    if config.check:
        from mttcg.processes.check_counters import attach

        attach(declarations)
    try:
        plugins = load_plugins(declarations, config.plugins, run)
        needs = describe(declarations, plugins)
        wanted = needs.streams or config.control  # a plugin with streams may come later
        rate = ticks_per_second(declarations.first_reading or look()) if wanted else 0
        channel.send(Ready(needs, rate, tuple(declarations.warnings)))
    except (MttcgError, BusError) as error:
        channel.send(HostRefused(str(error)))
        return EXIT_USER
    opened = open_code_store(config, message.isa, channel)  # while the supervisor gets ready
    received = channel.receive()
    if received is None:
        return 0
    start, descriptors = expect(received[0], Start), received[1]
    children = fork_all(config, start, descriptors, (declarations, plugins), channel, opened)
    finishing = TRANSLATOR if config.code_store is not None else None
    watch_children(channel, partial(rehearse, channel, declarations, run), children, finishing)
    return 0


def watch_children(
    channel: Channel,
    rehearse: Callable[[Rehearse], int],
    children: dict[int, int],
    finishing: int | None = None,
) -> None:
    """Say of each vCPU how it ended, till all have; rehearse plugins meanwhile, in children."""
    ends = {os.pidfd_open(pid): pid for pid in children}
    poller = select.poll()
    for descriptor in (channel.fileno(), *ends):
        poller.register(descriptor, select.POLLIN)
    while set(children.values()) - {TRANSLATOR, REHEARSAL, DEVICES}:
        for descriptor, _ in poller.poll():
            if descriptor == channel.fileno():
                received = channel.receive()
                if received is None:
                    poller.unregister(channel)
                    continue
                pid = fork_rehearsal(partial(rehearse, expect(received[0], Rehearse)))
                end = os.pidfd_open(pid)
                children[pid], ends[end] = REHEARSAL, pid
                poller.register(end, select.POLLIN)
                continue
            poller.unregister(descriptor)
            os.close(descriptor)
            pid = ends.pop(descriptor)
            status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
            channel.send(told_of_end(children.pop(pid), status))
    end_rest(children, finishing)


def end_rest(children: dict[int, int], finishing: int | None = None) -> None:
    """End what no vCPU needs any more, and see it gone: its CPU time is part of ours then.

    finishing: which of them goes on by itself, and ends soon.

    The device process ends by itself, with its files whole, or is killed at last.
    """
    for pid, index in children.items():
        if index != finishing:
            os.kill(pid, signal.SIGTERM if index == DEVICES else signal.SIGKILL)
    for pid, index in children.items():
        if index == finishing:
            continue
        end = os.pidfd_open(pid)
        if index == DEVICES and not select.select([end], [], [], FLUSH_SECONDS)[0]:
            os.kill(pid, signal.SIGKILL)
        os.close(end)
        os.waitpid(pid, 0)


def told_of_end(index: int, status: int) -> ProcessMessage:
    """What the supervisor hears of a process's end."""
    others = {TRANSLATOR: TranslatorEnded, REHEARSAL: RehearsalEnded, DEVICES: DevicesEnded}
    return others[index](status) if index in others else VcpuEnded(index, status)


def fork_rehearsal(rehearse: Callable[[], int]) -> int:
    """Fork a process that loads a plugin to see whether it can be, and what it needs; its id.

    It says so through the channel, and ends.
    """
    flush_output()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        die_with_parent(parent)
        name_process("rehearsal")
        end_with(rehearse)
    return child


def rehearse(
    channel: Channel, first: "Declarations", run: "RunInfo | None", message: Rehearse
) -> int:
    """Load a plugin; the exit status."""
    from mttcg.errors import MttcgError
    from mttcg.instrument.loading.initialise import load_anew
    from mttcg.vcpu.instrumentation.guest import Declarations
    from mttcg_bus.errors import BusError

    declarations = Declarations(first.symbols, first.count, first.reach)
    try:
        plugin = load_anew(declarations, message.spec, run)
        needs = describe(declarations, {plugin.name: plugin})
    except (MttcgError, BusError) as error:
        channel.send(RehearsalRefused(message.number, str(error)))
    else:
        channel.send(Rehearsed(message.number, needs))
    return 0


if __name__ == "__main__":
    descriptor, *loaded = sys.argv[1:]
    end_with(partial(main, int(descriptor), *loaded))  # the kernel lets go of what is left, at once
