"""The tool `qemu`: the guest on QEMU's virt board, one host thread per hart."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path

from elftools.elf.elffile import ELFFile

from bench.model import Case, Measurement, Variant
from bench.tools.guests import GUESTS, guest_image
from bench.tools.process import Ended, run

PROGRAM = "qemu-system-riscv64"


def unavailable() -> str:
    """Why it can't run here, "" if it can."""
    return "" if shutil.which(PROGRAM) else f"{PROGRAM} is not installed (Debian: qemu-system-misc)"


def version() -> str:
    """The installed version, "" if there is none."""
    if unavailable():
        return ""
    done = subprocess.run([PROGRAM, "--version"], capture_output=True, text=True, check=True)
    found = re.search(r"version (\S+)", done.stdout)
    return found[1] if found else ""


def measure(case: Case, variant: Variant) -> Measurement:
    """Run the guest, and before it the guest with nothing to do.

    Seconds are the differences of the two, as QEMU itself tells no time.
    """
    with tempfile.TemporaryDirectory() as scratch:
        idle = _run(case, variant, dict.fromkeys(case.symbols, 0), Path(scratch))
        busy = _run(case, variant, case.symbols, Path(scratch))
    metrics = {
        "guest": busy.wall - idle.wall,
        "wall": busy.wall,
        "idle_wall": idle.wall,
        "vcpu_cpu": busy.cpu - idle.cpu,
        "all_cpu": busy.cpu,
    }
    return Measurement(metrics, busy.output)


def _run(case: Case, variant: Variant, symbols: Mapping[str, int], scratch: Path) -> Ended:
    elf = set_initial_values(case.guest, symbols, scratch)
    command = [
        *(PROGRAM, "-machine", "virt", "-bios", "none", "-m", "128", "-smp", str(variant.smp)),
        *("-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none"),
        *("-serial", "stdio", "-kernel", str(elf)),
    ]
    return run(variant.name, command)


def set_initial_values(guest: str, symbols: Mapping[str, int], scratch: Path) -> Path:
    """Write a copy of a guest's ELF in which 64-bit variables begin with other values."""
    source = GUESTS.joinpath(guest).with_suffix(".elf")
    content, image = bytearray(source.read_bytes()), guest_image(guest)
    with source.open("rb") as file:
        elf = ELFFile(file)
        for name, value in symbols.items():
            [offset] = elf.address_offsets(image.symbol(name), 8)
            content[offset : offset + 8] = value.to_bytes(8, "little")
    output = scratch / source.name
    output.write_bytes(content)
    return output
