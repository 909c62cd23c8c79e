"""A plugin that raises where it is asked to, and records every access until then."""

import sys
from dataclasses import dataclass
from typing import Any

import numpy as np

import mttcg_bus
from mttcg.instrument import (
    Stream,
    events,
    instrument,
    instrument_block,
    instrument_memory,
    option,
)
from mttcg_bus.run_info import RunInfo


@dataclass(frozen=True)
class Options:
    """Where to raise, and on which vCPU."""

    at: str = option("", help="init, insn, block, memory, pre_translate, ..., empty for nowhere")
    cpu: int = option(0, help="the vCPU")
    after: int = option(0, help="how many times it goes well before")
    record: bool = option(False, help="record every access")


class Count:
    """How many times the place was reached in this process, whose vCPU it is, and the options."""

    options = Options()
    reached = 0
    here = -1


def reach(place: str, cpu: Any) -> None:
    """Raise if this is where and when to."""
    options = Count.options
    if options.at != place or int(cpu) != options.cpu:
        return
    Count.reached += 1
    if Count.reached > options.after:
        raise RuntimeError(f"as asked, at {place}")


def on_insn(cpu: Any, _opaque: object) -> None:
    reach("insn", cpu)


def on_block(cpu: Any, _block: object, _opaque: object) -> None:
    reach("block", cpu)


def on_memory(cpu: Any, _access: object, _opaque: object) -> None:
    reach("memory", cpu)


ATTACH = {
    "insn": lambda: instrument(None, None, on_insn),
    "block": lambda: instrument_block(None, None, on_block),
    "memory": lambda: instrument_memory(None, on_memory),
}


def plugin_init(options: Options) -> bool:
    """Attach what is asked for."""
    Count.options = options
    if options.at == "init":
        raise RuntimeError("as asked, at init")
    if options.at == "exit_in_init":
        sys.exit(3)
    if options.at == "declaring":
        Stream("bad", np.dtype("O"))
        return True
    print("raising is loaded")
    if options.record:
        instrument_memory(None, Stream("access", events.ACCESS))
    if options.at in ATTACH:
        ATTACH[options.at]()
    return True


def plugin_pre_translate(cpu: Any, _pc: int) -> None:
    reach("pre_translate", cpu)


def plugin_needs_before_insn(_pc: int, cpu: Any) -> bool:
    reach("needs_before_insn", cpu)
    return Count.options.at == "before_insn"


def plugin_before_insn(_pc: int, cpu: Any) -> None:
    reach("before_insn", cpu)


def plugin_vcpu_start(cpu: Any) -> None:
    Count.here = int(cpu)
    reach("vcpu_start", cpu)


def plugin_vcpu_idle(cpu: Any) -> None:
    reach("vcpu_idle", cpu)


def plugin_vcpu_resume(cpu: Any) -> None:
    reach("vcpu_resume", cpu)


def plugin_vcpu_exit(cpu: Any) -> None:
    reach("vcpu_exit", cpu)


def plugin_trap(cpu: Any, *_what: object) -> None:
    reach("trap", cpu)


def plugin_mmio(cpu: Any, *_what: object) -> None:
    reach("mmio", cpu)


def plugin_exit() -> None:
    reach("exit", Count.here)


class Aggregator(mttcg_bus.Aggregator):
    """Counts the records."""

    def __init__(self, options: Options, run: RunInfo) -> None:
        super().__init__(options, run)
        self.records = 0

    def consume(self, _stream: str, _cpu: int, records: "np.ndarray[Any, Any]") -> None:
        """Count."""
        self.records += len(records)

    def report(self) -> dict[str, Any]:
        """How many there were."""
        return {"records": self.records}
