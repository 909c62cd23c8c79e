"""Device trees of others, flattened (Devicetree Specification v0.4, section 5): added to."""

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from mttcg.errors import MttcgError
from mttcg.hardware.devicetree import (
    BEGIN_NODE,
    END,
    END_NODE,
    HEADER,
    LAST_COMPATIBLE_VERSION,
    MAGIC,
    PROPERTY,
    RESERVATIONS_END,
    Node,
    flatten,
)

NOP = 4
DEEPEST = 64
"""Nodes within nodes."""
CELL = struct.Struct(">I")
PROPERTY_HEAD = struct.Struct(">2I")


class TreeError(MttcgError):
    """A flattened device tree that is none, or is damaged."""


@dataclass(frozen=True)
class _Blocks:
    """The parts of a flattened tree: its structure, names, and reserved memory."""

    structure: bytes
    names: bytes
    reservations: bytes


def with_properties(data: bytes, name: str, properties: Mapping[str, bytes]) -> bytes:
    """Return a flattened tree with some properties of a child of the root set, or added.

    The child is made if there is none of that name. Raises `TreeError`.
    """
    blocks, root = _read(data)
    child = next((node for node in root.children if node.name == name), Node(name))
    changed = replace(child, properties={**child.properties, **properties})
    others = [node for node in root.children if node.name != name]
    return flatten(replace(root, children=(changed, *others)), blocks.reservations)


def properties_of(data: bytes, name: str) -> Mapping[str, bytes]:
    """Return the properties of a child of the root, none without it; raises `TreeError`."""
    _, root = _read(data)
    return next((node.properties for node in root.children if node.name == name), {})


def _read(data: bytes) -> tuple[_Blocks, Node]:
    try:
        blocks = _blocks_of(data)
        return blocks, _Reader(blocks).root()
    except (struct.error, ValueError, IndexError, RecursionError) as error:
        raise TreeError(f"the device tree is damaged ({error})") from error


def _blocks_of(data: bytes) -> _Blocks:
    if len(data) < HEADER.size or not data.startswith(MAGIC.to_bytes(4, "big")):
        raise TreeError("it is no flattened device tree")
    header = HEADER.unpack_from(data)
    _, total, structure_at, names_at, reservations_at, version, compatible, _, names_size = header[
        :9
    ]
    if total > len(data):
        raise TreeError(f"the device tree is truncated: {len(data)} bytes of {total}")
    if version < LAST_COMPATIBLE_VERSION or compatible > LAST_COMPATIBLE_VERSION + 1:
        raise TreeError(f"it is a device tree of version {version}")
    end = data.index(RESERVATIONS_END, reservations_at) + len(RESERVATIONS_END)
    while (end - reservations_at) % len(RESERVATIONS_END):  # zeros within an entry
        end = data.index(RESERVATIONS_END, end - len(RESERVATIONS_END) + 1) + len(RESERVATIONS_END)
    return _Blocks(
        data[structure_at:total], data[names_at : names_at + names_size], data[reservations_at:end]
    )


class _Reader:
    """Reads the structure block, token by token."""

    def __init__(self, blocks: _Blocks) -> None:
        self.blocks, self.at = blocks, 0

    def root(self) -> Node:
        """Read the whole tree."""
        if self._token() != BEGIN_NODE:
            raise ValueError("it does not begin with a node")
        root = self._node(0)
        if self._token() != END:
            raise ValueError("it does not end behind its root")
        return root

    def _token(self) -> int:
        while True:
            (token,) = CELL.unpack_from(self.blocks.structure, self.at)
            self.at += CELL.size
            if token != NOP:
                return int(token)

    def _node(self, depth: int) -> Node:
        if depth > DEEPEST:
            raise ValueError("its nodes are too deep")
        name = _text_at(self.blocks.structure, self.at)
        self._skip(len(name) + 1)
        properties: dict[str, bytes] = {}
        children: list[Node] = []
        while (token := self._token()) != END_NODE:
            if token == BEGIN_NODE:
                children.append(self._node(depth + 1))
            elif token == PROPERTY:
                key, value = self._property()
                properties[key] = value
            else:
                raise ValueError(f"it has a token {token}")
        return Node(name.decode(), properties, tuple(children))

    def _property(self) -> tuple[str, bytes]:
        size, name_at = PROPERTY_HEAD.unpack_from(self.blocks.structure, self.at)
        self.at += PROPERTY_HEAD.size
        value = self.blocks.structure[self.at : self.at + size]
        if len(value) < size:
            raise ValueError("a property is longer than the tree")
        self._skip(size)
        return _text_at(self.blocks.names, name_at).decode(), value

    def _skip(self, size: int) -> None:
        self.at += -(-size // CELL.size) * CELL.size


def _text_at(block: bytes, at: int) -> bytes:
    return block[at : block.index(b"\0", at)]
