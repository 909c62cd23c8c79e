"""The options of `mttcg run`, as tables; the values are checked by Config."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeAlias

from mttcg.config import (
    CONSOLES,
    DEFAULT_CONSOLE,
    DEFAULT_TERMINAL,
    DEFAULT_TIERS,
    ENGINES,
    NO_GUEST,
    QUANTUM_DEFAULT,
    STALL_LIMIT_DEFAULT,
    TERMINALS,
    TIERS,
)
from mttcg.option_values import SMP_MAX

Options: TypeAlias = Mapping[str, Mapping[str, Any]]
"""The keyword arguments of `add_argument` for each option, by its name."""

SEVERAL: Mapping[str, Any] = {"action": "append", "default": []}

MACHINE: Options = {
    "--from": {
        "metavar": "FILE",
        "type": Path,
        "dest": "from_snapshot",
        "help": "go on from a snapshot (see mttcg ctl); the options of the machine, such as --smp, "
        "are those that it was started with",
    },
    "--snapshot": {
        "metavar": "FILE",
        "type": Path,
        "help": "write a snapshot to FILE when a hart first comes to where --snapshot-at says",
    },
    "--snapshot-at": {
        "metavar": "PLACE",
        "default": "",
        "help": "SYMBOL, SYMBOL+OFFSET, an address as 0x..., or with --deterministic a number of "
        "instructions of all harts together",
    },
    "--smp": {"metavar": "N", "type": int, "help": f"number of vCPUs, 1 to {SMP_MAX} (1)"},
    "--memory": {"metavar": "SIZE", "help": "guest RAM (128M)"},
    "--code-cache": {
        "metavar": "SIZE",
        "default": "64M",
        "help": "room for translated code (%(default)s)",
    },
    "--code-store": {
        "metavar": "DIR|off",
        "default": "off",
        "help": "where translated code is kept for later runs (%(default)s)",
    },
    "--engine": {"metavar": "|".join(ENGINES), "default": "auto", "help": "(%(default)s)"},
    "--tiers": {
        "metavar": "|".join(TIERS),
        "default": DEFAULT_TIERS,
        "help": "how the llvm engine runs code at first, and where time is spent (%(default)s)",
    },
    "--plugin": {
        "metavar": "SPEC",
        "help": "name-or-path,key=value,...; may be given more than once (see mttcg plugins)",
        **SEVERAL,
    },
    "--kernel": {
        "metavar": "FILE",
        "type": Path,
        "help": "start a kernel in place of GUEST: Linux's Image, compressed or not, or an ELF "
        "file; mttcg is its firmware, unless there is --bios",
    },
    "--initrd": {"metavar": "FILE", "type": Path, "help": "the kernel's initial RAM disk"},
    "--append": {"metavar": "TEXT", "default": "", "help": "the kernel's command line"},
    "--bios": {
        "metavar": "FILE",
        "type": Path,
        "help": "start firmware in place of GUEST: an ELF file, or raw for the start of RAM; it is "
        "told where the kernel is",
    },
    "--dtb": {
        "metavar": "FILE",
        "type": Path,
        "help": "the device tree, in place of the board's; what the options say is added",
    },
    "--dump-dtb": {
        "metavar": "FILE",
        "type": Path,
        "help": "write the device tree to FILE before the start",
    },
    "--symbols": {
        "metavar": "FILE",
        "type": Path,
        "help": "names of the kernel's functions and data, of its System.map or vmlinux, in place "
        "of those that it has in itself",
    },
    "--kernel-types": {
        "metavar": "FILE",
        "type": Path,
        "help": "types of the kernel, as BTF or in its vmlinux, in place of those that it has in "
        "itself",
    },
    "--sysroot": {
        "metavar": "DIR",
        "type": Path,
        "help": "folder with files of a Linux guest's programs, at the paths that they have there, "
        "for the names in them",
    },
    "--load": {
        "metavar": "FILE@ADDRESS",
        "help": "load a file as it is to a physical address",
        **SEVERAL,
    },
    "--drive": {
        "metavar": "FILE[,write|,readonly][,format=raw]",
        "help": "a disk with the content of FILE; what the guest writes is lost at the end, goes "
        "to FILE with `write`, or is refused with `readonly`; may be given more than once",
        **SEVERAL,
    },
    "--rng": {"action": "store_true", "help": "a source of random numbers for the guest"},
    "--console": {
        "metavar": "|".join(CONSOLES),
        "default": DEFAULT_CONSOLE,
        "help": "which of the guest's consoles the keys go to: the serial port, or a virtio "
        "console (hvc0), which is there then (%(default)s)",
    },
    "--share": {
        "metavar": "DIR[,write][,tag=NAME]",
        "help": "let the guest mount DIR (virtio-9p), by default read-only, with the tag `share`; "
        "may be given more than once",
        **SEVERAL,
    },
    "--net": {
        "metavar": "passt|listen=PATH|connect=PATH[,mac=ADDRESS]",
        "help": "a network device: the host's network by the program passt, or another machine by "
        "a Unix socket, framed as QEMU's -netdev stream; may be given more than once",
        **SEVERAL,
    },
    "--set": {
        "metavar": "SYMBOL=VALUE",
        "help": "write a 64-bit value at an ELF symbol before the start",
        **SEVERAL,
    },
    "--args": {
        "metavar": "TEXT",
        "default": "",
        "help": "arguments of the guest's program, which it asks for by semihosting",
    },
    "--semihosting-files": {
        "metavar": "DIR",
        "type": Path,
        "help": "let the guest read and write files below DIR by semihosting",
    },
    "--no-semihosting": {
        "action": "store_true",
        "help": "the guest can't call its host; every ebreak is a breakpoint",
    },
    "--terminal": {
        "metavar": "|".join(TERMINALS),
        "default": DEFAULT_TERMINAL,
        "help": "whose keys like Ctrl-C are; auto: the guest's once it wants input (%(default)s)",
    },
    "--stop-on-trap-loop": {
        "action": "store_true",
        "help": "end the run when a hart takes the same trap for ever, of which it warns anyhow",
    },
    "--deterministic": {
        "action": "store_true",
        "help": "let harts take turns, with a clock that counts instructions, so that the run "
        "repeats",
    },
    "--quantum": {
        "metavar": "N",
        "type": int,
        "default": QUANTUM_DEFAULT,
        "help": "instructions of a turn (%(default)s)",
    },
    "--seed": {
        "metavar": "N",
        "type": int,
        "help": "draw lengths and order of turns from N; each number gives another run that "
        "repeats",
    },
    "--record-inputs": {
        "metavar": "FILE",
        "type": Path,
        "help": "with --deterministic, let the guest have input, and write it to FILE, with the "
        "instructions before it",
    },
    "--replay-inputs": {
        "metavar": "FILE",
        "type": Path,
        "help": "with --deterministic, let what --record-inputs has written come again",
    },
    "--check": {
        "action": "store_true",
        "help": "count everything in a second way, and fail if the two differ; it slows the guest",
    },
    "--pin": {"action": "store_true", "help": "pin each vCPU process to a processor"},
}
BUS: Options = {
    "--bus": {"metavar": "URL", "help": "where the bus listens: ipc://PATH or tcp://HOST:PORT"},
    "--no-aggregate": {"action": "store_true", "help": "start no aggregator processes"},
    "--shards": {
        "metavar": "[PLUGIN=]N",
        "help": "share the vCPUs out to N processes of each aggregator, or of PLUGIN's",
        **SEVERAL,
    },
    "--interim": {
        "metavar": "SECONDS",
        "type": float,
        "default": 0.0,
        "help": "report what there is every so many seconds while the guest runs, too",
    },
    "--wait-subscribers": {
        "metavar": "N",
        "type": int,
        "default": 0,
        "help": "start the guest when N subscribers have come",
    },
    "--policy": {
        "metavar": "NAME=POLICY",
        "help": "what a stream (plugin.stream, or plugin for all its) does if subscribers are "
        "slower than the guest: block, drop, drop:oldest or sample:N",
        **SEVERAL,
    },
    "--stall-limit": {
        "metavar": "SECONDS",
        "type": float,
        "default": STALL_LIMIT_DEFAULT,
        "help": "give a subscriber up that acknowledges nothing so long, 0: never (%(default)g)",
    },
    "--keys": {
        "metavar": "FILE",
        "type": Path,
        "help": "keys of the bus (see mttcg keys), which addresses beyond this machine need",
    },
    "--allow": {
        "metavar": "FILE",
        "type": Path,
        "help": "public key of somebody who may subscribe; may be given more than once",
        **SEVERAL,
    },
    "--control": {
        "action": "store_true",
        "help": "take commands while the guest runs (see mttcg ctl)",
    },
    "--allow-control": {
        "metavar": "FILE",
        "type": Path,
        "help": "public key of somebody who may control the run; may be given more than once",
        **SEVERAL,
    },
}
DEBUGGER: Options = {
    "--gdb": {
        "metavar": "HOST:PORT|PATH",
        "nargs": "?",
        "const": "",
        "help": "wait for GDB at a loopback address, or at a socket in the file system; without a "
        "value, at one that is made",
    },
    "--wait-gdb": {
        "action": "store_true",
        "help": "run the first instruction when GDB lets it",
    },
}
OUTPUT: Options = {
    "--record": {
        "metavar": "FILE",
        "type": Path,
        "help": "record all that plugins publish to FILE, for mttcg replay and export",
    },
    "--record-limit": {"metavar": "SIZE", "help": "stop recording when FILE has so many bytes"},
    "--json": {"metavar": "FILE", "type": Path, "help": "write the whole result to FILE"},
    "--html": {
        "metavar": "FILE",
        "type": Path,
        "help": "write the whole result to FILE as a page with plots, which needs no network",
    },
    "--quiet": {"action": "store_true", "help": "no status line and no tables, errors only"},
}


def add_run_options(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of a run."""
    parser.add_argument(
        "guest",
        metavar="GUEST",
        type=Path,
        nargs="?",
        default=NO_GUEST,
        help="the RV64 ELF file to run; none with --kernel or --bios",
    )
    for table in (MACHINE, BUS, DEBUGGER, OUTPUT):
        for name, told in table.items():
            parser.add_argument(name, **told)
