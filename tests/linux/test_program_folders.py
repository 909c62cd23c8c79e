"""What a program's file system is made of."""

import importlib.util
from pathlib import Path, PurePosixPath

import pytest

from mttcg.attached import READ_ONLY, WRITTEN, Share
from mttcg.errors import OptionError
from mttcg.programs.folders import SYSROOT, guest_folders

BUILD = Path(__file__).parents[2] / ".ci/build_init.py"


def places(shares: list[Share], needed: list[str], sysroot: Path | None = None) -> dict[str, str]:
    found = guest_folders(shares, map(Path, needed), sysroot)
    return {str(mount.place): mount.share.access for mount in found.mounts}


def test_folders_are_at_the_paths_that_they_have() -> None:
    assert places([], ["/srv/tree", "/srv/tree/bin"]) == {"/srv/tree": READ_ONLY}
    shares = [Share(Path("/srv/tree/out/"), WRITTEN), Share(Path("/data/../other"))]
    found = guest_folders(shares, [Path("/srv/tree")], None)
    assert {str(mount.place): mount.share.access for mount in found.mounts} == {
        "/srv/tree": READ_ONLY,
        "/srv/tree/out": WRITTEN,
        "/other": READ_ONLY,
    }
    order = [str(mount.place) for mount in found.mounts]
    assert order.index("/srv/tree") < order.index("/srv/tree/out")
    assert PurePosixPath("/srv/tree") in found.folders
    assert PurePosixPath("/srv/tree/out") not in found.folders, "it is in another"
    tags = [mount.share.tag for mount in found.mounts]
    assert len(set(tags)) == len(tags)


def test_a_folder_within_one_that_may_be_written_needs_no_other() -> None:
    shares = [Share(Path("/srv"), WRITTEN)]
    assert places(shares, ["/srv/tree"]) == {"/srv": WRITTEN}


@pytest.mark.parametrize("folder", ["/", "/dev/shm/x", "/proc/1"])
def test_what_is_linuxs_own_can_not_be_shared(folder: str) -> None:
    with pytest.raises(OptionError, match="Linux's own"):
        places([], [folder])


def test_a_sysroot_is_at_the_top_and_beside_what_is_shared(tmp_path: Path) -> None:
    for name in ("lib", "usr/bin", "usr/local/share", "tmp", "dev"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "usr/file").touch()
    found = guest_folders([], [Path("/usr/local/work")], tmp_path)
    assert found.mounts[0].place == SYSROOT
    assert {str(path): target for path, target in found.links.items()} == {
        "/lib": "/.sysroot/lib",
        "/usr/bin": "/.sysroot/usr/bin",
        "/usr/file": "/.sysroot/usr/file",
        "/usr/local/share": "/.sysroot/usr/local/share",
    }


def test_the_first_process_is_what_its_sources_give(tmp_path: Path) -> None:
    pytest.importorskip("ziglang")
    specification = importlib.util.spec_from_file_location("build_init", BUILD)
    assert specification is not None and specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    module.build(tmp_path / "init.elf")
    assert (tmp_path / "init.elf").read_bytes() == module.PROGRAM.read_bytes()
