"""The tool `python_peers`: emulators that are used from Python, in their own environment.

Settings: `peer`, a module of peers/ that is run there; `hook`, what it calls a Python function for:
block, code, memory, or nothing. The guest's RAM is laid out here, as mttcg does for itself, so that
a peer's program needs nothing but the peer.
"""

import functools
import json
import mmap
import os
import subprocess
import tempfile
from pathlib import Path

from mttcg.config import MEMORY_DEFAULT, Config
from mttcg.guest.boot import fill_ram
from mttcg.guest.boot_files import BootFiles
from mttcg.hardware.boards.riscv_virt import BOARD, FINISHER, RAM_BASE, UART
from mttcg_bench.checkout import GUESTS, PACKAGE, PEERS
from mttcg_bench.errors import RunFailed
from mttcg_bench.model import Case, Measurement, Variant
from mttcg_bench.tools.guests import guest_image
from mttcg_bench.tools.process import run
from mttcg_bench.tools.unicorn import FINISHER_PASS

PYTHON = PEERS / "python" / "bin" / "python"
SOURCES = {"PYTHONPATH": str(PACKAGE.parent)}
"""Their programs are ours; the rest of their environment is their own."""


def unavailable(variant: Variant) -> str:
    """Why it can't run here, "" if it can."""
    peer = variant.settings["peer"]
    return "" if version(peer) else f"{peer} is not installed (make bench-peers)"


@functools.cache
def version(peer: str) -> str:
    """The version of a peer in the peers' environment, "" if it is not there or can't be loaded."""
    if not PYTHON.is_file():
        return ""
    command = [*program_of(peer), "--version"]
    environment = os.environ | SOURCES
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def program_of(peer: str) -> list[str]:
    """The command that runs a guest on a peer."""
    return [str(PYTHON), "-m", f"mttcg_bench.peers.{peer}_guest"]


def measure(case: Case, variant: Variant) -> Measurement:
    """One run; raises RunFailed if the guest ends with a fault."""
    with tempfile.TemporaryDirectory() as scratch:
        image = Path(scratch, "ram")
        job = lay_out(case, variant, image)
        command = program_of(variant.settings["peer"])
        ended = run(variant.name, command, SOURCES, json.dumps(job).encode())
    answer = json.loads(ended.output.splitlines()[-1])
    if answer["finished"] != FINISHER_PASS:
        raise RunFailed(variant.name, f"the guest ended with {answer['finished']}", ended.errors)
    metrics = {name: answer[name] for name in ("guest", "vcpu_cpu", "events")}
    return Measurement({**metrics, "wall": ended.wall, "all_cpu": ended.cpu}, answer["output"])


def lay_out(case: Case, variant: Variant, file: Path) -> dict[str, object]:
    """Write RAM as it is when a guest of one hart starts; what else its program has to know."""
    config = Config(guest=GUESTS / f"{case.guest}.elf", symbols_set=case.work_of(variant))
    image = guest_image(case.guest)
    with mmap.mmap(-1, MEMORY_DEFAULT) as ram:
        with memoryview(ram) as view:
            boot = BootFiles((image,), image.entry)
            device_tree = fill_ram(config, boot, BOARD, view, "rv64imafdc").device_tree
        file.write_bytes(ram[:])
    return {
        "ram": str(file),
        "ram_base": RAM_BASE,
        "entry": image.entry,
        "device_tree": device_tree,
        "uart": UART,
        "finisher": FINISHER,
        "hook": variant.settings.get("hook", ""),
    }
