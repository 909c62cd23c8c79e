"""Images are made of packages: what is in them, and what is wrong with them."""

import gzip
import io
import lzma
import shutil
import struct
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path

import pytest

from mttcg.cli import main
from mttcg.errors import UserError
from mttcg.images.apt import Apt, Repository
from mttcg.images.catalogue import IMAGES, ORIGIN, get, is_current, is_there, make, row_of
from mttcg.images.cpio import Archive
from mttcg.images.deb import files_of
from mttcg.images.errors import ImageError, PackageError
from mttcg.images.modules import aliases_text, dependencies_text, modules_with_needs

ROW = IMAGES["debian-riscv64"]
RELEASE = "6.1-riscv64"
BUSYBOX, KERNEL, FIRMWARE = b"\x7fELFbusybox", b"MZkernel", b"firmware"
NEEDS = {
    "virtio_net": "net_failover",
    "net_failover": "failover",
    "failover": "",
    **dict.fromkeys(("virtio_mmio", "virtio_blk", "virtio-rng", "9pnet_virtio", "9p"), ""),
}
"""Of made-up modules, by file name; ext4 is built in."""


def module(needs: str, alias: str) -> bytes:
    """An ELF file with a section .modinfo, and no more."""
    told = f"depends={needs}\0alias={alias}\0license=GPL\0".encode()
    names = b"\0.modinfo\0.shstrtab\0"
    sections = [(0, 0, 0, 0), (1, 1, 64, len(told)), (10, 3, 64 + len(told), len(names))]
    body = told + names
    table = b"".join(
        struct.pack("<IIQQQQIIQQ", name, kind, 0, 0, at, size, 0, 0, 1, 0)
        for name, kind, at, size in sections
    )
    head = b"\x7fELF\2\1\1".ljust(16, b"\0") + struct.pack(
        "<HHIQQQIHHHHHH", 1, 243, 1, 0, 0, 64 + len(body), 0, 64, 0, 0, 64, 3, 2
    )
    return head + body + table


