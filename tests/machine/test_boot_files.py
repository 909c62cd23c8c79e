"""What is in RAM at the start, for each way to start."""

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from test_linux_image import image
from tiny_elf import TinyElf, TinySegment, TinySymbol
from tree_reader import ReadNode, read_tree

from mttcg.config import Config
from mttcg.errors import GuestFileError, OptionError
from mttcg.guest.boot import (
    BootState,
    check_device_symbols,
    fill_ram,
    largest_gap,
    place_device_tree,
)
from mttcg.guest.boot_files import read_boot_files
from mttcg.guest.elf import load_guest
from mttcg.guest.image import GuestImage, Symbol, SymbolTable
from mttcg.guest.layout import RamLayout
from mttcg.hardware.boards.riscv_virt import BOARD, RAM_BASE
from mttcg.hardware.devicetree import Node, flatten, strings
from mttcg.memory.address import Virtual
from mttcg.option_values import MIB

MEMORY = 8 * MIB
END = RAM_BASE + MEMORY
KERNEL_AT = RAM_BASE + 2 * MIB
ISA = "rv64imafdc_zicsr"
WriteElf = Callable[[TinyElf | bytes], Path]


class Filled:
    """RAM as it is at the start of a run with some options."""

    def __init__(self, **options: Any) -> None:
        self.config = Config(**{"memory": MEMORY, "smp": 2, **options})
        self.boot = read_boot_files(self.config, BOARD)
        self.ram = bytearray(self.config.memory)
        self.started: BootState = fill_ram(self.config, self.boot, BOARD, self.ram, ISA)

    def at(self, address: int, size: int) -> bytes:
        return bytes(self.ram[address - RAM_BASE :][:size])

    @property
    def tree(self) -> ReadNode:
        return read_tree(bytes(self.ram[self.started.device_tree - RAM_BASE :]))

    @property
    def chosen(self) -> ReadNode:
        return self.tree.at("chosen")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, bytes], Path]:
    def write_one(name: str, content: bytes) -> Path:
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write_one


@pytest.fixture
def kernel(write: Callable[[str, bytes], Path]) -> Path:
    return write("Image", image())


def test_a_kernel_is_below_the_hosts_firmware(kernel: Path) -> None:
    filled = Filled(kernel=kernel, append="quiet a=b")
    started = filled.started
    assert (started.entry, started.information, started.below_firmware) == (KERNEL_AT, 0, True)
    assert filled.at(KERNEL_AT, len(image())) == image()
    assert filled.chosen.strings("bootargs") == ["quiet a=b"]
    assert len(filled.chosen.properties["rng-seed"]) == 32
    assert filled.config.guest == kernel == filled.boot.image.path


def test_a_kernels_own_names_are_no_devices_and_are_not_read_for_that(kernel: Path) -> None:
    read = []
    boot = read_boot_files(Config(memory=MEMORY, kernel=kernel), BOARD)
    place = Symbol(Virtual(0xFFFF_FFFF_8000_0000), 8, "tohost")

    def read_symbols() -> SymbolTable:
        read.append(1)
        return SymbolTable((place,), {"tohost": place})

    named = replace(boot.image, read_symbols=read_symbols)
    check_device_symbols(named, BOARD)
    assert named.places(BOARD.symbols) == {}
    assert read == []
    assert named.symbol("tohost") == place.address


def test_the_initrd_is_as_high_as_it_can_be(
    kernel: Path, write: Callable[[str, bytes], Path]
) -> None:
    disk = bytes(range(256)) * 33
    filled = Filled(kernel=kernel, initrd=write("disk", disk))
    high, start, too, end = (
        *filled.chosen.cells("linux,initrd-start"),
        *filled.chosen.cells("linux,initrd-end"),
    )
    assert (high, too, start % 4096, end - start) == (0, 0, 0, len(disk))
    assert filled.started.device_tree - 4096 < end <= filled.started.device_tree
    assert filled.at(start, len(disk)) == disk


def test_an_elf_kernel_goes_where_it_says(write_elf: WriteElf) -> None:
    path = write_elf(TinyElf())
    filled = Filled(kernel=path)
    assert (filled.started.entry, filled.started.below_firmware) == (RAM_BASE, True)


