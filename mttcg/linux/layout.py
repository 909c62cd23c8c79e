"""Where the kernel's structures have what is read of them, by the kernel's own types."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from mttcg.linux.btf import KernelTypes


class MemberPlace(NamedTuple):
    """A member of a structure: bytes from its start, and how many it has."""

    offset: int
    size: int


Layout: TypeAlias = Mapping[str, MemberPlace]
"""By structure and member, as "task_struct.pid"."""
MEMBERS = {
    "task_struct": (
        "thread_info.cpu",
        "__state",
        "exit_state",
        "on_cpu",
        "comm",
        "pid",
        "tgid",
        "mm",
        "real_parent",
        "tasks",
        "signal",
        "thread_node",
        "nvcsw",
        "nivcsw",
    ),
    "signal_struct": ("thread_head",),
    "mm_struct": ("pgd",),
    "rq": ("curr",),
}
"""What is read."""


def layout_of(types: KernelTypes, saved: tuple[str, ...]) -> dict[str, MemberPlace]:
    """Find all that is read, `saved` of pt_regs; KernelDataError for what a kernel has not."""
    found = {}
    for structure, members in (*MEMBERS.items(), ("pt_regs", saved)):
        for path in members:
            member = types.member(structure, path)
            found[f"{structure}.{path}"] = MemberPlace(member.offset, types.size(member.type))
    return found
