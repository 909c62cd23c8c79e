"""What a process has mapped: the areas of its memory, in the kernel's maple tree of them.

Sources: linux: include/linux/maple_tree.h, lib/maple_tree.c, fs/d_path.c. A reference to a node has
the node's kind in its lowest bits; a node has pivots, the last address of each slot, and slots.
"""

from collections.abc import Iterator

from mttcg.instrument.api.process import MappedArea
from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_memory import KernelMemory
from mttcg.linux.layout import MemberPlace
from mttcg.memory.ram import WORD_SIZE

IS_NODE, KIND_SHIFT, KIND_BITS, NODE_BITS = 2, 3, 15, 255
LEAF_KIND, RANGE_KIND, GAPS_KIND = 1, 2, 3
STRUCTURES = {
    LEAF_KIND: "maple_range_64",
    RANGE_KIND: "maple_range_64",
    GAPS_KIND: "maple_arange_64",
}
"""Nodes by their kind."""
LEAST_POINTER = 4096
"""Slots below are marks, as of an area that is being made."""
DEEPEST, MOST_FOLDERS = 16, 256
LAST_ADDRESS = (1 << 64) - 1
PAGE_OFFSETS = 12
READABLE, WRITABLE, EXECUTABLE, SHARED = 1, 2, 4, 8
WHAT, EXPECTED = "the kernel", "areas of a process"


def areas_of(memory: KernelMemory, task: int) -> list[MappedArea]:
    """The areas of a task in order of address; none for a thread of the kernel.

    Raises KernelDataError where the structures make no sense, or are changed just then.
    """
    if "mm_struct.mm_mt.ma_root" not in memory.layout:
        raise KernelDataError(
            WHAT, "its areas of memory are in no maple tree", "Linux 6.1 or later"
        )
    mm = memory.member(task, "task_struct.mm")
    if not mm:
        return []
    root = memory.member(mm, "mm_struct.mm_mt.ma_root")
    return [_area(memory, place) for place in _entries(memory, root, LAST_ADDRESS, 0)]


def _entries(memory: KernelMemory, reference: int, last: int, depth: int) -> Iterator[int]:
    """The entries below a reference, which covers the addresses up to `last`."""
    if reference < LEAST_POINTER:
        return
    if not depth and reference & (IS_NODE | 1) != IS_NODE:
        yield reference  # a tree of one entry
        return
    kind, node = reference >> KIND_SHIFT & KIND_BITS, reference & ~NODE_BITS
    if kind not in STRUCTURES or depth == DEEPEST:
        raise KernelDataError(WHAT, f"a tree has a node of kind {kind} at {node:#x}", EXPECTED)
    for slot, end in _slots(memory, node, STRUCTURES[kind], last):
        if kind == LEAF_KIND:
            if slot >= LEAST_POINTER:
                yield slot
        else:
            yield from _entries(memory, slot, end, depth + 1)


def _slots(memory: KernelMemory, node: int, structure: str, last: int) -> Iterator[tuple[int, int]]:
    """Slots of a node that are used, with the last address of each."""
    pivots = _words(memory, node, memory.layout[f"{structure}.pivot"])
    slots = _words(memory, node, memory.layout[f"{structure}.slot"])
    for number, slot in enumerate(slots):
        end = pivots[number] if number < len(pivots) else last
        if number and not end:  # the rest is not used
            end = last
        yield slot, end
        if end >= last:
            return


def _words(memory: KernelMemory, node: int, place: MemberPlace) -> list[int]:
    content = memory.read(node + place.offset, place.size)
    return [
        int.from_bytes(content[at : at + WORD_SIZE], "little")
        for at in range(0, place.size, WORD_SIZE)
    ]


def _area(memory: KernelMemory, place: int) -> MappedArea:
    flags = memory.member(place, "vm_area_struct.vm_flags")
    file = memory.member(place, "vm_area_struct.vm_file")
    offset = memory.member(place, "vm_area_struct.vm_pgoff") << PAGE_OFFSETS if file else 0
    return MappedArea(
        start=memory.member(place, "vm_area_struct.vm_start"),
        end=memory.member(place, "vm_area_struct.vm_end"),
        offset=offset,
        path=path_of(memory, file) if file else "",
        access="".join(
            letter if flags & bit else "-"
            for letter, bit in (("r", READABLE), ("w", WRITABLE), ("x", EXECUTABLE))
        )
        + ("s" if flags & SHARED else "p"),
        file_size=_size_of(memory, file) if file else 0,
    )


def path_of(memory: KernelMemory, file: int) -> str:
    """The path of a file, over all mounts."""
    entry = memory.member(file, "file.f_path.dentry")
    mounted = memory.member(file, "file.f_path.mnt")
    mount = mounted - memory.layout["mount.mnt"].offset
    names: list[str] = []
    while len(names) < MOST_FOLDERS:
        root = memory.member(mount + memory.layout["mount.mnt"].offset, "vfsmount.mnt_root")
        if entry == root:
            above = memory.member(mount, "mount.mnt_parent")
            if above == mount:
                return "/" + "/".join(reversed(names))
            entry, mount = memory.member(mount, "mount.mnt_mountpoint"), above
            continue
        above = memory.member(entry, "dentry.d_parent")
        names.append(_name(memory, entry))
        if above == entry:  # of no mount: a file without a place, as of shared memory
            return "/".join(reversed(names))
        entry = above
    raise KernelDataError(WHAT, f"the file at {file:#x} is in too many folders", EXPECTED)


def _size_of(memory: KernelMemory, file: int) -> int:
    return memory.member(memory.member(file, "file.f_inode"), "inode.i_size")


def _name(memory: KernelMemory, entry: int) -> str:
    size = memory.member(entry, "dentry.d_name.len")
    place = memory.member(entry, "dentry.d_name.name")
    return memory.read(place, min(size, 255)).decode("utf-8", "replace")