def test_firmware_is_told_of_the_kernel(
    kernel: Path, write: Callable[[str, bytes], Path], write_elf: WriteElf
) -> None:
    raw = write("fw_dynamic.bin", b"firmware" * 1000)
    symbols = (TinySymbol("_fw_start", RAM_BASE),)
    for firmware in (raw, write_elf(TinyElf(symbols=symbols))):
        filled = Filled(kernel=kernel, bios=firmware)
        started = filled.started
        assert (started.entry, started.below_firmware) == (RAM_BASE, False)
        told = struct.unpack("<6Q", filled.at(started.information, 48))
        assert told == (0x4942534F, 2, KERNEL_AT, 1, 0, 0)
        assert filled.at(KERNEL_AT, 100) == image()[:100]
        assert filled.boot.image.path == (kernel if firmware == raw else firmware)
    assert filled.at(RAM_BASE, 4) == b"\x13\0\0\0"


def test_firmware_has_room_to_add_to_the_tree(kernel: Path, write: Any) -> None:
    filled = Filled(kernel=kernel, bios=write("fw.bin", b"firmware"))
    tree = filled.started.device_tree
    size = int.from_bytes(filled.at(tree + 4, 4), "big")
    assert tree + size + (64 << 10) <= END
    assert filled.started.information < tree


def test_a_kernel_is_behind_large_firmware(
    kernel: Path, write: Callable[[str, bytes], Path]
) -> None:
    filled = Filled(kernel=kernel, bios=write("fw.bin", b"x" * (2 * MIB + 1)))
    assert filled.boot.kernel_entry == RAM_BASE + 4 * MIB


def test_firmware_may_have_its_payload(write: Callable[[str, bytes], Path]) -> None:
    filled = Filled(bios=write("fw_payload.bin", b"payload"))
    assert filled.at(RAM_BASE, 7) == b"payload"
    assert struct.unpack("<6Q", filled.at(filled.started.information, 48))[2] == 0


def test_files_are_loaded_as_they_are(write_elf: WriteElf, write: Any) -> None:
    path = write("data", b"data")
    filled = Filled(guest=write_elf(TinyElf()), loads={str(path): RAM_BASE + 0x10_0001})
    assert filled.at(RAM_BASE + 0x10_0000, 6) == b"\0data\0"
    assert "rng-seed" not in filled.chosen.properties


def test_a_given_tree_is_added_to(kernel: Path, write: Any, tmp_path: Path) -> None:
    nodes = (Node("chosen", {"stdout-path": strings("/uart")}), Node("other", {"empty": b""}))
    given = flatten(Node("", {"model": strings("mine")}, nodes))
    reserved = bytes(7) + b"\x80" + bytes(7) + b"\x10" + bytes(16)  # with an entry in 5.3's form
    with_reserved = flatten(Node("", {"model": strings("mine")}, nodes), reserved)
    for content in (given, with_reserved):
        dumped = tmp_path / "dumped"
        filled = Filled(kernel=kernel, dtb=write("dtb", content), append="x", dump_dtb=dumped)
        tree = read_tree_of(dumped.read_bytes(), reserved if content != given else bytes(16))
        assert tree.strings("model") == ["mine"]
        assert tree.at("chosen").strings("stdout-path") == ["/uart"]
        assert tree.at("chosen").strings("bootargs") == ["x"]
        assert tree.at("other").properties == {"empty": b""}
        at = filled.started.device_tree
        assert filled.at(at, dumped.stat().st_size) == dumped.read_bytes()


def read_tree_of(content: bytes, reserved: bytes) -> ReadNode:
    """As `read_tree`, of a tree that has this block of reserved memory."""
    start = int.from_bytes(content[16:20], "big")
    assert content[start : start + len(reserved)] == reserved
    moved = bytearray(content)
    moved[16:20] = (start + len(reserved) - 16).to_bytes(4, "big")
    return read_tree(bytes(moved))


def test_the_tree_says_what_the_harts_have_in_both_ways(kernel: Path) -> None:
    cpu = Filled(kernel=kernel).tree.at("cpus/cpu@1")
    assert cpu.strings("riscv,isa") == [ISA]
    assert cpu.strings("riscv,isa-base") == ["rv64i"]
    assert cpu.strings("riscv,isa-extensions") == [*"imafdc", "zicsr"]


def load(path: Path) -> GuestImage:
    return load_guest(path, RAM_BASE, MEMORY)


def laid_out(image: GuestImage) -> RamLayout:
    layout = RamLayout(image.ram)
    layout.take_image(image)
    return layout


def test_the_device_tree_goes_to_the_end_of_ram(write_elf: WriteElf) -> None:
    image = load(write_elf(TinyElf()))
    end = RAM_BASE + MEMORY
    assert place_device_tree(image, laid_out(image), 4096) == end - 4096
    assert place_device_tree(image, laid_out(image), 4097) == end - 8192


