"""Reads flattened device trees back, straight from the specification (v0.4, section 5)."""

import struct
from dataclasses import dataclass, field


@dataclass
class ReadNode:
    properties: dict[str, bytes] = field(default_factory=dict)
    children: dict[str, "ReadNode"] = field(default_factory=dict)

    def at(self, path: str) -> "ReadNode":
        node = self
        for name in path.strip("/").split("/"):
            node = node.children[name]
        return node

    def cells(self, name: str) -> list[int]:
        value = self.properties[name]
        return list(struct.unpack(f">{len(value) // 4}I", value))

    def strings(self, name: str) -> list[str]:
        return self.properties[name].decode().removesuffix("\0").split("\0")

    def paths(self, prefix: str = "") -> dict[str, "ReadNode"]:
        found = {prefix or "/": self}
        for name, child in self.children.items():
            found |= child.paths(f"{prefix}/{name}")
        return found


def read_tree(blob: bytes) -> ReadNode:
    magic, total, structure, names, reserved, version, compatible, _, names_size, size = (
        struct.unpack_from(">10I", blob)
    )
    assert (magic, version, compatible) == (0xD00DFEED, 17, 16)
    assert total <= len(blob)
    assert reserved % 8 == 0
    assert structure % 4 == 0
    assert blob[reserved : reserved + 16] == bytes(16)
    assert structure + size <= total
    assert names + names_size <= total
    assert struct.unpack_from(">I", blob, structure) == (1,)
    node, at = _read_node(blob, structure + 4, names)
    assert struct.unpack_from(">I", blob, at) == (9,)
    assert at + 4 == structure + size
    return node


def _read_node(blob: bytes, at: int, names: int) -> tuple[ReadNode, int]:
    node = ReadNode()
    at = _after(blob.index(b"\0", at) + 1)
    while True:
        (token,) = struct.unpack_from(">I", blob, at)
        at += 4
        if token == 1:
            name = blob[at : blob.index(b"\0", at)].decode()
            node.children[name], at = _read_node(blob, at, names)
        elif token == 2:
            return node, at
        elif token == 3:
            assert not node.children  # properties go before children (section 5.4.2)
            size, offset = struct.unpack_from(">2I", blob, at)
            start = names + offset
            name = blob[start : blob.index(b"\0", start)].decode()
            node.properties[name] = blob[at + 8 : at + 8 + size]
            at = _after(at + 8 + size)
        else:
            assert token == 4, f"token {token} at {at:#x}"


def _after(at: int) -> int:
    return (at + 3) // 4 * 4
