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
import resource
import weakref

from mttcg.config import Config
from mttcg.engine.tracking.layout import tracking_bytes
from mttcg.memory.page import PAGE
from mttcg.state.samples import samples_bytes
from mttcg.state.vcpu_state import STATE_BYTES
from mttcg.tbcache.layout import CacheLayout
from mttcg.tbcache.predecoded import PREDECODED_BYTES
from mttcg.vcpu.machine.shared import machine_bytes

PROT_NONE, PROT_READ_WRITE = 0, 3
MAP_FIXED, MAP_NORESERVE = 0x10, 0x4000
FAILED = (1 << 64) - 1
"""Of mmap(2), on Linux."""
GUARD, WIDE_GUARD = 16 * PAGE, 1 << 30
"""Bytes that nobody can access on either side of the words of a scoreboard: where addresses are
limited (ulimit -v), and else."""


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
    """Bytes of a scoreboard's segment: for each vCPU its pages."""
    return smp * scoreboard_stride(words)


def map_words(descriptor: int, words: int, cpu: int, guarded: bool = False) -> memoryview:
    """Map what a vCPU has of a scoreboard, shared and writable: exactly its words.

    They are the last of their pages. guarded: nothing before and behind these can be accessed, so
    that whoever leaves the words ends at once rather than change what is another's. Raises OSError.
    """
    stride = scoreboard_stride(words)
    start = cpu * stride
    if not guarded:
        return map_segment(descriptor, stride, start)[stride - 8 * words :]
    guard = guard_bytes()
    room = reserve(guard + stride + guard)
    shared = mmap.MAP_SHARED | MAP_FIXED
    place = _mmap(room + guard, stride, PROT_READ_WRITE, shared, descriptor, start)
    mapped = (ctypes.c_ubyte * stride).from_address(place)
    weakref.finalize(mapped, _unmap, room, guard + stride + guard).atexit = False
    return memoryview(mapped).cast("B")[stride - 8 * words :]


def guard_bytes() -> int:
    """Of what nobody can access on either side of a vCPU's words: addresses, and no memory."""
    limited = resource.getrlimit(resource.RLIMIT_AS)[0] != resource.RLIM_INFINITY
    return GUARD if limited else WIDE_GUARD


def reserve(size: int) -> int:
    """Addresses at which nobody can access anything."""
    return _mmap(0, size, PROT_NONE, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)


def _unmap(address: int, size: int) -> None:
    ctypes.CDLL(None).munmap(ctypes.c_void_p(address), ctypes.c_size_t(size))


def _mmap(address: int, size: int, access: int, flags: int, descriptor: int, offset: int) -> int:
    libc = ctypes.CDLL(None, use_errno=True)
    libc.mmap.restype = ctypes.c_void_p
    long, pointer, number = ctypes.c_long, ctypes.c_void_p, ctypes.c_int
    libc.mmap.argtypes = [pointer, ctypes.c_size_t, number, number, number, long]
    found = libc.mmap(address, size, access, flags, descriptor, offset)
    if found in (None, FAILED):
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), "the words of a scoreboard")
    return int(found)


def map_segment(descriptor: int, size: int, offset: int = 0) -> memoryview:
    """Map a segment, or `size` bytes of it from `offset`, shared and writable.

    Raises OSError, with what was wanted as its file name.
    """
    try:
        return memoryview(mmap.mmap(descriptor, size, mmap.MAP_SHARED, offset=offset))
    except OSError as error:
        wanted = f"{-(-size >> 20)} MiB of shared memory"
        raise OSError(error.errno, error.strerror, wanted) from error