def deb(files: dict[str, bytes], kind: str = "xz") -> bytes:
    """A package (deb(5)) with these files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"./{name}")
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    data = packed.getvalue()
    members = {
        "debian-binary": b"2.0\n",
        "control.tar": b"odd",
        f"data.tar{f'.{kind}' if kind else ''}": lzma.compress(data) if kind else data,
    }
    found = b"!<arch>\n"
    for name, content in members.items():
        found += f"{name:<16}{0:<12}{0:<6}{0:<6}{'100644':<8}{len(content):<10}`\n".encode()
        found += content + b"\n" * (len(content) % 2)
    return found


@pytest.fixture
def packages(tmp_path: Path) -> list[Path]:
    folder = f"usr/lib/modules/{RELEASE}"
    modules = {
        f"{folder}/kernel/{name}.ko.xz": lzma.compress(module(needs, f"virtio:{name}"))
        for name, needs in NEEDS.items()
    }
    builtin = {f"{folder}/modules.builtin": b"kernel/fs/ext4/ext4.ko\n"}
    contents = {
        "linux.deb": deb({f"boot/vmlinux-{RELEASE}": KERNEL, **modules, **builtin}),
        "busybox.deb": deb({"usr/bin/busybox": BUSYBOX}, ""),
        "opensbi.deb": deb({ROW.firmware: FIRMWARE}),
    }
    found = []
    for name, content in contents.items():
        found.append(tmp_path / name)
        found[-1].write_bytes(content)
    return found


def test_an_image_is_made_of_its_packages(packages: list[Path], tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    assert not is_there(ROW, cache)
    folder = make(ROW, cache, packages)
    assert is_there(ROW, cache)
    assert (folder / "Image").read_bytes() == KERNEL
    assert (folder / "fw_dynamic.bin").read_bytes() == FIRMWARE
    first = (folder / "initrd.cpio.gz").read_bytes()
    assert make(ROW, cache, packages) == folder
    assert (folder / "initrd.cpio.gz").read_bytes() == first


def test_an_image_is_made_again_when_its_recipe_is_another(
    packages: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache, (linux, *_) = tmp_path / "cache", packages
    get_it = ["images", "get", ROW.name, "--if-needed"]
    get_it += ["--cache", str(cache), "--packages", str(linux.parent)]
    assert main(get_it) == 0
    linux.unlink()  # what is made from now on can't be
    assert main(get_it) == 0
    assert is_current(ROW, cache)
    assert not is_current(ROW, cache, ["net_failover"])
    assert not is_current(replace(ROW, modules=()), cache)
    origin = cache / ROW.name / ORIGIN
    origin.write_text(origin.read_text().replace('"recipe": "', '"recipe": "0'))
    assert is_there(ROW, cache)
    assert not is_current(ROW, cache)
    main(["images", "list", "--cache", str(cache)])
    assert "another version" in " ".join(capsys.readouterr().out.split())
    assert main(get_it) == 2


@pytest.mark.skipif(shutil.which("cpio") is None, reason="there is no cpio(1)")
def test_the_initramfs_is_what_cpio_reads(packages: list[Path], tmp_path: Path) -> None:
    folder = make(ROW, tmp_path / "cache", packages)
    content = gzip.decompress((folder / "initrd.cpio.gz").read_bytes())
    out = tmp_path / "out"
    out.mkdir()
    skipped = ["--no-absolute-filenames", "--nonmatching", "dev/console"]
    subprocess.run(["cpio", "-id", *skipped], input=content, cwd=out, check=True, timeout=30)
    assert (out / "bin/busybox").read_bytes() == BUSYBOX
    assert (out / "bin/busybox").stat().st_mode & 0o111
    assert (out / "bin/sh").readlink() == Path("busybox")
    assert (out / "init").read_text().startswith("#!/bin/busybox sh\n")
    modules = out / "lib/modules" / RELEASE
    assert (modules / "kernel/virtio_net.ko").read_bytes() == module(
        "net_failover", "virtio:virtio_net"
    )
    lines = (modules / "modules.dep").read_text().splitlines()
    assert "kernel/virtio_net.ko: kernel/net_failover.ko kernel/failover.ko" in lines
    assert "alias virtio:virtio-rng virtio_rng" in (modules / "modules.alias").read_text()


def test_the_kernel_finds_the_console_in_it() -> None:
    archive = Archive()
    archive.add_character_device("dev/console", 5, 1)
    content = archive.content()
    at = content.index(b"070701", 6)  # behind that of dev
    fields = [int(content[at + 6 + 8 * n :][:8], 16) for n in range(13)]
    assert (fields[1], fields[9], fields[10]) == (0o020600, 5, 1)
    assert len(content) % 4 == 0


def test_modules_come_with_what_they_need() -> None:
    packed = {
        "a": ("k/a.ko", module("b,c", "x")),
        "b": ("k/b.ko", module("c", "y")),
        "c": ("k/c.ko", module("", "z")),
    }
    found = modules_with_needs("it", packed, ["d"], ["a", "d"])
    assert [each.name for each in found] == ["c", "b", "a"]
    assert dependencies_text(found, "k") == "c.ko:\nb.ko: c.ko\na.ko: b.ko c.ko\n"
    assert aliases_text(found) == "alias z c\nalias y b\nalias x a\n"
    with pytest.raises(ImageError, match="the kernel has no module e; expected one that it has"):
        modules_with_needs("it", packed, ["d"], ["e"])
    with pytest.raises(ImageError, match=r"k/f\.ko: .*; expected a module of a kernel"):
        modules_with_needs("it", {"f": ("k/f.ko", b"text")}, [], ["f"])


@pytest.mark.parametrize(
    ("content", "wrong"),
    [
        (b"text", "it is no ar archive"),
        (b"!<arch>\n" + bytes(60), "it is damaged at byte 8"),
        (deb({"a": b"b"})[:72], "it has no data.tar"),
        (deb({"a": b"b" * 999}, "")[:-1600], "it is truncated"),
        (deb({"a": b"b"})[:-30], "it is truncated"),
        (deb({"a": b"b"}).replace(b"\xfd7zXZ\0", b"\xfd7zXZ\0\7"), "its xz data is damaged"),
    ],
)
def test_what_is_no_package_is_refused(tmp_path: Path, content: bytes, wrong: str) -> None:
    (tmp_path / "a.deb").write_bytes(content)
    with pytest.raises(PackageError) as caught:
        list(files_of(tmp_path / "a.deb"))
    assert wrong in str(caught.value)


def test_packages_that_lack_something_are_named(packages: list[Path], tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"there is no bin/busybox in its packages \(linux\.deb\)"):
        make(ROW, tmp_path, packages[:1])
    with pytest.raises(ImageError, match="there is no kernel in its packages"):
        make(ROW, tmp_path, [])


def test_apt_and_its_keys_have_to_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository = Repository("http://127.0.0.1:9/none", "trixie", "riscv64", tmp_path / "no-keys")
    monkeypatch.setattr(shutil, "which", lambda _name: "/usr/bin/apt-get")
    with pytest.raises(ImageError, match="no-keys; expected the package debian-archive-keyring"):
        Apt("it", repository, tmp_path).prepare()
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(ImageError, match="there is no apt-get here; expected it, or --packages"):
        get(ROW, tmp_path)


@pytest.mark.skipif(shutil.which("apt-get") is None, reason="there is no apt-get")
def test_a_mirror_that_is_not_there_is_named(tmp_path: Path) -> None:
    (tmp_path / "keys").touch()
    repository = Repository("file:/nowhere", "trixie", "riscv64", tmp_path / "keys")
    with pytest.raises(
        ImageError, match=r"apt-get update failed: .*; expected packages from file:"
    ):
        Apt("it", repository, tmp_path).prepare()


def test_the_command_lists_and_makes(
    packages: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cache = ["--cache", str(tmp_path / "cache")]
    assert main(["images", "list", *cache]) == 0
    assert "not fetched" in capsys.readouterr().out
    made = ["images", "get", ROW.name, "--packages", str(packages[0].parent), *cache]
    assert main(made) == 0
    assert "mttcg run --kernel" in capsys.readouterr().err
    assert main(["images", "list", *cache]) == 0
    assert "not fetched" not in capsys.readouterr().out
    assert main(["images", "get", "windows", *cache]) == 2
    assert "image windows: there is no such image; expected debian" in capsys.readouterr().err


def test_an_image_that_is_none() -> None:
    with pytest.raises(UserError):
        row_of("none")
