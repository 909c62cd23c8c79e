"""What plugins ask for in vain: an error that says so, in the plugin's hands or on one line."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from instrument_harness import GUESTS, plugin, run_guest

from mttcg.instrument import Cpu, Stream, Ticket, events, instrument, uninstrument
from mttcg.instrument.api.cpu import CallbackPhase
from mttcg.instrument.errors import (
    BadValueError,
    NoGuestError,
    StateUnavailableError,
    TicketTimeoutError,
    UnknownRegisterError,
)
from mttcg.isa.riscv64.isa import RISCV64

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
    "blocks that trap": "trapped is for executions of instructions",
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
BAD_VALUE = {
    "no such vCPU": "cpu: 2; expected a vCPU, 0 to 1",
    "negative vCPU": "cpu: -1; expected a vCPU, 0 to 1",
    "vCPU as text": "cpu: '1'; expected a whole number",
    "odd pc": "expected an even address",
    "pc as text": "pc: 'steps'; expected an address, as symbol() gives it",
    "pc of 65 bits": "pc: 0x10000000000000000; expected 64 bits",
    "scoreboard of no words": "words of none: 0; expected 1 to",
    "scoreboard of a fraction": "words of half: 0.5; expected a whole number",
    "name of no text": "name: 5; expected text",
    "table of no stream": "stream of another: None; expected a Stream",
    "dtype of no dtype": "dtype of another: 5; expected a numpy dtype",
    "policy of no text": "policy of another: 5; expected text",
    "batch of a fraction": "batch of another: 1.5; expected a whole number",
    "words of half a vCPU": "cpu: 0.5; expected a whole number",
    "value of a vCPU as text": "cpu: '0'; expected a whole number",
    "emit for a vCPU as text": "cpu: '0'; expected a whole number",
    "record with a field too many": "records of accesses: ",
    "record that does not fit": "records of accesses: ",
    "records in two dimensions": "records of accesses: ",
    "no such vCPU during the run": "cpu: 2; expected a vCPU, 0 to 1",
}
EXPECTED = {
    **{what: ("BadValueError", said) for what, said in BAD_VALUE.items()},
    "symbol of no text": ("UnknownSymbolError", "['steps']"),
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
    from mttcg.instrument.api.changes import Where
    from mttcg.instrument.errors import ProbeError
    from mttcg.instrument.native.native import compile_probe

    function, said = PROBES[name]
    names: dict[str, object] = {"sys": sys}
    exec(function, names)
    with pytest.raises(ProbeError) as caught:
        compile_probe(names["probing"], Where.INSTRUCTION)  # type: ignore[arg-type]
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.probe == "probing"


def test_what_is_said_of_a_bad_probe_has_no_styles() -> None:
    from mttcg.instrument.native.probe_errors import probe_error

    said = (
        "\x1b[1m\x1b[1mFailed in nopython mode pipeline (step: frontend)\n"
        '\x1b[1mNo such thing\x1b[0m\n\x1b[1mFile "<string>", line 3:\x1b[0m'
    )
    names: dict[str, Any] = {}
    exec("def probing(cpu, pc, words): pass", names)
    error = probe_error(names["probing"], ValueError(said))
    assert str(error) == "probe probing (<string>:3) can't be compiled: No such thing"


@pytest.mark.parametrize("thing", [len, 5, "probing", type("Probe", (), {})()])
def test_what_is_no_function_is_no_probe(thing: object) -> None:
    from mttcg.instrument.api.changes import Where
    from mttcg.instrument.errors import ProbeError
    from mttcg.instrument.native.native import compile_probe

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
    cpu = Cpu(3, 4, Nowhere(), RISCV64.registers)  # type: ignore[arg-type]
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


HUGE = 10**5000
"""More digits than Python writes in decimal."""


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (-1, "pc: 0xffffffffffffffff; expected an even address"),
        (0x8000_0001, "pc: 0x80000001; expected an even address"),
        (1 << 64, "pc: 0x10000000000000000; expected 64 bits"),
        (-(1 << 63) - 2, "pc: -0x8000000000000002; expected 64 bits"),
        pytest.param(HUGE, "...; expected 64 bits", id="huge"),
        (4.0, "pc: 4.0; expected an address"),
        ("main", "pc: 'main'; expected an address"),
        (None, "pc: None; expected an address"),
    ],
)
@pytest.mark.parametrize("how", ["pc", "write_register"])
def test_a_pc_that_no_instruction_can_have_is_refused(how: str, given: Any, said: str) -> None:
    cpu = Cpu(0, 1, Nowhere(), RISCV64.registers)  # type: ignore[arg-type]
    cpu.open(CallbackPhase.EXACT, 0x8000_0000)
    with pytest.raises(BadValueError) as caught:
        if how == "pc":
            cpu.pc = given
        else:
            cpu.write_register("pc", given)
    assert said in str(caught.value)
    assert len(str(caught.value)) < 120
    assert cpu.pc == 0x8000_0000


@pytest.mark.parametrize(
    ("call", "arguments"),
    [
        ("write_register", ("a0", 1 << 64)),
        ("write_register", ("a0", -(1 << 63) - 1)),
        ("write_register", ("fa0", 1.0)),
        ("write_register", ("zero", None)),
        ("read_memory", (0x8000_0000, 1.5)),
        ("read_memory", ("main", 1)),
        ("write_memory", (0x8000_0000, "text")),
        ("write_memory", (0x8000_0000, 5)),
        ("write_memory", (None, b"x")),
        ("physical", (1 << 64,)),
    ],
)
def test_what_no_register_or_memory_takes_is_refused(call: str, arguments: tuple[Any, ...]) -> None:
    cpu = Cpu(0, 1, Nowhere(), RISCV64.registers)  # type: ignore[arg-type]
    cpu.open(CallbackPhase.EXACT, 0x8000_0000)
    with pytest.raises(BadValueError):
        getattr(cpu, call)(*arguments)
    with pytest.raises(UnknownRegisterError):
        cpu.read_register(["a0"])  # type: ignore[arg-type]


class Written(dict[Any, Any]):
    """Takes what is written."""

    def write_x(self, register: int, value: int) -> None:
        self[register] = value

    def move(self, pc: int) -> None:
        self["pc"] = pc

    def write_memory(self, address: int, data: bytes) -> None:
        self[address] = data


def test_numbers_of_numpy_and_negative_ones_are_what_they_stand_for() -> None:
    written = Written()
    cpu = Cpu(0, 1, written, RISCV64.registers)  # type: ignore[arg-type]
    cpu.open(CallbackPhase.EXACT, 0)
    cpu.pc = -2
    cpu.write_register("a0", np.int64(-1))
    cpu.write_register("a1", np.uint64((1 << 64) - 1))
    cpu.write_memory(np.uint32(0x8000_0000), np.arange(2, dtype="<u2"))  # type: ignore[arg-type]
    assert written == {
        "pc": (1 << 64) - 2,
        10: (1 << 64) - 1,
        11: (1 << 64) - 1,
        0x8000_0000: b"\0\0\1\0",
    }
    assert {type(value) for value in written.values()} == {int, bytes}
    assert cpu.pc == (1 << 64) - 2
