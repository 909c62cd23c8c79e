"""Runs guests on QEMU's virt board, to compare with what our own machine does.

QEMU is only compared with: tests that need it are skipped, with the reason, where it is not
installed. Instructions are counted by a plugin of ours (count.c), built when it is first asked for.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from elftools.elf.elffile import ELFFile
from elftools.elf.sections import SymbolTableSection

PROGRAM = "qemu-system-riscv64"
PLUGIN_SOURCE = Path(__file__).with_name("count.c")
COUNT_LINE = re.compile(r"^vcpu (\d+) guest (\d+) reset (\d+)$", re.MULTILINE)

# What a vCPU of QEMU executes beyond the guest's own instructions up to its store to the finisher:
# the reset code in the boot ROM, before the entry point (Run.reset counts it apart) ...
RESET_INSTRUCTIONS = 6
# ... and, on the vCPU that ends the guest, at most the wfi behind that store (part of
# Run.instructions): QEMU 7.2 ends at the store, later versions stop their vCPUs some time after it.
MOST_AFTER_FINISH = 1


class NotAvailable(Exception):  # noqa: N818 - a reason to skip, no error
    """QEMU or a compiler for its plugin is not installed; the text says which."""


@dataclass(frozen=True)
class Run:
    """What came of one run; the counts are one for each vCPU, and empty if nothing was counted."""

    console: str
    exit_status: int
    instructions: tuple[int, ...] = ()
    reset: tuple[int, ...] = ()


def set_symbols(elf: Path, values: Mapping[str, int], output: Path) -> Path:
    """Writes a copy of the ELF file in which these 64-bit variables have other initial values.

    That is what --set does in memory. Raises KeyError for a symbol without bytes in the file.
    """
    content = bytearray(elf.read_bytes())
    with elf.open("rb") as file:
        image = ELFFile(file)
        table = image.get_section_by_name(".symtab")
        for name, value in values.items():
            found = (
                table.get_symbol_by_name(name) if isinstance(table, SymbolTableSection) else None
            )
            if not found:
                raise KeyError(f"no symbol {name} in {elf.name}")
            offsets = list(image.address_offsets(found[0]["st_value"], 8))
            if not offsets:
                raise KeyError(f"{name} has no initial value in {elf.name}")
            content[offsets[0] : offsets[0] + 8] = value.to_bytes(8, "little")
    output.write_bytes(content)
    return output


def build_plugin(folder: Path) -> Path:
    """Builds count.c as a shared library in this folder, by ziglang's compiler or else the host's.

    Raises NotAvailable without any compiler, CalledProcessError when it does not compile.
    """
    library = folder / "count.so"
    flags = "-shared -fPIC -O2 -g0 -nostdlib -ffreestanding -Wall -Wextra -Werror".split()
    if importlib.util.find_spec("ziglang") is not None:
        compiler = [sys.executable, "-m", "ziglang", "cc", "-fno-sanitize=all"]
    elif found := shutil.which("cc") or shutil.which("gcc"):
        compiler = [found]
    else:
        raise NotAvailable("no compiler for QEMU's counting plugin: neither ziglang nor cc")
    environment = os.environ | {
        "ZIG_LOCAL_CACHE_DIR": str(folder / "cache"),
        "ZIG_GLOBAL_CACHE_DIR": str(folder / "cache"),
    }
    command = [*compiler, *flags, "-o", str(library), str(PLUGIN_SOURCE)]
    subprocess.run(command, env=environment, check=True, capture_output=True)
    return library


class Qemu:
    """QEMU as it is installed here; keeps its plugin and what it writes in the folder given."""

    def __init__(self, folder: Path) -> None:
        """Finds QEMU; raises NotAvailable where it is not installed."""
        found = shutil.which(PROGRAM)
        if found is None:
            raise NotAvailable(f"{PROGRAM} is not installed")
        self.program = found
        self.folder = folder
        self._plugin: Path | None = None

    def _counting(self, log: Path) -> list[str]:
        if self._plugin is None:
            self._plugin = build_plugin(self.folder)
        return ["-plugin", str(self._plugin), "-d", "plugin", "-D", str(log)]

    def run(
        self,
        elf: Path,
        smp: int = 1,
        *,
        symbols_set: Mapping[str, int] | None = None,
        count: bool = False,
        console_input: bytes = b"",
        machine: str = "virt",
        limit_seconds: float = 20,
    ) -> Run:
        """Runs the guest to its end, one host thread for each vCPU.

        Raises subprocess.TimeoutExpired (QEMU is ended then) and, with `count`, NotAvailable.
        """
        if symbols_set:
            elf = set_symbols(elf, symbols_set, self.folder / f"set-{elf.name}")
        log = self.folder / "plugin.log"
        log.unlink(missing_ok=True)
        command = [
            *(self.program, "-machine", machine, "-bios", "none", "-m", "128", "-smp", str(smp)),
            *("-accel", "tcg,thread=multi", "-display", "none", "-monitor", "none"),
            *("-serial", "stdio", "-kernel", str(elf)),
            *(self._counting(log) if count else ()),
        ]
        done = subprocess.run(
            command, input=console_input, capture_output=True, timeout=limit_seconds, check=False
        )
        lines = COUNT_LINE.findall(log.read_text()) if count else []
        return Run(
            console=done.stdout.decode(errors="replace"),
            exit_status=done.returncode,
            instructions=tuple(int(guest) for _, guest, _ in lines),
            reset=tuple(int(reset) for _, _, reset in lines),
        )
