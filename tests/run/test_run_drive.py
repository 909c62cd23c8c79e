"""Disks in whole runs: what guests read and write, and what is refused or goes wrong."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from run_harness import SOON, Running, eventually, guest

SECTOR, SECTORS = 512, 16
BYTES = 256 * SECTOR
EXIT_USER, EXIT_FAULT = 2, 70


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "disk.img"
    path.write_bytes(random.Random(1).randbytes(BYTES))
    return path


def turned(content: bytes, sectors: int = SECTORS) -> bytes:
    """What the guest makes of a disk."""
    size = sectors * SECTOR
    return bytes(byte ^ 0xFF for byte in content[:size]) + content[size:]


def said(content: bytes, interrupts: str) -> bytes:
    """What the guest prints."""
    total = sum(content[: SECTORS * SECTOR])
    capacity = len(content) // SECTOR
    text = f"capacity {capacity} sectors {SECTORS} sum {total} interrupts {interrupts}\n"
    return text.encode()


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
@pytest.mark.parametrize(("interrupts", "told"), [("0", "none"), ("1", "taken")])
def test_what_a_guest_writes_is_in_the_file_that_it_may_write(
    start: Callable[..., Running], image: Path, engine: str, interrupts: str, told: str
) -> None:
    before = image.read_bytes()
    arguments = (
        "--engine",
        engine,
        "--drive",
        f"{image},write",
        "--set",
        f"interrupts={interrupts}",
    )
    running = start(guest("disk"), *arguments, with_json=True)
    assert running.wait() == 0, running.stderr
    assert running.read() == said(before, told)
    assert image.read_bytes() == turned(before)
    (row,) = running.result["devices"]
    requests = 3 * SECTORS + 1
    assert row == {
        "device": "virtio0",
        "kind": "block",
        "source": str(image),
        "queue": 0,
        "requests": requests,
        "failed": 0,
        "dropped": 0,
        "bytes_from_guest": 16 * requests + SECTORS * SECTOR,
        "bytes_to_guest": requests + 2 * SECTORS * SECTOR,
    }
    assert "virtio0" in running.stderr


def test_a_file_stays_as_it_is_unless_it_may_be_written(
    start: Callable[..., Running], image: Path
) -> None:
    before = image.read_bytes()
    image.chmod(0o400)
    running = start(guest("disk"), "--drive", str(image), "--set", "interrupts=1")
    assert running.wait() == 0, running.stderr
    assert running.read() == said(before, "taken")
    assert image.read_bytes() == before
    running.check_nothing_left()


def test_a_guest_can_not_write_what_is_for_reading(
    start: Callable[..., Running], image: Path
) -> None:
    before = image.read_bytes()
    running = start(guest("disk"), "--drive", f"{image},readonly", with_json=True)
    assert running.wait() == 1
    assert image.read_bytes() == before
    assert running.result["devices"][0]["failed"] == 1


def test_several_disks_each_have_a_slot(start: Callable[..., Running], image: Path) -> None:
    first = image.with_name("a,b.img")
    first.write_bytes(bytes(SECTORS * SECTOR))
    name = str(first).replace(",", ",,")
    arguments = ("--drive", f"{name},write,format=raw", "--drive", str(image), "--rng")
    running = start(guest("disk"), *arguments, with_json=True)
    assert running.wait() == 0, running.stderr
    assert first.read_bytes() == b"\xff" * (SECTORS * SECTOR)
    kinds = [(row["device"], row["kind"], row["requests"]) for row in running.result["devices"]]
    assert kinds == [("virtio0", "block", 49), ("virtio1", "block", 0), ("virtio2", "entropy", 0)]


def test_accesses_to_the_registers_are_told_to_plugins(
    start: Callable[..., Running], image: Path, tmp_path: Path
) -> None:
    source = tmp_path / "told.py"
    source.write_text(
        "from collections import Counter\n"
        "seen = Counter()\n"
        "def plugin_mmio(cpu, device, address, size, value, is_write):\n"
        "    seen[device] += 1\n"
        "def plugin_exit():\n"
        "    print(seen['virtio0 (block)'] > 49, seen['virtio1'])\n"
    )
    running = start(guest("disk"), "--drive", str(image), "--plugin", str(source))
    assert running.wait() == 0, running.stderr
    assert "True 0" in running.stderr


@pytest.mark.parametrize(
    ("option", "wrong"),
    [
        ("{0}/absent.img", "{0}/absent.img: No such file or directory"),
        ("{0}", "{0} is a directory"),
        ("{0},write", "{0}: Is a directory"),
        ("/dev/null", "/dev/null is neither a file nor a block device"),
        ("{0}/odd.img", "{0}/odd.img has 700 bytes"),
        ("{0}/empty.img", "{0}/empty.img has 0 bytes"),
        ("{0}/disk.img,slow", "'slow' can't be there"),
        ("{0}/disk.img,write,readonly", "'readonly' can't be there"),
        ("{0}/disk.img,format=qcow2", "format 'qcow2' is not known"),
        (",write", "names no file"),
    ],
)
def test_what_is_no_image_is_one_line(
    option: str, wrong: str, start: Callable[..., Running], image: Path
) -> None:
    folder = image.parent
    (folder / "odd.img").write_bytes(bytes(700))
    (folder / "empty.img").write_bytes(b"")
    running = start(guest("disk"), "--drive", option.format(folder))
    assert running.wait() == EXIT_USER
    (line,) = running.stderr.splitlines()
    assert line.startswith("mttcg: --drive: ")
    assert wrong.format(folder) in line


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write any file")
def test_a_file_that_may_not_be_written_is_one_line(
    start: Callable[..., Running], image: Path
) -> None:
    image.chmod(0o400)
    running = start(guest("disk"), "--drive", f"{image},write")
    assert running.wait() == EXIT_USER
    assert "Permission denied" in running.stderr


@pytest.mark.parametrize(
    ("first", "second", "refused"),
    [("write", "write", True), ("write", "", True), ("", "write", True), ("", "readonly", False)],
)
def test_no_file_is_written_by_two(
    first: str, second: str, refused: bool, start: Callable[..., Running], image: Path
) -> None:
    def with_drive(name: str, access: str) -> Running:
        option = f"{image},{access}" if access else str(image)
        return start(guest(name), "--drive", option)

    other = with_drive("spin", first)
    other.read(until=b"spinning on 1 hart\n")
    running = with_drive("disk", second)
    assert running.wait() == (EXIT_USER if refused else (1 if second else 0))
    if refused:
        (line,) = running.stderr.splitlines()
        assert str(image) in line
    other.process.send_signal(signal.SIGINT)
    other.wait()


def test_more_devices_than_slots_are_one_line(start: Callable[..., Running], image: Path) -> None:
    running = start(guest("disk"), *["--drive", str(image)] * 9)
    assert running.wait() == EXIT_USER
    (line,) = running.stderr.splitlines()
    assert line.startswith("mttcg: --drive: 9 devices")


def test_a_device_process_that_is_killed_ends_the_run(
    start: Callable[..., Running], image: Path
) -> None:
    running = start(guest("spin"), "--drive", f"{image},write", "--smp", "2", with_json=True)
    running.read(until=b"spinning on 2 harts\n")
    running.kill("devices")
    assert running.wait() == EXIT_FAULT
    lines = [line for line in running.stderr.splitlines() if line.startswith("mttcg: ")]
    assert lines == ["mttcg: the device process ended (signal 9)"]
    assert [vcpu["state"] for vcpu in running.result["vcpus"]] == ["stopped", "stopped"]
    running.check_nothing_left()


@pytest.mark.parametrize("role", ["host", "supervisor"])
def test_the_device_process_ends_with_the_run(
    role: str, start: Callable[..., Running], image: Path
) -> None:
    running = start(guest("spin"), "--drive", f"{image},write")
    running.read(until=b"spinning on 1 hart\n")
    (devices,) = running.members("devices")
    if role == "host":
        running.kill("host")
    else:
        os.kill(running.process.pid, signal.SIGKILL)
    running.wait()
    eventually(lambda: not devices.is_running())
    running.check_nothing_left()


def test_harts_that_wait_for_nothing_are_no_run_beside_a_disk(
    start: Callable[..., Running], image: Path
) -> None:
    running = start(guest("wait"), "--drive", str(image), "--smp", "2")
    assert running.wait(SOON) == 71


def test_a_pause_holds_the_device_process_too(start: Callable[..., Running], image: Path) -> None:
    running = start(
        guest("spin"), "--drive", str(image), "--control", "--bus", f"ipc://{image.parent}/bus"
    )
    running.read(until=b"spinning on 1 hart\n")
    url = f"ipc://{image.parent}/bus"
    (devices,) = running.members("devices")
    for action in ("pause", "resume", "pause", "resume", "stop"):
        done = subprocess.run(
            [sys.executable, "-m", "mttcg", "ctl", url, action],
            capture_output=True,
            timeout=SOON,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    running.wait()
    assert not devices.is_running()
