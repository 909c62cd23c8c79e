"""What a guest for a program starts with."""

from io import BytesIO
from pathlib import Path

from debian_guest import FOLDER, needs_debian
from elftools.elf.elffile import ELFFile

from mttcg.guest.compressed import decompress, kind_of
from mttcg.images.catalogue import INITRD
from mttcg.images.cpio import Archive, files_in
from mttcg.programs.boot import base_archive, modules_in
from mttcg.programs.module_file import DROPPED, SIGNED, without_tracing


def test_an_archive_gives_back_its_files() -> None:
    archive = Archive()
    archive.add_file("a/b", b"one")
    archive.add_link("a/c", "b")
    archive.add_file("d", b"")
    assert list(files_in(archive.content())) == [("a/b", b"one"), ("d", b"")]


@needs_debian
def test_modules_are_loaded_behind_what_they_need() -> None:
    base = base_archive(FOLDER)
    names = [Path(path).stem for path in modules_in(base)]
    assert sorted(names) == ["9p", "9pnet", "9pnet_virtio", "netfs", "virtio_mmio"]
    for name, needed in (("9pnet_virtio", "9pnet"), ("9p", "9pnet"), ("9p", "netfs")):
        assert names.index(needed) < names.index(name)
    assert base_archive(FOLDER) == base, "as it was kept"


@needs_debian
def test_modules_are_as_they_were_but_for_tracing() -> None:
    packed = (FOLDER / INITRD).read_bytes()
    kind = kind_of(packed)
    assert kind is not None
    [module] = (
        content
        for path, content in files_in(decompress(packed, kind))
        if path.endswith("/9pnet.ko")
    )
    found = without_tracing(module)
    assert module.endswith(SIGNED) and SIGNED not in found
    before, after = (list(ELFFile(BytesIO(each)).iter_sections()) for each in (module, found))
    assert len(before) == len(after)
    dropped = 0
    for old, new in zip(before, after, strict=True):
        assert old.data() == new.data() or not old["sh_size"]
        if old.name.encode() in DROPPED:
            dropped += 1
            assert (new.name, new["sh_flags"]) == ("", 0)
        else:
            assert old.header == new.header
    assert dropped >= 3
    assert without_tracing(found) == found
