"""Asks for everything that can't be had, and notes what it is told: error class and text."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mttcg.instrument import (
    BlockTable,
    Counter,
    Cpu,
    Scoreboard,
    Stream,
    Ticket,
    events,
    instrument,
    instrument_block,
    instrument_memory,
    option,
    probe,
    symbol,
    uninstrument_memory,
)
from mttcg.instrument.errors import InstrumentError

refused: dict[str, list[str]] = {}
visits: list[int] = []

counter = Counter("counter")
board = Scoreboard("board", 2)
blocks = Stream("blocks", events.EXECUTIONS)
table = BlockTable("table", blocks)
accesses = Stream("accesses", events.ACCESS)


@dataclass(frozen=True)
class Options:
    out: Path = option(help="file for the refusals")


options: Options


@probe
def probing(cpu, pc, words):
    words[0] = pc


@probe
def impossible(cpu, pc, words):
    words[0] = visits.append(pc)


def function(_cpu: Cpu, *_arguments: Any) -> None:
    """Do nothing."""


def expect(what: str, call: Callable[..., Any], *arguments: Any) -> None:
    try:
        call(*arguments)
        refused[what] = ["nothing", "was accepted"]
    except InstrumentError as error:
        refused[what] = [type(error).__name__, str(error)]


def plugin_init(given: Options) -> bool:
    global options
    options = given
    expect("stream of another dtype", instrument, None, None, accesses)
    expect("stream of another dtype at a block", instrument_block, None, None, accesses)
    expect("stream of executions", instrument_memory, None, blocks)
    expect("table at an instruction", instrument, None, 0, table)
    expect("table at accesses", instrument_memory, None, table)
    expect("scoreboard", instrument, None, None, board)
    expect("no function", instrument, None, None, 5)
    expect("nothing", instrument, None, None, None)
    expect("probe with a number", instrument, None, None, probing, 5)
    expect("probe that can't be compiled", instrument, None, None, impossible, board)
    expect("probe at a block", instrument_block, None, None, probing, board)
    expect("no such vCPU", instrument, 2, None, function)
    expect("negative vCPU", instrument_block, -1, None, function)
    expect("vCPU as text", uninstrument_memory, "1", function)
    expect("odd pc", instrument, None, symbol("steps") + 1, function)
    expect("pc as text", instrument_block, 0, "steps", function)
    expect("pc of 65 bits", instrument, 0, 1 << 64, function)
    expect("scoreboard of no words", Scoreboard, "none", 0)
    expect("scoreboard of a fraction", Scoreboard, "half", 0.5)
    expect("name of no text", Counter, 5)
    expect("table of no stream", BlockTable, "another", None)
    expect("blocks that trap", BlockTable, "another", blocks, True)
    expect("dtype of no dtype", Stream, "another", 5)
    expect("policy of no text", Stream, "another", events.BLOCK, 5)
    expect("batch of a fraction", Stream, "another", events.BLOCK, "block", 1.5)
    expect("symbol of no text", symbol, ["steps"])
    expect("counter twice", Counter, "counter")
    expect("stream with a counter's name", Stream, "counter", events.BLOCK)
    expect("values before the start", board.values, 0)
    expect("value before the start", counter.value, 0)
    expect("emit before the start", accesses.emit, 0, np.zeros(1, events.ACCESS))
    expect("unknown symbol", symbol, "nowhere")
    instrument(0, symbol("round"), on_round)
    return True


def plugin_vcpu_start(cpu: Cpu) -> None:
    if cpu.index == 0:
        expect("counter during the run", Counter, "late")
        expect("stream during the run", Stream, "late", events.BLOCK)
        expect("words of no vCPU", board.values, cpu.count)
        expect("words of a negative vCPU", board.values, -1)
        expect("words of half a vCPU", board.values, 0.5)
        expect("value of a vCPU as text", counter.value, "0")
        expect("emit for another vCPU", accesses.emit, 1, np.zeros(1, events.ACCESS))
        expect("emit for a vCPU as text", accesses.emit, "0", np.zeros(1, events.ACCESS))
        expect("record with a field too many", accesses.emit, 0, (*range(7), 8))
        expect("record that does not fit", accesses.emit, 0, (-1, 0, 0, 0, 0, 0, 0))
        expect("records in two dimensions", accesses.emit, 0, np.zeros((2, 2), events.ACCESS))
        expect("no such vCPU during the run", instrument, cpu.count, None, function)
        expect("unknown symbol during the run", symbol, "nowhere")
        arguments = ("from a thread", instrument, 0, None, function)
        thread = threading.Thread(target=expect, args=arguments)
        thread.start()
        thread.join()


def on_round(cpu: Cpu, _opaque: Any) -> None:
    visits.append(cpu.pc)
    if len(visits) > 1:
        return

    def inner(_cpu: Cpu, _opaque: Any) -> None:
        """Be known to this process only."""

    expect("lambda for another vCPU", instrument, 1, None, lambda _cpu, _opaque: None)
    expect("inner function for all", instrument, None, None, inner)
    expect("bound method for all", instrument, None, None, {}.setdefault)
    expect("another module's function", instrument, 1, None, np.zeros)
    expect("opaque object for another vCPU", instrument, 1, None, function, object())
    expect("opaque array for another vCPU", instrument, 1, None, function, np.zeros(3))
    expect("opaque lambda for another vCPU", instrument, 1, None, function, lambda: None)
    expect("opaque not a number", instrument, 1, None, function, float("nan"))
    here: Ticket = instrument(0, symbol("steps"), inner, object())
    expect("waiting for one's own vCPU", here.wait, 0.01)
    all_of_them: Ticket = instrument(None, symbol("steps"), function, (1, "two", b"3", [4.0], None))
    expect("waiting for all", all_of_them.wait, 0.01)
    cpu.write_memory(symbol("stop"), b"\1")


def plugin_vcpu_exit(cpu: Cpu) -> None:
    if cpu.index == 0:
        options.out.write_text(json.dumps(refused))
