"""Mistakes in a plugin are told when it is loaded, or at the latest when they do harm."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import Running, guest

EXIT_USER, EXIT_FAULT = 2, 70
AGGREGATOR = """
import mttcg_bus
from mttcg.instrument import Stream, events, instrument_block

def plugin_init(options):
    instrument_block(None, None, Stream("blocks", events.BLOCK))

class Aggregator(mttcg_bus.Aggregator):
    def __init__(self, options, run):
        {init}
    def consume(self, {consume}):
        pass
    {report}
"""
SUPER, CONSUME = "super().__init__(options, run)", "stream, cpu, records"
REPORT = "def report(self): return {}"
WORDS = """
from mttcg.instrument import Scoreboard, When, instrument_block, instrument_memory, probe
words, others = Scoreboard("words", 10), Scoreboard("others", 10)

@probe
def counts(cpu, pc, address, size, value, write, words):
    words[{index}] += {added}

@probe
def looks(cpu, pc, instructions, words):
    return words[{asked}] == 0

def called(cpu, block, opaque):
    pass

def plugin_init(options):
    instrument_memory(None, counts, words)
    instrument_block(None, None, called, when=When(looks, others))
"""


@pytest.mark.parametrize(
    ("source", "wrong"),
    [
        ("def plugin_vcpu_exits(cpu): ...", "never called; did you mean plugin_vcpu_exit?"),
        ("def plugin_go(x): ...", "a function plugin_go, which is never called; expected"),
        ("def plugin_trap(cpu, pc): ...", "its plugin_trap takes (cpu, pc); expected (cpu, cause,"),
        ("def plugin_exit(*, cpu): ...", "its plugin_exit takes (*, cpu); expected () ("),
        ("plugin_init = 3", "its plugin_init is no function; expected plugin_init(options)"),
        ("def plugin_before_insn(pc, cpu): ...", "it has plugin_before_insn alone; expected both"),
        ("def plugin_init(options) -> bool: ...", "plugin_init returned None; expected True, or"),
        ("def plugin_init(options): return 0", "plugin_init returned 0; expected True, or False"),
        (
            "from mttcg.instrument import instrument_block\n"
            "def seen(cpu): ...\n"
            "def plugin_init(options): instrument_block(None, None, seen)",
            "at block: it takes (cpu); expected (cpu, block, opaque) (",
        ),
        (
            AGGREGATOR.format(init=SUPER, consume="records", report=REPORT),
            "its Aggregator's consume takes (self, records); expected (self, stream, cpu, records)",
        ),
        (
            AGGREGATOR.format(init=SUPER, consume=CONSUME, report=""),
            "its Aggregator has no report; expected report(self)",
        ),
        (
            AGGREGATOR.format(init="self.seen = 0", consume=CONSUME, report=REPORT),
            "its Aggregator's __init__ does not call super().__init__(options, run); expected",
        ),
        (
            WORDS.format(index="0", added="size / 2", asked="0"),
            "it stores float64 in an array of uint64; expected int(...) around it (",
        ),
    ],
)
def test_a_mistake_is_told_before_the_guest_starts(
    start: Callable[..., Running], tmp_path: Path, source: str, wrong: str
) -> None:
    (tmp_path / "wrong.py").write_text(source)
    running = start(guest("hello"), "--plugin", str(tmp_path / "wrong.py"))
    assert running.wait() == EXIT_USER, running.stderr
    assert wrong in running.stderr
    assert running.stderr.count("\n") == 1
    assert running.shown == b""


@pytest.mark.parametrize(
    "source",
    [
        "def plugin_trap(cpu, *rest): ...",
        "def plugin_exit(): ...",
        "def plugin_pre_translate(cpu, pc): ...",
        "plugin_name = 'a name'",
        "def plugin_init(options) -> None: ...",
        "class Init:\n def __call__(self, options): return True\nplugin_init = Init()",
    ],
)
def test_what_can_be_called_is_no_mistake(
    start: Callable[..., Running], tmp_path: Path, source: str
) -> None:
    (tmp_path / "right.py").write_text(source)
    running = start(guest("hello"), "--plugin", str(tmp_path / "right.py"), with_json=True)
    assert running.wait() == 0, running.stderr
    idle = "plugin right attached nothing, and has no function that is called while the guest runs"
    called = any(name in source for name in ("plugin_trap", "plugin_exit", "plugin_pre_translate"))
    assert running.result["warnings"] == ([] if called else [idle])


def test_a_plugin_that_attaches_on_one_vcpu_only_has_attached_something(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    (tmp_path / "one.py").write_text(
        "from mttcg.instrument import Counter, instrument\n"
        "def plugin_init(options): instrument(1, None, Counter('all'))"
    )
    running = start(
        guest("hello"), "--smp", "2", "--plugin", str(tmp_path / "one.py"), with_json=True
    )
    assert running.wait() == 0, running.stderr
    assert running.result["warnings"] == []


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
@pytest.mark.parametrize(
    ("index", "asked", "wrong"),
    [
        ("10", "0", "probe counts of plugin words accessed word 10 of Scoreboard 'words', 10 wor"),
        (
            "10**8",
            "0",
            "probe counts of plugin words accessed word 100000000 of Scoreboard 'words'",
        ),
        ("0", "8192", "probe looks of plugin words accessed word 8192 of Scoreboard 'others'"),
        (
            "1 << 44",
            "0",
            "probe counts of plugin words, or probe looks of plugin words, or what ran",
        ),
    ],
)
def test_a_probe_that_leaves_its_words_is_named(
    start: Callable[..., Running], tmp_path: Path, engine: str, index: str, asked: str, wrong: str
) -> None:
    (tmp_path / "words.py").write_text(WORDS.format(index=index, added="1", asked=asked))
    running = start(
        guest("hello"), "--engine", engine, "--plugin", str(tmp_path / "words.py"), with_json=True
    )
    assert running.wait() == EXIT_FAULT
    first, ended = running.result["failures"]
    assert first.startswith("vCPU 0 near pc 0x80000")
    assert f"(signal {int(signal.SIGSEGV)})" in ended
    assert running.result["consequences"] == [ended]
    assert wrong in running.stderr


LATE = """
from mttcg.instrument import Scoreboard, instrument_memory, probe
words = Scoreboard("words", 10)

@probe
def late(cpu, pc, address, size, value, write, words):
    words[0] += 1
    if words[0] > 3000:
        words[12] += 1

def plugin_init(options):
    instrument_memory(None, late, words)
"""


def test_a_probe_is_named_while_stores_to_code_are_tracked(
    start: Callable[..., Running], tmp_path: Path
) -> None:
    """Both look at faults: that of a store to a code page is none, and goes no further."""
    (tmp_path / "late.py").write_text(LATE)
    running = start(guest("selfmod"), "--plugin", str(tmp_path / "late.py"), with_json=True)
    assert running.wait() == EXIT_FAULT
    assert "probe late of plugin late accessed word 12 of Scoreboard" in running.stderr
