"""`mttcg exec` goes on from a snapshot that is made at first use; each program is on its own."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from built_program import build_program
from debian_guest import FOLDER, LIMIT, needs_debian

from mttcg.images.catalogue import INITRD, KERNEL, ORIGIN

pytest.importorskip("ziglang", reason="programs are built with it: pip install '.[test]'")
pytestmark = [needs_debian, pytest.mark.timeout(1200)]
IN_FOLDER = """
import sys
from pathlib import Path
import mttcg.programs.program as program
program.image_folder = lambda: Path(sys.argv[1])
from mttcg.cli import main
sys.exit(main(sys.argv[2:]))
"""
"""`mttcg`, with an image of its own."""


class ImageOfOwn:
    """A folder with the image's files, in which nothing is kept yet, and the program."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.image = folder, folder / "image"
        self.image.mkdir()
        for name in (KERNEL, INITRD, ORIGIN):
            os.link(FOLDER / name, self.image / name)
        build_program("acts", folder / "acts")

    def start(self, *words: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-c", IN_FOLDER, str(self.image), "exec", *words]
        pipe = subprocess.PIPE
        return subprocess.Popen(
            command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, text=True
        )

    def run(self, *options: str, act: str = "own") -> str:
        """What the program says."""
        with self.start(*options, "--", "./acts", act) as process:
            said, errors = process.communicate(timeout=LIMIT)
            assert (errors, process.returncode) == ("", 0)
        return said

    def instructions(self, *options: str) -> int:
        self.run(*options, "--json", "result.json")
        result = json.loads((self.folder / "result.json").read_text())
        assert not result["failures"] and not result["warnings"]
        return sum(int(vcpu["instructions"]) for vcpu in result["vcpus"])

    @property
    def kept(self) -> list[Path]:
        return sorted(self.image.glob("ready-*.snap"))


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> ImageOfOwn:
    return ImageOfOwn(tmp_path_factory.mktemp("own"))


def test_it_is_made_once_and_nothing_of_the_kernels_start_is_run_then(image: ImageOfOwn) -> None:
    cold = image.instructions("--cold")
    assert image.kept == []
    image.run()
    [path] = image.kept
    made = path.stat().st_ino
    assert 3 * image.instructions() < cold
    assert [each.stat().st_ino for each in image.kept] == [made]
    assert image.instructions("--smp", "2", "--memory", "256M") > 0
    assert len(image.kept) == 2, "another machine"


def test_programs_have_random_numbers_and_the_time_of_their_own(image: ImageOfOwn) -> None:
    began = int(time.time())
    own = [image.run().split() for _ in range(3)]
    numbers, times = {number for number, _ in own}, [int(seconds) for _, seconds in own]
    assert len(numbers) == 3
    assert began <= times[0] <= times[1] <= times[2] <= time.time()


def test_a_damaged_one_is_made_anew(image: ImageOfOwn) -> None:
    image.run()
    for path in image.kept:
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1  # of a piece
        path.write_bytes(content)
    image.run()
    assert 3 * image.instructions() < image.instructions("--cold")
    for path in image.kept:
        path.write_bytes(b"none")
    image.run()
    assert 3 * image.instructions() < image.instructions("--cold")


def test_many_at_once_make_one(image: ImageOfOwn) -> None:
    for path in image.kept:
        path.unlink()
    began = [image.start("--", "./acts", "own") for _ in range(4)]
    said = [process.communicate(timeout=LIMIT) for process in began]
    assert all(process.returncode == 0 for process in began), said
    assert len({shown for shown, _ in said}) == 4
    assert len(image.kept) == 1
    assert not list(image.image.glob(".*part*"))


def test_where_it_can_not_be_kept_linux_starts_each_time(image: ImageOfOwn) -> None:
    image.run()
    [path] = image.kept
    path.unlink()
    lock = path.with_suffix(".lock")
    lock.unlink()
    lock.mkdir()  # as good as a folder that can't be written, also for root
    image.run()
    assert image.kept == []
    lock.rmdir()
