"""The tool `linux`: a whole boot of Debian's kernel, from the shell to the shell.

Settings: `on`, mttcg or qemu; `kept`: mttcg has the code of earlier runs; `version`, of QEMU, and
`what` and `how` of its plugin, see `qemu`; `commands`: what the shell does before it powers off.
The guest is the image that `mttcg images get` makes. Its clock goes on while it boots, so nothing
but the whole is measured.
"""

import fcntl
import functools
import json
import sys
import tempfile
import time
from pathlib import Path

from mttcg.images.catalogue import CACHE, folder_of, is_there, row_of
from mttcg_bench.checkout import below_root
from mttcg_bench.errors import RunFailed
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools import qemu
from mttcg_bench.tools.command import PLUGINS
from mttcg_bench.tools.process import run

IMAGE = "debian-riscv64"
COMMANDS = "nproc"
MEMORY = "512M"
RUNS_BEFORE = 3
"""After so many runs a later one has hardly less to translate."""
AHEAD_SECONDS = 300.0
"""Longer no translator works ahead for the next run."""
LOOK_SECONDS = 0.2


def unavailable(variant: Variant) -> str:
    """Why it can't run here, "" if it can."""
    if not is_there(row_of(IMAGE), CACHE.expanduser()):
        return f"there is no image {IMAGE} (mttcg images get {IMAGE})"
    return qemu.unavailable(variant) if variant.settings["on"] == "qemu" else ""


def measure(_case: Case, variant: Variant) -> Measurement:
    """One boot, to power-off."""
    if variant.settings["on"] == "qemu":
        return _boot_on_qemu(variant)
    if not variant.settings.get("kept"):
        with tempfile.TemporaryDirectory() as store:
            found = _boot(variant, Path(store))
            wait_for_translator(Path(store))
            return found
    filled = _filled_store(_commands(variant), variant.plugins)
    return _boot(variant, Path(filled.name))


def _commands(variant: Variant) -> str:
    commands: str = variant.settings.get("commands", COMMANDS)
    return commands


def _arguments(variant: Variant) -> str:
    """What the kernel is given."""
    return f'console=ttyS0 quiet run="{_commands(variant)}"'


@functools.cache
def _filled_store(commands: str, plugins: tuple[str, ...]) -> "tempfile.TemporaryDirectory[str]":
    """A folder with the code of a few runs on one vCPU; there as long as this process is."""
    folder = tempfile.TemporaryDirectory()
    before = Variant("a run before", plugins=plugins, settings={"commands": commands})
    for _ in range(RUNS_BEFORE):
        _boot(before, Path(folder.name))
        wait_for_translator(Path(folder.name))
    return folder


def wait_for_translator(store: Path) -> None:
    """Until none works ahead in a store: it would take time of what is measured next."""
    until = time.monotonic() + AHEAD_SECONDS
    with (store / "ahead").open("ab") as file:
        while time.monotonic() < until:
            time.sleep(LOOK_SECONDS)  # it has to begin, too
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                continue
            return


def _boot(variant: Variant, store: Path) -> Measurement:
    files = folder_of(row_of(IMAGE), CACHE.expanduser())
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch, "result.json")
        line = [sys.executable, "-m", "mttcg", "run", "--kernel", str(files / "Image")]
        line += ["--initrd", str(files / "initrd.cpio.gz")]
        line += ["--append", _arguments(variant)]
        line += ["--memory", MEMORY, "--smp", str(variant.smp), "--quiet", "--json", str(report)]
        line += [word for plugin in _plugins(variant) for word in ("--plugin", plugin)]
        ended = run(variant.name, [*line, "--code-store", str(store)])
        result = json.loads(report.read_text())
    if result["failures"]:
        raise RunFailed(variant.name, result["failures"][0])
    metrics = {"wall": ended.wall, "all_cpu": ended.cpu}
    metrics["vcpu_cpu"] = sum(vcpu["seconds_cpu"] for vcpu in result["vcpus"])
    metrics["last_vcpu_cpu"] = result["vcpus"][-1]["seconds_cpu"]
    metrics["kept_functions"] = result["code_cache"]["kept_functions"]
    return Measurement(metrics, "")


def _plugins(variant: Variant) -> list[str]:
    return [plugin.format(bench=below_root(PLUGINS)) for plugin in variant.plugins]


def _boot_on_qemu(variant: Variant) -> Measurement:
    program, files = qemu.program_of(variant), folder_of(row_of(IMAGE), CACHE.expanduser())
    assert program is not None
    line = [program.path, "-machine", "virt", "-m", MEMORY, "-smp", str(variant.smp)]
    line += ["-nographic", "-bios", str(files / "fw_dynamic.bin")]
    line += ["-kernel", str(files / "Image"), "-initrd", str(files / "initrd.cpio.gz")]
    line += ["-append", _arguments(variant)]
    with tempfile.TemporaryDirectory() as scratch:
        line += qemu.plugin_options(variant, program, Path(scratch))
        ended = run(variant.name, line, program.environment)
    metrics = {"wall": ended.wall, "all_cpu": ended.cpu, "vcpu_cpu": ended.cpu}
    return Measurement({**metrics, **qemu.counted(ended)}, "")
