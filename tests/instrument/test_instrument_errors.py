"""What plugins ask for in vain: an error that says so, in the plugin's hands or on one line."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from instrument_harness import GUESTS, plugin, run_guest

from mttcg.instrument import Cpu, Stream, Ticket, events, instrument, uninstrument
from mttcg.instrument.errors import (
    NoGuestError,
    StateUnavailableError,
    TicketTimeoutError,
    UnknownRegisterError,
)

TARGET = {
    "stream of another dtype": "events.INSTRUCTION",
    "stream of another dtype at a block": "events.BLOCK",
    "stream of executions": "events.ACCESS",
    "table at an instruction": "blocks only",
    "table at accesses": "blocks only",
    "scoreboard": "attach a Counter",
    "no function": "expected a function, probe, Counter",
    "nothing": "expected a function, probe, Counter",
    "probe with a number": "not 5",
}
PROBE = {
    "probe that can't be compiled": "refusals.py:",
    "probe at a block": "it takes (cpu, pc, words); expected (cpu, pc, instructions, words)",
}
DECLARATION = {
    "counter twice": "declared twice",
    "stream with a counter's name": "declared twice",
    "values before the start": "before the guest starts",
    "value before the start": "before the guest starts",
    "emit before the start": "before the guest starts",
    "counter during the run": "too late",
    "stream during the run": "too late",
    "words of no vCPU": "no vCPU 2",
    "words of a negative vCPU": "no vCPU -1",
    "emit for another vCPU": "vCPU 0 can't emit for vCPU 1",
}
NOT_PORTABLE = {
    "lambda for another vCPU": "module level",
    "inner function for all": "module level",
    "bound method for all": "module level",
    "another module's function": "module level",
    "opaque object for another vCPU": "numbers, text",
    "opaque array for another vCPU": "numbers, text",
    "opaque lambda for another vCPU": "module level",
    "opaque not a number": "numbers, text",
}
EXPECTED = {
    **{what: ("TargetError", said) for what, said in TARGET.items()},
    **{what: ("ProbeError", said) for what, said in PROBE.items()},
    **{what: ("DeclarationError", said) for what, said in DECLARATION.items()},
    **{what: ("NotPortableError", said) for what, said in NOT_PORTABLE.items()},
    "unknown symbol": ("UnknownSymbolError", "'nowhere'"),
    "unknown symbol during the run": ("UnknownSymbolError", "'nowhere'"),
    "from a thread": ("OutsidePluginError", "outside of a plugin"),
    "waiting for one's own vCPU": ("TicketTimeoutError", "after 0.01 s"),
    "waiting for all": ("TicketTimeoutError", "after 0.01 s"),
}


@pytest.fixture(scope="module")
def refused(
    own_guests: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, list[str]]:
    out = tmp_path_factory.mktemp("refusals") / "out"
    spec = plugin("refusals", out=out)
    done = run_guest(own_guests["sites"], spec, smp=2, symbols={"harts": 2})
    assert done.in_order, done.result.failures
    found: dict[str, list[str]] = json.loads(out.read_text())
    return found


def test_everything_asked_in_vain_is_known(refused: dict[str, list[str]]) -> None:
    assert sorted(refused) == sorted(EXPECTED)


@pytest.mark.parametrize("what", EXPECTED)
def test_error_says_what_is_wrong(refused: dict[str, list[str]], what: str) -> None:
    kind, said = EXPECTED[what]
    assert refused[what][0] == kind
    assert said in refused[what][1]
    assert "\n" not in refused[what][1]


PROBES = {
    "other_arguments": ("def probing(cpu, pc): pass", "(cpu, pc); expected (cpu, pc, words)"),
    "unknown_name": ("def probing(cpu, pc, words): words[0] = nothing", "'nothing' is not defined"),
    "dictionary": ("def probing(cpu, pc, words): sys.modules[pc] = 1", "probing"),
    "context": ("def probing(cpu, pc, words):\n  with open('x') as f: pass", "not supported"),
    "text": ("def probing(cpu, pc, words): words[0] = 'x'", "setitem(array(uint64, 1d, C)"),
}


@pytest.mark.parametrize("name", ["other_arguments", "text"])
def test_bad_probe_is_refused_at_load_in_one_line(tmp_path: Path, name: str) -> None:
    function, said = PROBES[name]
    file = tmp_path / "bad.py"
    file.write_text(
        "import sys\nfrom mttcg.instrument import instrument, probe\n"
        f"@probe\n{function}\ndef plugin_init(_options): instrument(None, None, probing)\n"
    )
    command = [
        sys.executable,
        "-m",
        "mttcg",
        "run",
        str(GUESTS / "hello.elf"),
        "--plugin",
        str(file),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert len(done.stderr.splitlines()) == 1, done.stderr
    assert done.stderr.startswith(
        "mttcg: plugin bad: plugin_init raised ProbeError: probe probing ("
    )
    assert f"{file}:" in done.stderr
    assert said in done.stderr


@pytest.mark.parametrize("name", PROBES)
def test_compiling_a_bad_probe_says_what_is_wrong(name: str) -> None:
    from mttcg.instrument.changes import Where
    from mttcg.instrument.errors import ProbeError
    from mttcg.instrument.native import compile_probe

    function, said = PROBES[name]
    names: dict[str, object] = {"sys": sys}
    exec(function, names)
    with pytest.raises(ProbeError) as caught:
        compile_probe(names["probing"], Where.INSTRUCTION)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.probe == "probing"


@pytest.mark.parametrize("thing", [len, 5, "probing", type("Probe", (), {})()])
def test_what_is_no_function_is_no_probe(thing: object) -> None:
    from mttcg.instrument.changes import Where
    from mttcg.instrument.errors import ProbeError
    from mttcg.instrument.native import compile_probe

    with pytest.raises(ProbeError, match="no Python function"):
        compile_probe(thing, Where.BLOCK)  # type: ignore[arg-type]


def nothing(_cpu: Cpu, _opaque: object) -> None:
    """Do nothing."""


@pytest.mark.parametrize("change", [instrument, uninstrument])
def test_without_a_guest_nothing_can_be_instrumented(change: object) -> None:
    with pytest.raises(NoGuestError, match="no guest in this process"):
        change(None, None, nothing)  # type: ignore[operator]


def test_an_aggregator_may_declare_but_not_emit() -> None:
    stream = Stream("anything", events.BLOCK)
    with pytest.raises(NoGuestError):
        stream.emit(0, np.zeros(1, events.BLOCK))


def test_ticket_waits_until_its_change_is_in_force() -> None:
    asked = []

    def in_force() -> bool:
        asked.append(1)
        return len(asked) > 2

    ticket = Ticket(in_force)
    assert not ticket.done
    ticket.wait(seconds=10)
    assert ticket.done
    assert len(asked) == 3, "what is in force stays so, and is not asked again"


def test_ticket_gives_up_after_its_limit() -> None:
    with pytest.raises(TicketTimeoutError, match=r"after 0\.001 s"):
        Ticket(lambda: False).wait(0.001)


class Nowhere:
    """Registers and memory of no vCPU: whoever comes here was not refused."""

    def __getattr__(self, name: str) -> object:
        raise AssertionError(f"{name} was reached")


def test_a_vcpu_is_closed_outside_of_callbacks() -> None:
    cpu = Cpu(3, 4, Nowhere())  # type: ignore[arg-type]
    assert (int(cpu.index), [10, 11, 12, 13][cpu], repr(cpu)) == (3, 13, "Cpu(3)")
    for refused_there in (
        lambda: cpu.read_register("a0"),
        lambda: cpu.write_register("a0", 1),
        lambda: cpu.write_register("pc", 4),
        lambda: cpu.read_memory(0x8000_0000, 4),
        lambda: cpu.write_memory(0x8000_0000, b"x"),
    ):
        with pytest.raises(StateUnavailableError, match="outside of the callbacks"):
            refused_there()
    with pytest.raises(UnknownRegisterError, match="no register 'eax'"):
        cpu.read_register("eax")
