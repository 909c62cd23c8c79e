"""The tool `qemu`: the guest on QEMU's virt board, with a TCG plugin of ours or none.

Settings: `version`, how the version begins (any that is found if there is none); `thread`, multi or
single; `what` and `how`, arguments of the plugin peers/qemu/counting.c, which is built when needed.
"""

import functools
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile

from mttcg_bench.checkout import PEERS
from mttcg_bench.errors import RunFailed
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools.guests import guest_image, guest_path, measured
from mttcg_bench.tools.process import EndedProcess, run

PROGRAM = "qemu-system-riscv64"
VERSION = re.compile(r"version (\S+)")
SOURCE = Path(__file__).parents[1] / "peers" / "qemu" / "counting.c"
COMPILER = "gcc"
COUNTED = re.compile(r"^(events|executed) (\d+)$", re.MULTILINE)
SCOREBOARDS = 9
"""The first major version whose plugins count inline in a slot for each vCPU."""


@dataclass(frozen=True)
class Program:
    """A QEMU that was found, and what it needs in its environment."""

    path: str
    environment: Mapping[str, str]
    version: str


def environment_of(folder: Path) -> dict[str, str]:
    """What a QEMU needs that lies in a folder of its own: its libraries, none of other modules."""
    libraries = sorted(str(path) for path in folder.glob("usr/lib/*-linux-gnu"))
    known = os.environ.get("LD_LIBRARY_PATH", "")
    return {
        "LD_LIBRARY_PATH": os.pathsep.join([*libraries, *([known] if known else [])]),
        "QEMU_MODULE_DIR": str(folder),
    }


def candidates() -> Iterator[tuple[str, dict[str, str]]]:
    """Every QEMU there may be: that of the system, and those of `make bench-peers`."""
    if path := shutil.which(PROGRAM):
        yield path, {}
    for folder in sorted(PEERS.glob("qemu-*")):
        path = str(folder / "usr" / "bin" / PROGRAM)
        if Path(path).is_file():
            yield path, environment_of(folder)


@functools.cache
def programs() -> tuple[Program, ...]:
    """The QEMUs that start, each version once."""
    found: dict[str, Program] = {}
    for path, environment in candidates():
        done = subprocess.run(
            [path, "--version"],
            env=os.environ | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode == 0 and (shown := VERSION.search(done.stdout)):
            found.setdefault(shown[1], Program(path, environment, shown[1]))
    return tuple(found.values())


def program_of(variant: Variant) -> Program | None:
    """The QEMU that a variant wants, None if there is none."""
    wanted = variant.settings.get("version", "")
    return next((found for found in programs() if found.version.startswith(wanted)), None)


def unavailable(variant: Variant) -> str:
    """Why it can't run here, "" if it can."""
    if program_of(variant) is None:
        wanted = f" {variant.settings['version']}" if "version" in variant.settings else ""
        return f"{PROGRAM}{wanted} is not installed (make bench-peers, or Debian: qemu-system-misc)"
    if "what" in variant.settings and not shutil.which(COMPILER):
        return f"{COMPILER} is not installed, which builds QEMU's plugin (Debian: gcc)"
    return ""


@functools.cache
def plugin_for(version: str) -> bytes:
    """Our plugin, built for a version of QEMU; raises RunFailed if it does not build."""
    interface = 4 if int(version.split(".")[0]) >= SCOREBOARDS else 1
    with tempfile.TemporaryDirectory() as scratch:
        output = Path(scratch, "counting.so")
        command = [COMPILER, "-O2", "-shared", "-fPIC", f"-DPLUGIN_API={interface}"]
        run("QEMU's plugin", [*command, "-o", str(output), str(SOURCE), "-lpthread"])
        return output.read_bytes()


def measure(case: Case, variant: Variant) -> Measurement:
    """Run the guest, and before it the guest with nothing to do.

    Seconds are the differences of the two, as QEMU itself tells no time. A guest that is not told
    how much to do measures itself, and is run once.
    """
    symbols = case.work_of(variant)
    with tempfile.TemporaryDirectory() as scratch:
        if not symbols:
            ended = _run(case, variant, symbols, Path(scratch))
            return Measurement({"wall": ended.wall, **measured(ended.output)}, ended.output)
        idle = _run(case, variant, dict.fromkeys(symbols, 0), Path(scratch))
        busy = _run(case, variant, symbols, Path(scratch))
    found = counted(busy)
    metrics = {
        "guest": busy.wall - idle.wall,
        "wall": busy.wall,
        "idle_wall": idle.wall,
        "vcpu_cpu": busy.cpu - idle.cpu,
        "all_cpu": busy.cpu,
        "unique": busy.unique.get("command", 0),
        "events": found.get("events", 0),
        "executed": found.get("executed", 0),
    }
    if metrics["guest"] <= 0 or metrics["vcpu_cpu"] <= 0:
        raise RunFailed(variant.name, "it took no longer than a run with nothing to do")
    return Measurement(metrics, busy.output)


def _run(case: Case, variant: Variant, symbols: Mapping[str, int], scratch: Path) -> EndedProcess:
    program = program_of(variant)
    assert program is not None
    elf = set_initial_values(case.guest_of(variant), symbols, scratch)
    thread = variant.settings.get("thread", "multi")
    command = [
        *(program.path, "-machine", "virt", "-bios", "none", "-m", "128"),
        *("-smp", str(variant.smp), "-accel", f"tcg,thread={thread}", "-display", "none"),
        *("-monitor", "none", "-serial", "stdio", "-kernel", str(elf)),
    ]
    command += plugin_options(variant, program, scratch)
    return run(variant.name, command, program.environment, watched=True)


def plugin_options(variant: Variant, program: Program, scratch: Path) -> list[str]:
    """The options for our plugin, which is written to a folder, if a variant wants it."""
    settings = variant.settings
    if "what" not in settings:
        return []
    plugin = scratch / "counting.so"
    plugin.write_bytes(plugin_for(program.version))
    return ["-plugin", f"{plugin},what={settings['what']},how={settings['how']}"]


def counted(ended: EndedProcess) -> dict[str, float]:
    """What our plugin says that it counted, by what that is."""
    return {name: float(count) for name, count in COUNTED.findall(ended.errors)}


def set_initial_values(guest: str, symbols: Mapping[str, int], scratch: Path) -> Path:
    """Write a copy of a guest's ELF in which 64-bit variables begin with other values."""
    source = guest_path(guest)
    content, image = bytearray(source.read_bytes()), guest_image(guest)
    with source.open("rb") as file:
        elf = ELFFile(file)
        for name, value in symbols.items():
            [offset] = elf.address_offsets(image.symbol(name), 8)
            content[offset : offset + 8] = value.to_bytes(8, "little")
    output = scratch / source.name
    output.write_bytes(content)
    return output
