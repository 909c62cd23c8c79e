"""Devices of runs that repeat: what is notified is served before the next instruction."""

import io
import os
from pathlib import Path
from typing import Any

import pytest
from run_harness import GUESTS, plugin

from mttcg import Machine
from mttcg.hardware.devices.virtio.entropy import EntropyDevice, SeededBytes
from mttcg.input_log import InputLogError
from mttcg.supervisor.run_inputs import WINDOW, file_digest

WAYS: list[dict[str, Any]] = [
    {"plugins": ["icount", "hotblocks", "devices"]},
    {"plugins": ["memtrace"], "tiers": "interpreter"},
    {"check": True, "pin": True},
]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(bytes(range(256)) * 64)
    return path


def run(image: Path, folder: Path, **options: Any) -> Any:
    """A run of the guest `disk`: what of it has to be the same."""
    console = io.BytesIO()
    given: dict[str, Any] = {"smp": 2, "memory": 16 << 20, "deterministic": True} | options
    given["plugins"] = [*given.get("plugins", ()), plugin("ram_digest", out=folder)]
    result = Machine(GUESTS / "disk.elf", drives=[image], **given).run(console=console)
    assert (result.exit_status, result.failures) == (0, [])
    counts = [(v.instructions, v.blocks, v.traps, v.interrupts) for v in result.vcpus]
    memory = [each.read_text() for each in sorted(folder.glob("ram*"))]
    return console.getvalue(), counts, memory, list(result.devices)


@pytest.mark.parametrize("interrupts", [0, 1])
def test_a_disk_is_the_same_with_other_plugins(
    interrupts: int, image: Path, tmp_path: Path
) -> None:
    before, options = image.read_bytes(), {"symbols_set": {"interrupts": interrupts}}
    first = run(image, tmp_path, **options)
    assert b"sum " in first[0]
    for way in WAYS[: 3 if interrupts else 1]:
        assert run(image, tmp_path, **options, **way) == first
    assert image.read_bytes() == before


def test_a_log_is_of_what_is_on_the_disk(image: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    first = run(image, tmp_path, record_inputs=log)
    copy = tmp_path / "copy.img"
    copy.write_bytes(image.read_bytes())
    assert run(copy, tmp_path, replay_inputs=log)[:3] == first[:3]
    copy.write_bytes(image.read_bytes()[:-1] + b"x")
    with pytest.raises(InputLogError, match="its run has drives "):
        run(copy, tmp_path, replay_inputs=log)


def test_a_digest_does_not_depend_on_holes(tmp_path: Path) -> None:
    content = b"a" * 10 + bytes(3 * WINDOW) + b"b" * WINDOW
    paths = [tmp_path / name for name in ("whole", "sparse")]
    paths[0].write_bytes(content)
    with paths[1].open("wb") as file:
        file.write(content[:10])
        file.seek(len(content) - WINDOW)
        file.write(content[-WINDOW:])
    digests = []
    for path in paths:
        with path.open("rb") as file:
            digests.append(file_digest(file.fileno()))
    assert digests[0] == digests[1]
    assert digests[0][0] == len(content)


def test_random_numbers_of_a_seed_go_on_where_they_were() -> None:
    first, again, other = SeededBytes("1"), SeededBytes("1"), SeededBytes("2")
    drawn = [first.next(size) for size in (1, 64, 1000)]
    assert [again.next(size) for size in (1, 64, 1000)] == drawn
    assert other.next(64) != SeededBytes("1").next(64)
    device = EntropyDevice(SeededBytes("1"))
    device.restore(EntropyDevice(first).kept())
    assert device.source.next(8) == first.next(8)


def test_runs_that_do_not_repeat_have_the_hosts() -> None:
    assert EntropyDevice().source.next(16) != os.urandom(16)
