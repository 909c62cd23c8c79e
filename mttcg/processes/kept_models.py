"""What the device process keeps of its devices, beside their words, for a snapshot.

It is in a memory of its own, which the device process writes before it stands still, and reads at
its start if the machine goes on from a snapshot: a JSON text, by slot what `BackEnd.kept` gives, or
why that can't be kept.
"""

import json
import os
from collections.abc import Mapping
from typing import Any, TypeAlias

from mttcg.hardware.devices.virtio.backend import BackEnd, NotKeptError

MODELS = "models"
"""The name of the descriptor of that memory."""
WRONG, EXPECTED = "wrong", "expected"
KeptModels: TypeAlias = Mapping[str, dict[str, Any]]


def write_models(file: int, backends: Mapping[str, BackEnd]) -> None:
    """Write what is kept of devices that drivers use."""
    found: dict[str, Any] = {}
    for slot, backend in backends.items():
        try:
            kept = backend.kept()
        except NotKeptError as error:
            kept = {WRONG: error.wrong, EXPECTED: error.expected}
        if kept is not None:
            found[slot] = kept
    write_kept(file, found)


def write_kept(file: int, kept: KeptModels) -> None:
    """Write what was kept, so that a device process begins with it."""
    text = json.dumps(kept).encode()
    os.ftruncate(file, 0)
    os.pwrite(file, text, 0)


def read_kept(file: int) -> KeptModels:
    """Read it; NotKeptError if something can't be kept."""
    text = os.pread(file, os.fstat(file).st_size, 0)
    found: KeptModels = json.loads(text) if text else {}
    for slot, kept in found.items():
        if WRONG in kept:
            raise NotKeptError(f"{slot}: {kept[WRONG]}", kept[EXPECTED])
    return found
