"""Policies of a Linux host that can forbid executable memory, as far as a process can see them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple


class HostPolicy(NamedTuple):
    """A policy: where it shows, whether that text says that it is on, and what to do about it."""

    name: str
    file: str
    is_on: Callable[[str], bool]
    remedy: str


def _status(name: str) -> Callable[[str], bool]:
    """Whether a line of /proc/self/status is not 0 (proc_pid_status(5))."""
    return lambda text: any(
        line.split()[1:] not in ([], ["0"]) for line in text.splitlines() if line.startswith(name)
    )


POLICIES = (
    HostPolicy(
        "SELinux",
        "/sys/fs/selinux/enforce",
        lambda text: text.strip() == "1",
        "let the domain map executable memory (execmem, execmod)",
    ),
    HostPolicy(
        "AppArmor",
        "/proc/self/attr/current",
        lambda text: text.strip().endswith("(enforce)"),
        "add the permission m to the profile",
    ),
    HostPolicy(
        "seccomp",
        "/proc/self/status",
        _status("Seccomp:"),
        "let the filter pass mmap with PROT_EXEC (systemd: MemoryDenyWriteExecute=no)",
    ),
)


def policies_in_force(root: Path = Path("/")) -> Iterator[HostPolicy]:
    """Give those that are on; root: where the file systems of the kernel are."""
    for policy in POLICIES:
        try:
            text = root.joinpath(policy.file.lstrip("/")).read_text(errors="replace")
        except OSError:
            continue  # the kernel was built without it, or hides it
        if policy.is_on(text):
            yield policy
