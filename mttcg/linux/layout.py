"""Where the kernel's structures have what is read of them, by the kernel's own types."""

from collections.abc import Mapping
from typing import NamedTuple, TypeAlias

from mttcg.linux.btf import KernelTypes
from mttcg.linux.errors import KernelDataError


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
        "group_leader",
        "start_time",
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
AREAS = {
    "mm_struct": ("mm_mt.ma_root",),
    "maple_range_64": ("pivot", "slot"),
    "maple_arange_64": ("pivot", "slot"),
    "vm_area_struct": ("vm_start", "vm_end", "vm_pgoff", "vm_flags", "vm_file"),
    "file": ("f_path.mnt", "f_path.dentry", "f_inode"),
    "inode": ("i_size",),
    "dentry": ("d_parent", "d_name.name", "d_name.len"),
    "vfsmount": ("mnt_root",),
    "mount": ("mnt", "mnt_parent", "mnt_mountpoint"),
}
"""What is read to know the areas of processes, which are elsewhere in kernels before 6.1."""
MODULES = {
    "module": ("list", "name", "kallsyms"),
    "mod_kallsyms": ("symtab", "num_symtab", "strtab"),
}
"""What is read to know the symbols of modules; a kernel may have none."""


def layout_of(types: KernelTypes, saved: tuple[str, ...]) -> dict[str, MemberPlace]:
    """Find all that is read, `saved` of pt_regs; KernelDataError for what a kernel has not."""
    found = {}
    for structure, members in (*MEMBERS.items(), ("pt_regs", saved)):
        for path in members:
            member = types.member(structure, path)
            found[f"{structure}.{path}"] = MemberPlace(member.offset, types.size(member.type))
    return found | _optional(types, AREAS) | _optional(types, MODULES)


def _optional(types: KernelTypes, wanted: Mapping[str, tuple[str, ...]]) -> dict[str, MemberPlace]:
    """All of what a kernel may have in another way, or nothing."""
    found = {}
    try:
        for structure, members in wanted.items():
            for path in members:
                member = types.member(structure, path)
                found[f"{structure}.{path}"] = MemberPlace(member.offset, types.size(member.type))
    except KernelDataError:
        return {}
    return found
