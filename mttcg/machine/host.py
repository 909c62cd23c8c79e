"""The vCPU host: one process that loads everything heavy once, then forks a process per vCPU.

Started by the supervisor as `python -m mttcg.machine.host FD`, FD being one end of a Channel. It
has no threads before it forks, and its vCPUs share its pages until they write to them.
"""

import ctypes
import hashlib
import os
import signal
import socket
import sys
import traceback
from pathlib import Path
from typing import Any

from mttcg.vcpu.channel import Channel
from mttcg_bus.stream import StreamSpec

PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent ends (prctl(2)); interrupts are not ours.

    The supervisor decides what Ctrl-C means.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def use_native_cache() -> None:
    """Let numba keep compiled code per user, apart for every state of our sources.

    numba notices a changed file, but not a changed function that it calls in another.
    """
    package = Path(__file__).parent.parent
    digest = hashlib.blake2b(digest_size=8)
    for source in sorted(package.rglob("*.py")):
        digest.update(source.read_bytes())
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ.setdefault("NUMBA_CACHE_DIR", str(base / "mttcg" / digest.hexdigest()))


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
            init = getattr(plugin.module, "plugin_init", None)
            if init is None:
                continue
            try:
                accepted = init(plugin.options)
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                wrong = f"plugin_init raised {type(error).__name__}: {error}"
                raise PluginError(
                    plugin.name, f"{wrong} ({where.filename}:{where.lineno})"
                ) from error
            if accepted is False:
                raise PluginError(plugin.name, "plugin_init returned False")
    return plugins


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
            {"name": plugin.name, "spec": plugin.spec.text, "aggregator": aggregates(plugin)}
            for plugin in plugins.values()
        ],
    }


def aggregates(plugin: Any) -> bool:
    """Whether a plugin has a second half."""
    return hasattr(plugin.module, "Aggregator")


def spec_of(stream: Any) -> StreamSpec:
    """A declared stream as the bus knows it."""
    name = f"{stream.plugin}.{stream.name}"
    return StreamSpec(name, stream.dtype, policy=stream.policy, batch=stream.batch)


def fork_vcpus(message: dict[str, Any], descriptors: list[int], context: Any) -> dict[int, int]:
    """Fork a process per vCPU; their process ids and indexes."""
    from mttcg.machine import vcpu_process

    children: dict[int, int] = {}
    for index in range(message["smp"]):
        child = os.fork()
        if child == 0:
            die_with_parent()
            os._exit(vcpu_process.main(index, message, descriptors, context))
        children[child] = index
    return children


def main(descriptor: int) -> int:
    """Serve one machine."""
    die_with_parent()
    channel = Channel(socket.socket(fileno=descriptor))
    received = channel.receive()
    if received is None:
        return 0
    use_native_cache()
    message, _ = received

    from mttcg.errors import MttcgError
    from mttcg.vcpu.guest import Declarations

    declarations = Declarations(message["symbols"])
    try:
        plugins = load_plugins(declarations, message["plugins"])
        channel.send({"ready": describe(declarations, plugins)})
    except MttcgError as error:
        channel.send({"error": str(error), "exit_status": error.exit_status})
        return error.exit_status
    received = channel.receive()
    if received is None:
        return 0
    children = fork_vcpus(*received, (declarations, plugins))
    channel.send({"vcpus": [[index, pid] for pid, index in children.items()]})
    while children:
        pid, status = os.wait()
        channel.send({"ended": children.pop(pid), "status": os.waitstatus_to_exitcode(status)})
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
