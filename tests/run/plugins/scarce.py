"""Makes the process that loads it, and those that it forks, run out of something."""

import errno
import os
import resource
from dataclasses import dataclass
from pathlib import Path

PAGE = 4096


@dataclass(frozen=True)
class Options:
    """What of: "processes", or "memory", of which `left` MiB are left."""

    of: str
    left: int = 0


def no_fork() -> int:
    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))


def plugin_init(options: Options) -> None:
    if options.of == "processes":
        os.fork = no_fork
    else:
        mapped = int(Path("/proc/self/statm").read_text().split()[0]) * PAGE
        limit = mapped + (options.left << 20)
        resource.setrlimit(resource.RLIMIT_AS, (limit, limit))


def plugin_vcpu_start(_cpu: object) -> None:
    """Do nothing: the plugin is no mistake, though it attaches nothing."""
