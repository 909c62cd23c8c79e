"""The plugin devices: accesses, interrupts and direct memory access, counted in two ways."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mttcg_plugins.devices import KINDS

ROOT = Path(__file__).resolve().parents[2]
SECTOR, SECTORS, REQUESTS, HEADER = 512, 16, 49, 16


def run(tmp_path: Path, engine: str, plugin: str) -> tuple[Any, int]:
    """The result of a run, and how many characters the guest printed."""
    image, result = tmp_path / "disk.img", tmp_path / "result.json"
    image.write_bytes(bytes(64 * SECTOR))
    command = [sys.executable, "-m", "mttcg", "run", "examples/guests/disk.elf", "--smp", "2"]
    command += ["--engine", engine, "--drive", str(image), "--set", "interrupts=1", "--quiet"]
    command += ["--plugin", plugin, "--json", str(result)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, timeout=170, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(result.read_text()), len(done.stdout)


@pytest.mark.parametrize("engine", ["llvm", "unicorn"])
def test_each_event_is_counted_for_its_device(tmp_path: Path, engine: str) -> None:
    file = tmp_path / "events.npy"
    result, printed = run(tmp_path, engine, f"devices,out={file}")
    rows = result["plugins"]["devices"]["devices"]
    by_device = {(row["device"], row["cpu"]): row for row in rows}
    assert by_device["uart", 0]["writes"] == printed
    ends = [row["writes"] for (device, _), row in by_device.items() if device == "finisher"]
    assert sum(ends) == 1  # whichever hart came last
    claims = by_device["plic", 0]["reads"]
    assert by_device["virtio0", 0]["interrupts"] == claims > 0
    transfers = by_device["virtio0", ""]
    assert transfers["read_bytes"] == REQUESTS * HEADER + SECTORS * SECTOR
    assert transfers["written_bytes"] == REQUESTS + 2 * SECTORS * SECTOR
    (queue,) = result["devices"]
    assert transfers["read_bytes"] == queue["bytes_from_guest"]
    assert transfers["written_bytes"] == queue["bytes_to_guest"]
    recorded = np.load(file)
    for row in rows:
        its_own = recorded[recorded["device"] == row["device"].encode()]
        by_itself = row["cpu"] == ""
        for what, column in enumerate(("reads", "writes", "interrupts", "dma_reads", "dma_writes")):
            found = its_own[its_own["what"] == what]
            if not by_itself:
                found = found[found["cpu"] == row["cpu"]]
            if (what > KINDS.index("interrupt")) == by_itself:
                assert len(found) == row[column], (row["device"], column)


def test_only_what_is_at_the_level(tmp_path: Path) -> None:
    everything, _ = run(tmp_path, "llvm", "devices")
    of_machine, _ = run(tmp_path, "llvm", "devices,mode=machine")
    of_users, _ = run(tmp_path, "llvm", "devices,mode=user")
    uart = next(r for r in everything["plugins"]["devices"]["devices"] if r["device"] == "uart")
    rows = of_machine["plugins"]["devices"]["devices"]
    assert uart in rows
    assert all(row["cpu"] != "" for row in rows)
    assert of_users["plugins"]["devices"]["devices"] == []