def test_the_largest_gap_lies_beside_segments_and_device_tree(write_elf: WriteElf) -> None:
    low, high = RAM_BASE, RAM_BASE + MEMORY * 3 // 4
    segments = TinySegment(low, bytes(9)), TinySegment(high, bytes(0x1000))
    image = load(write_elf(TinyElf(segments)))
    assert largest_gap(image, RAM_BASE + MEMORY - 4096) == (low + 16, high)
    image = load(write_elf(TinyElf(segments[:1])))
    tree = RAM_BASE + MEMORY - 4096
    assert largest_gap(image, tree) == (low + 16, tree)


def test_a_segment_where_the_device_tree_goes_is_refused(write_elf: WriteElf) -> None:
    free = MEMORY - 4096
    image = load(write_elf(TinyElf((TinySegment(memory_size=free),))))
    assert place_device_tree(image, laid_out(image), 100) == RAM_BASE + free
    path = write_elf(TinyElf((TinySegment(memory_size=free + 1),)))
    with pytest.raises(GuestFileError) as caught:
        place_device_tree(load(path), laid_out(load(path)), 100)
    assert str(caught.value).startswith(f"{path}: the device tree at {RAM_BASE + free:#x} to ")
    assert f"overlaps the segment of {path.name} at {RAM_BASE:#x} to " in str(caught.value)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({"kernel": "arm"}, "it is a kernel for another machine, AArch64; expected a Linux kernel"),
        ({"kernel": "text"}, "it is no kernel; expected a Linux kernel"),
        ({"kernel": "empty"}, "the file is empty"),
        ({"kernel": "absent"}, "there is no such file"),
        ({"kernel": "."}, "it is a directory"),
        ({"kernel": "large"}, "it takes 0x80200000 to 0x809fffff; expected addresses in RAM"),
        ({"kernel": "Image", "memory": MIB}, "it takes 0x80200000 to 0x8020ffff; expected"),
        (
            {"kernel": "Image", "initrd": "empty"},
            "the file is empty; expected --initrd: an initial",
        ),
        (
            {"kernel": "Image", "initrd": "6M"},
            "there is no room for the initrd, 6291456 bytes; expected more RAM (see --memory)",
        ),
        ({"kernel": "Image", "initrd": "9M"}, "it has 9437184 bytes, more than the 8388608 of RAM"),
        ({"kernel": "Image", "dtb": "text"}, "it is no flattened device tree; expected"),
        ({"kernel": "Image", "dtb": "cut"}, "the device tree is damaged ("),
        ({"kernel": "Image", "dtb": "short"}, "the device tree is truncated: 60 bytes of 88"),
        (
            {"kernel": "Image", "loads": {"text": RAM_BASE + 0x20_0010}},
            "--load text at 0x80200010 to 0x80200014 overlaps the segment of Image at 0x80200000",
        ),
        ({"bios": "text", "loads": {"text": 0x1000}}, "0x1000 to 0x1004 is outside RAM"),
        ({"bios": "text", "loads": {"text": END - 4096}}, "the device tree at 0x807"),
        ({"bios": "9M"}, "it has 9437184 bytes, more than the 8388608 of RAM"),
    ],
)
def test_what_can_not_start_is_refused(
    write: Callable[[str, bytes], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    wrong: str,
) -> None:
    tree = flatten(Node("", {"a": b""}))
    for name, content in {
        "Image": image(),
        "arm": image(b"ARM\x64"),
        "large": image(size=8 * MIB),
        "text": b"hello",
        "empty": b"",
        "6M": bytes(6 * MIB),
        "9M": bytes(9 * MIB),
        "cut": tree[:56] + b"\0\0\0\7" + tree[60:],
        "short": tree[:60],
    }.items():
        write(name, content)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(GuestFileError) as caught:
        Filled(**options)
    assert wrong in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "wrong"),
    [
        ({}, "GUEST: there is none; expected an ELF file, --kernel or --bios"),
        ({"guest": "a", "kernel": "b"}, "--kernel: there is a guest, a; expected one of them"),
        ({"guest": "a", "bios": "b"}, "--bios: there is a guest, a; expected one of them"),
        ({"guest": "a", "initrd": "b"}, "--initrd: there is no --kernel; expected both"),
        ({"bios": "a", "initrd": "b"}, "--initrd: there is no --kernel; expected both"),
        ({"kernel": "a", "dump_dtb": "no/x"}, "--dump-dtb: there is no directory no"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], wrong: str) -> None:
    with pytest.raises(OptionError) as caught:
        Config(**options)
    assert wrong in str(caught.value)
