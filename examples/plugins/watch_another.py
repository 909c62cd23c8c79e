r"""Watch a function on another vCPU for a while: attaching and taking away during the run.

    mttcg run examples/guests/mix.elf --smp 2 --set rounds=10 --quiet \
        --plugin examples/plugins/watch_another.py

    ...
    vCPU 0: fibonacci is watched on vCPU 1
    vCPU 0: fibonacci was called there, and is no longer watched
    vCPU 1: calls seen after that: 0

Any callback may change what is attached, on its own vCPU or on another. A change does not wait: it
gives a ticket, which is done when the change is in force on all vCPUs that it concerns. From then
on a new callback runs at every execution, and one that was taken away never again. What goes to
another vCPU has to have a name there: a function at module level, and a value of plain data.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from mttcg.instrument import Cpu, Scoreboard, Ticket, instrument, option, symbol, uninstrument

# vCPUs are processes, which share no variables. They do share the words of a scoreboard: each
# vCPU writes its own, and reads those of all.
CALLS, OVER = 0, 1
words = Scoreboard("words", 2)


@dataclass(frozen=True)
class Options:
    function: str = option("fibonacci", help="symbol of the function")
    calls: int = option(100, help="for how many calls at least to watch it")


options: Options
steps: list[Iterator[None]] = []
late = 0


def plugin_init(given: Options) -> bool:
    global options
    options = given
    instrument(0, symbol(given.function), on_own_call)
    return True


def on_own_call(cpu: Cpu, _opaque: None) -> None:
    """Go a step further at each call on vCPU 0: a callback must not wait for a ticket."""
    if not steps:
        steps.append(watch(cpu))
    next(steps[0], None)


def watch(cpu: Cpu) -> Iterator[None]:
    place = symbol(options.function)
    attached: Ticket = instrument(1, place, on_other_call, "plain data")
    while not attached.done:
        yield
    print(f"vCPU 0: {options.function} is watched on vCPU 1")
    while words.values(1)[CALLS] < options.calls:
        yield
    gone: Ticket = uninstrument(1, place, on_other_call, "plain data")
    while not gone.done:
        yield
    words.values(0)[OVER] = 1
    print(f"vCPU 0: {options.function} was called there, and is no longer watched")
    uninstrument(cpu, place, on_own_call)


def on_other_call(cpu: Cpu, _opaque: str) -> None:
    global late
    words.values(cpu.index)[CALLS] += 1
    late += int(words.values(0)[OVER])


def plugin_vcpu_exit(cpu: Cpu) -> None:
    if cpu.index == 1:
        print(f"vCPU 1: calls seen after that: {late}")
