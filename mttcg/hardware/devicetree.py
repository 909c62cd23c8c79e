"""Flattened device trees (Devicetree Specification v0.4, section 5)."""

import struct
from dataclasses import dataclass, field

MAGIC = 0xD00DFEED
VERSION, LAST_COMPATIBLE_VERSION = 17, 16
HEADER = struct.Struct(">10I")
BEGIN_NODE, END_NODE, PROPERTY, END = 1, 2, 3, 9
RESERVATIONS_END = bytes(16)


@dataclass(frozen=True)
class Node:
    """One node: its name (with unit address), properties by name, and children, in order."""

    name: str
    properties: dict[str, bytes] = field(default_factory=dict)
    children: tuple["Node", ...] = ()


def cells(*values: int) -> bytes:
    """Encode 32-bit cells (section 2.2.4, <u32> and <prop-encoded-array>)."""
    return struct.pack(f">{len(values)}I", *values)


def wide(*values: int) -> bytes:
    """Encode 64-bit values as two cells each (<u64>)."""
    return struct.pack(f">{len(values)}Q", *values)


def strings(*values: str) -> bytes:
    """Encode a <stringlist>, or a <string> if it is one."""
    return b"".join(value.encode() + b"\0" for value in values)


def flatten(root: Node, reservations: bytes = RESERVATIONS_END) -> bytes:
    """Return the flattened tree (section 5): header, reservations, structure, strings.

    reservations: memory that is reserved, as section 5.3 has it, none by default. The name of
    `root` has to be "". The size is a multiple of 8.
    """
    names: dict[str, int] = {}
    structure = _flatten_node(root, names) + cells(END)
    name_block = strings(*names)
    reservations_at = HEADER.size
    structure_at = reservations_at + len(reservations)
    strings_at = structure_at + len(structure)
    total = _aligned(strings_at + len(name_block), 8)
    header = HEADER.pack(
        MAGIC,
        total,
        structure_at,
        strings_at,
        reservations_at,
        VERSION,
        LAST_COMPATIBLE_VERSION,
        0,  # boot_cpuid_phys
        len(name_block),
        len(structure),
    )
    return (header + reservations + structure + name_block).ljust(total, b"\0")


def _flatten_node(node: Node, names: dict[str, int]) -> bytes:
    """Return the structure block of a node (section 5.4); `names`: offset of each name so far."""
    parts = [cells(BEGIN_NODE), _padded(strings(node.name))]
    for name, value in node.properties.items():
        offset = names.setdefault(name, sum(len(known) + 1 for known in names))
        parts += [cells(PROPERTY, len(value), offset), _padded(value)]
    parts += [_flatten_node(child, names) for child in node.children]
    return b"".join([*parts, cells(END_NODE)])


def _padded(data: bytes) -> bytes:
    return data.ljust(_aligned(len(data), 4), b"\0")


def _aligned(size: int, alignment: int) -> int:
    return (size + alignment - 1) // alignment * alignment
