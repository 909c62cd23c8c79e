"""The vCPU host: one process that loads everything heavy once, then forks a process per vCPU.

Started by the supervisor as `python -m mttcg.machine.host FD`, FD being one end of a Channel. It
has no threads before it forks, and its vCPUs share its pages until they write to them.
"""

import contextlib
import ctypes
import io
import os
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from functools import partial
from typing import Any, NoReturn

from mttcg.errors import EXIT_FAULT, EXIT_USER
from mttcg.instrument.native_cache import use_native_cache
from mttcg.vcpu.channel import Channel
from mttcg_bus.stream import StreamSpec

PR_SET_PDEATHSIG, PR_SET_NAME = 1, 15
TRANSLATOR = -1
"""Stands for the translator where others are vCPUs."""


def die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process when its parent ends (prctl(2)); interrupts are not ours.

    The supervisor decides what Ctrl-C means. Leaves at once if process `parent` has ended already.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if os.getppid() != parent:
        os._exit(EXIT_FAULT)


def name_process(name: str) -> None:
    """Be shown by that name, up to 15 characters, by ps and top (prctl(2))."""
    ctypes.CDLL(None).prctl(PR_SET_NAME, name.encode())


def load_plugins(declarations: Any, specs: list[str]) -> dict[str, Any]:
    """Load the plugins and run their plugin_init; PluginError if one refuses or raises."""
    from mttcg.errors import PluginError
    from mttcg.instrument import loader, session
    from mttcg.instrument.options import parse_spec

    session.set_guest(declarations)
    plugins: dict[str, Any] = {}
    for spec in specs:
        source = loader.find_plugin(parse_spec(spec).target)
        with session.calling(source.name):
            plugin = loader.load_plugin(spec)
            if plugin.name in plugins:
                raise PluginError(plugin.name, "is given twice; expected it once")
            plugins[plugin.name] = plugin
            initialise(plugin, loader.own_file(source))
    return plugins


def initialise(plugin: Any, file: str) -> None:
    """Run a plugin's plugin_init if it has one; `file` is where the plugin's own code is."""
    from mttcg.errors import PluginError
    from mttcg.instrument.loader import describe_failure

    init = getattr(plugin.module, "plugin_init", None)
    if init is None:
        return
    try:
        accepted = init(plugin.options)
    except (Exception, SystemExit) as error:
        wrong = f"plugin_init raised {describe_failure(error, file)}"
        raise PluginError(plugin.name, wrong) from error
    if accepted is False:
        raise PluginError(plugin.name, "plugin_init returned False; expected it to accept the run")


def describe(declarations: Any, plugins: dict[str, Any]) -> dict[str, Any]:
    """What the supervisor has to make room for."""
    from mttcg.instrument.targets import BlockTable, Board

    boards = [thing for thing in declarations.things.values() if isinstance(thing, Board)]
    streams = [thing for thing in declarations.things.values() if not isinstance(thing, Board)]
    return {
        "streams": [spec_of(stream).to_plain() for stream in streams],
        "boards": [
            {"plugin": b.plugin, "name": b.name, "kind": b.kind, "words": b.words} for b in boards
        ],
        "tables": [
            {"plugin": b.plugin, "name": b.name, "stream": b.stream.name}
            for b in boards
            if isinstance(b, BlockTable)
        ],
        "plugins": [
            {
                "name": plugin.name,
                "spec": plugin.spec.text,
                "aggregator": plugin.aggregator is not None,
                "in_shards": plugin.aggregator is not None and plugin.aggregator.in_shards,
            }
            for plugin in plugins.values()
        ],
    }


def spec_of(stream: Any) -> StreamSpec:
    """A declared stream as the bus knows it."""
    name = f"{stream.plugin}.{stream.name}"
    return StreamSpec(name, stream.dtype, policy=stream.policy, batch=stream.batch)


def fork_vcpus(message: dict[str, Any], descriptors: list[int], context: Any) -> dict[int, int]:
    """Fork a process per vCPU, which take the descriptors over, and llvm's translator.

    Gives their indexes by process id.
    """
    from mttcg.machine.vcpu_process import main as run_vcpu

    children: dict[int, int] = {}
    flush_output()
    parent = os.getpid()
    for index in range(message["smp"]):
        child = os.fork()
        if child == 0:
            die_with_parent(parent)
            name_process(f"vcpu{index}")
            end_with(partial(run_vcpu, index, message, descriptors, context))
        children[child] = index
    if message["engine"] == "llvm":
        children[fork_translator(message, descriptors, parent)] = TRANSLATOR
    for descriptor in descriptors:
        os.close(descriptor)  # the end of a vCPU is to be the end of its channel and console
    return children


def fork_translator(message: dict[str, Any], descriptors: list[int], parent: int) -> int:
    """Fork the process that makes better code of hot pages; its process id."""
    from mttcg.machine.translator_process import main as run_translator

    child = os.fork()
    if child == 0:
        die_with_parent(parent)
        name_process("translator")
        end_with(partial(run_translator, message, descriptors))
    return child


def end_with(run: Callable[[], int]) -> NoReturn:
    """Run something to the end of this process; what the host would do next is not for it."""
    status = EXIT_FAULT
    try:
        status = run()
    except BaseException:
        traceback.print_exc()
    finally:
        flush_output()
        os._exit(status)


def print_by_line() -> None:
    """Let what plugins print be seen line by line, also if their process is killed.

    A line is one write, PYTHONUNBUFFERED or not: those of several machines do not mix.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True, write_through=False)


def flush_output() -> None:
    """Write out what is left of a line: a fork would double it, and an _exit lose it."""
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            with contextlib.suppress(OSError, ValueError):
                stream.flush()


def main(descriptor: int) -> int:
    """Serve one machine, told what to do through a channel at a descriptor."""
    channel = Channel(socket.socket(fileno=descriptor))
    try:
        return serve(channel)
    finally:
        channel.close()


def serve(channel: Channel) -> int:
    """Load the plugins, fork the vCPUs, and say of each how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)  # a parent's SIG_IGN would stay, and hide deaths
    received = channel.receive()
    if received is None:
        return 0
    message, _ = received
    die_with_parent(message["supervisor"])
    print_by_line()
    use_native_cache()

    from mttcg.errors import MttcgError
    from mttcg.instrument.clock import look, ticks_per_second
    from mttcg.vcpu.guest import Declarations
    from mttcg_bus.errors import BusError

    declarations = Declarations(message["symbols"])
    try:
        begun = look()
        plugins = load_plugins(declarations, message["plugins"])
        needs = describe(declarations, plugins)
        needs["ticks_per_second"] = ticks_per_second(begun) if needs["streams"] else 0
        channel.send({"ready": needs})
    except (MttcgError, BusError) as error:
        channel.send({"error": str(error)})
        return EXIT_USER
    received = channel.receive()
    if received is None:
        return 0
    children = fork_vcpus(*received, (declarations, plugins))
    while set(children.values()) - {TRANSLATOR}:
        pid, status = os.wait()
        index = children.pop(pid, None)
        exit_status = os.waitstatus_to_exitcode(status)
        if index == TRANSLATOR:
            channel.send({"translator": exit_status})
        elif index is not None:  # not a process that a plugin started
            channel.send({"ended": index, "status": exit_status})
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
