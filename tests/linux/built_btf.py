"""Writes BTF, as linux: Documentation/bpf/btf.rst has it: types by number, and their names."""

import struct
from collections.abc import Sequence

INT, POINTER, ARRAY, STRUCT, UNION, TYPEDEF, CONST = 1, 2, 3, 4, 5, 8, 10
ENUM, PROTOTYPE, VARIABLE, SECTION, FLOAT, TAG, ENUM64 = 6, 13, 14, 15, 16, 17, 19
WITH_BITFIELDS = 1 << 31
HEADER_SIZE = 24


class BuiltBtf:
    """Types, which are numbered from 1 on in the order in which they are added."""

    def __init__(self) -> None:
        self.types, self.names, self.count = bytearray(), bytearray(b"\0"), 0

    def name(self, text: str) -> int:
        if not text:
            return 0
        self.names += text.encode() + b"\0"
        return len(self.names) - len(text) - 1

    def add(self, kind: int, name: str, size: int, behind: bytes = b"", count: int = 0) -> int:
        info = (kind << 24 | count) if kind < 1 << 6 else kind
        self.types += struct.pack("<III", self.name(name), info, size) + behind
        self.count += 1
        return self.count

    def integer(self, name: str, size: int) -> int:
        return self.add(INT, name, size, struct.pack("<I", 8 * size))

    def array(self, element: int, count: int) -> int:
        return self.add(ARRAY, "", 0, struct.pack("<III", element, element, count))

    def structure(
        self, name: str, size: int, members: Sequence[tuple[str, int, int]], kind: int = STRUCT
    ) -> int:
        """Members are names, types, and offsets in bits."""
        packed = [struct.pack("<III", self.name(text), of, at) for text, of, at in members]
        return self.add(kind, name, size, b"".join(packed), len(members))

    def data(self) -> bytes:
        head = struct.pack(
            "<HBBIIIII", 0xEB9F, 1, 0, HEADER_SIZE, 0, len(self.types), len(self.types),
            len(self.names),
        )  # fmt: skip
        return head + bytes(self.types + self.names)


def small_kernel() -> BuiltBtf:
    """A task_struct with what such structures have, between types of all other kinds."""
    built = BuiltBtf()
    word, byte = built.integer("unsigned int", 4), built.integer("char", 1)
    built.add(ENUM, "colour", 4, struct.pack("<II", built.name("red"), 1), 1)
    built.add(ENUM64, "wide", 8, struct.pack("<III", built.name("blue"), 1, 2), 1)
    built.add(PROTOTYPE, "", word, struct.pack("<II", 0, word), 1)
    built.add(VARIABLE, "jiffies", word, struct.pack("<I", 1))
    built.add(SECTION, ".data", 0, struct.pack("<III", 1, 0, 8), 1)
    built.add(FLOAT, "double", 8)
    built.add(TAG, "tagged", word, struct.pack("<I", 0))
    pid = built.add(TYPEDEF, "pid_t", built.add(CONST, "", word))
    pointer = built.add(POINTER, "", 0)
    comm = built.array(byte, 16)
    inner = built.structure("", 16, [("next", pointer, 0), ("prev", pointer, 64)])
    union = built.structure("", 8, [("low", word, 32), ("whole", pointer, 0)], UNION)
    members = [("pid", pid, 64), ("comm", comm, 128), ("tasks", inner, 256), ("", union, 384)]
    built.structure("task_struct", 64, members)
    flags = [("one", word, 1 << 24 | 5), ("other", word, 32)]
    packed = b"".join(struct.pack("<III", built.name(n), of, at) for n, of, at in flags)
    built.add(WITH_BITFIELDS | STRUCT << 24 | 2, "flags", 8, packed)
    return built
