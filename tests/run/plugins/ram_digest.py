"""Writes a digest of RAM as it is when a vCPU has ended."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from mttcg.instrument import Cpu, option

BASE, SIZE, PIECE = 0x8000_0000, 16 << 20, 1 << 20


@dataclass(frozen=True)
class Options:
    """Options of ram_digest."""

    out: Path = option(Path(), help="folder to write to")


options: Options


def plugin_init(given: Options) -> bool:
    global options
    options = given
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    digest = hashlib.sha256()
    for at in range(BASE, BASE + SIZE, PIECE):
        digest.update(cpu.read_memory(at, PIECE))
    (options.out / f"ram{cpu.index}").write_text(digest.hexdigest())
