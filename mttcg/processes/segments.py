"""The shared-memory segments of a machine: who makes them, how big they are, how they are mapped.

| segment | written by | read by |
|---|---|---|
| ram | vCPUs, devices | all |
| harts | each hart's vCPU; the request line by anyone | all |
| machine | the vCPU that ends the guest; the supervisor; devices | all |
| cache | vCPUs, under its lock | all, the translator among them |
| records, with the interpreter | vCPUs | vCPUs |
| tracking | vCPUs, see `engine.tracking.layout` | vCPUs |
| arena | vCPUs and the translator, under its lock | vCPUs execute it |
| samples | each vCPU its own part; what asks and wakes, the translator as well | the translator |
| scoreboards | each vCPU its own pages | all |
| rings | each vCPU its own; the publisher its words | publisher |
"""

import ctypes
import mmap
import os

from mttcg.config import Config
from mttcg.engine.tracking.layout import tracking_bytes
from mttcg.memory.host import address_of_buffer
from mttcg.memory.page import PAGE
from mttcg.state.samples import samples_bytes
from mttcg.state.vcpu_state import STATE_BYTES
from mttcg.tbcache.layout import CacheLayout
from mttcg.tbcache.predecoded import PREDECODED_BYTES
from mttcg.vcpu.shared import machine_bytes

PROT_NONE = 0
"""Of mprotect(2)."""
GUARD = 16 * PAGE
"""Bytes that nobody can access beside the words of a scoreboard."""


def create_segment(name: str, size: int) -> int:
    """A new segment of zeros; its memory is taken page by page as it is touched.

    Raises OSError, with what was wanted as its file name.
    """
    descriptor = -1
    try:
        descriptor = os.memfd_create(f"mttcg-{name}", os.MFD_CLOEXEC)
        os.ftruncate(descriptor, size)
    except OSError as error:
        if descriptor >= 0:
            os.close(descriptor)
        wanted = f"{-(-size >> 20)} MiB of shared memory, {name}"
        raise OSError(error.errno, error.strerror, wanted) from error
    return descriptor


def fixed_sizes(config: Config, device_state: int) -> dict[str, int]:
    """Bytes of each segment that every machine has; `device_state`: what its devices need."""
    sizes = {
        "ram": config.memory,
        "harts": config.smp * STATE_BYTES,
        "machine": machine_bytes(device_state),
        "cache": CacheLayout(config.memory // PAGE).size,
        "tracking": tracking_bytes(config.memory // PAGE),
        "arena": config.code_cache,
        "samples": samples_bytes(config.smp),
    }
    if config.engine_name == "llvm":
        sizes["records"] = PREDECODED_BYTES
    return sizes


def scoreboard_stride(words: int) -> int:
    """Bytes of a scoreboard per vCPU: whole pages, so that no two vCPUs share a line."""
    return -(-8 * words // PAGE) * PAGE


def scoreboard_bytes(words: int, smp: int) -> int:
    """Bytes of a scoreboard's segment: a guard, then for each vCPU its pages and a guard."""
    return GUARD + smp * (scoreboard_stride(words) + GUARD)


def map_words(descriptor: int, words: int, cpu: int, guarded: bool = False) -> memoryview:
    """Map what a vCPU has of a scoreboard, shared and writable: exactly its words.

    They are the last of their pages. guarded: nothing before and behind these can be accessed, so
    that whoever leaves the words ends at once rather than change what is another's.
    """
    stride = scoreboard_stride(words)
    start = cpu * (stride + GUARD)
    if not guarded:
        mapped = map_segment(descriptor, stride, start + GUARD)
        return mapped[stride - 8 * words :]
    mapped = map_segment(descriptor, GUARD + stride + GUARD, start)
    base, end = address_of_buffer(mapped), GUARD + stride
    libc = ctypes.CDLL(None, use_errno=True)
    for address in (base, base + end):
        if libc.mprotect(ctypes.c_void_p(address), ctypes.c_size_t(GUARD), PROT_NONE):
            raise OSError(ctypes.get_errno(), "mprotect", "the guards of a scoreboard")
    return mapped[end - 8 * words : end]


def map_segment(descriptor: int, size: int, offset: int = 0) -> memoryview:
    """Map a segment, or `size` bytes of it from `offset`, shared and writable.

    Raises OSError, with what was wanted as its file name.
    """
    try:
        return memoryview(mmap.mmap(descriptor, size, mmap.MAP_SHARED, offset=offset))
    except OSError as error:
        wanted = f"{-(-size >> 20)} MiB of shared memory"
        raise OSError(error.errno, error.strerror, wanted) from error
