"""A kernel's types: offsets and sizes of members, found among other data; damage is one line."""

import contextlib
import struct
from pathlib import Path

import pytest
from built_btf import ARRAY, HEADER_SIZE, BuiltBtf, small_kernel

from mttcg.errors import GuestFileError
from mttcg.linux.btf import KernelTypes, find_btf
from mttcg.linux.errors import KernelDataError
from mttcg.linux.type_files import read_type_file


@pytest.mark.parametrize(
    ("path", "offset", "size"),
    [
        ("pid", 8, 4),
        ("comm", 16, 16),
        ("tasks", 32, 16),
        ("tasks.prev", 40, 8),
        ("whole", 48, 8),
        ("low", 52, 4),
    ],
)
def test_members_of_a_structure(path: str, offset: int, size: int) -> None:
    types = KernelTypes(small_kernel().data())
    found = types.member("task_struct", path)
    assert (found.offset, types.size(found.type)) == (offset, size)


def test_bit_fields_have_their_size_above_their_offset() -> None:
    types = KernelTypes(small_kernel().data())
    assert types.member("flags", "one").offset == 0
    assert types.member("flags", "other").offset == 4


@pytest.mark.parametrize(
    ("structure", "path", "wrong"),
    [
        ("task_struct", "nothing", "struct task_struct has no member nothing"),
        ("task_struct", "pid.x", "struct task_struct has no member pid.x"),
        ("jiffies", "x", "there is no structure jiffies"),
        ("pid_t", "x", "there is no structure pid_t"),
    ],
)
def test_what_there_is_not(structure: str, path: str, wrong: str) -> None:
    with pytest.raises(KernelDataError, match=wrong):
        KernelTypes(small_kernel().data()).member(structure, path)


def test_those_of_the_kernel_are_found_among_others() -> None:
    module = BuiltBtf()
    module.structure("of_a_module", 8, [])
    of_module = module.data()
    memory = b"\x9f\xeb\x01\0" + of_module + b"x" * 77 + small_kernel().data() + of_module
    found = find_btf(memory)
    assert found is not None
    assert found.member("task_struct", "pid").offset == 8
    assert find_btf(of_module) is None
    assert find_btf(b"") is None


def damaged() -> dict[str, bytes]:
    data = small_kernel().data()
    bad_kind = bytearray(data)
    bad_kind[HEADER_SIZE + 7] = 30
    many = bytearray(data)
    struct.pack_into("<I", many, HEADER_SIZE + 4, 4 << 24 | 0xFFFF)
    return {
        "empty": b"",
        "no header": b"\0" * 64,
        "another version": data[:2] + b"\2" + data[3:],
        "cut in its header": data[:20],
        "cut in its types": data[:100],
        "cut in its names": data[:-3],
        "a kind": bytes(bad_kind),
        "a number of members": bytes(many),
    }


@pytest.mark.parametrize("kind", damaged())
def test_damage_is_one_line(kind: str, tmp_path: Path) -> None:
    with pytest.raises(KernelDataError) as caught:
        KernelTypes(damaged()[kind])
    assert str(caught.value).startswith("the kernel's types: ")
    path = tmp_path / "types"
    path.write_bytes(damaged()[kind])
    with pytest.raises(GuestFileError) as refused:
        read_type_file(path)
    assert "\n" not in str(refused.value)


def test_a_type_that_stands_for_itself_leads_nowhere() -> None:
    built = BuiltBtf()
    own = built.add(8, "loop", 1)
    built.structure("task_struct", 8, [("pid", own, 0)])
    types = KernelTypes(built.data())
    with pytest.raises(KernelDataError, match="leads nowhere"):
        types.size(types.member("task_struct", "pid").type)


def test_a_type_that_is_in_itself_is_damage() -> None:
    built = BuiltBtf()
    array = built.add(ARRAY, "", 0, struct.pack("<III", 1, 1, 2))
    own = built.count + 1
    built.structure("task_struct", 8, [("pid", array, 0), ("", own, 0)])
    types = KernelTypes(built.data())
    with pytest.raises(KernelDataError, match="in itself"):
        types.size(array)
    with pytest.raises(KernelDataError, match="in itself"):
        types.member("task_struct", "pid")


def test_any_changed_byte_ends_in_an_answer() -> None:
    data = small_kernel().data()
    for at in range(len(data)):
        changed = bytearray(data)
        changed[at] ^= 0xFF
        with contextlib.suppress(KernelDataError):
            types = KernelTypes(bytes(changed))
            types.size(types.member("task_struct", "tasks.next").type)


def test_types_come_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "vmlinux.btf"
    path.write_bytes(small_kernel().data())
    assert read_type_file(path).member("task_struct", "comm").offset == 16


@pytest.mark.parametrize(
    ("content", "wrong"),
    [(b"\x7fELF" + bytes(60), "damaged|no section"), (b"\x7fELF\2\1\1" + b"\xff" * 99, "damaged")],
)
def test_an_elf_without_types_is_refused(tmp_path: Path, content: bytes, wrong: str) -> None:
    path = tmp_path / "vmlinux"
    path.write_bytes(content)
    with pytest.raises(GuestFileError, match=wrong):
        read_type_file(path)
