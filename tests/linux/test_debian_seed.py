"""Debian's kernel with a seed to move itself by: its names are where it shows them."""

import re
from pathlib import Path

import pytest
from debian_guest import FOLDER, needs_debian
from debian_run import boot

from mttcg.config import Config
from mttcg.guest.boot_files import read_boot_files
from mttcg.hardware.boards.riscv_virt import BOARD
from mttcg.images.catalogue import KERNEL
from mttcg.isa.registry import isa_named
from mttcg.option_values import MIB

ROW = re.compile(r"([0-9a-f]{16}) \w (\S+)$", re.MULTILINE)


def seeded(folder: Path) -> Path:
    system = isa_named("riscv64").system
    isa = system.isa_text(system.extensions["llvm"])
    chosen = {"kaslr-seed": bytes(range(1, 9))}
    file = folder / "seeded.dtb"
    file.write_bytes(BOARD.device_tree(1, 256 * MIB, {}, isa=isa, chosen=chosen))
    return file


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
def test_names_are_those_that_the_kernel_shows(tmp_path: Path) -> None:
    dtb = seeded(tmp_path)
    run = boot(tmp_path, "grep vfs_ /proc/kallsyms", options=("--dtb", str(dtb)))
    theirs = {(int(address, 16), name) for address, name in ROW.findall(run.shown)}
    config = Config(kernel=FOLDER / KERNEL, dtb=dtb, memory=256 * MIB)
    image = read_boot_files(config, BOARD).image
    ours = {(each.address, each.name) for each in image.symbols if "vfs_" in each.name}
    assert len(theirs) > 100
    assert theirs == ours
    assert "has moved itself" not in run.said
