"""What a client of a share has open goes on in another run, or that is refused."""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ninep_client import ROOT, NinepClient, RefusedError

from mttcg.hardware.devices.ninep.kept import is_mounted, kept_of, restore_into
from mttcg.hardware.devices.virtio.backend import NotKeptError
from mttcg.host_folder import HostFolder


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[HostFolder]:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/file").write_bytes(b"content")
    folder = HostFolder.at(tmp_path, follows=False)
    yield folder
    folder.close()


def kept_by(client: NinepClient) -> Any:
    """What a snapshot has of it, as its text gives it."""
    kept = json.loads(json.dumps(kept_of(client.server.client)))
    client.server.close()
    return kept


def restored(folder: HostFolder, kept: Any, first: int) -> tuple[NinepClient, list[str]]:
    """A client of another server that goes on, and what could not be opened."""
    client, wrong = NinepClient(folder, attach=False), list[str]()
    client.number = first
    restore_into(client.server.client, kept, lambda error: wrong.append(str(error)))
    return client, wrong


def test_files_and_folders_stay_open(folder: HostFolder, tmp_path: Path) -> None:
    client = NinepClient(folder)
    named = client.walk("sub", "file")
    read, appended, listed = client.walk("sub", "file"), client.walk("sub"), client.walk("sub")
    client.open(read)
    client.open(listed)
    made = client.create("made", os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL)
    client.write(made, b"one")
    kept = kept_by(client)
    assert is_mounted(kept)
    again, wrong = restored(folder, kept, client.number)
    assert wrong == []
    assert again.read(read) == b"content"
    again.write(made, b"two")
    assert (tmp_path / "made").read_bytes() == b"onetwo"
    with pytest.raises(RefusedError):
        again.read(made)
    again.open(named)
    assert again.read(named) == b"content"
    assert [name for _, _, name in again.entries(listed)] == [".", "..", "file"]
    again.clunk(appended)
    with pytest.raises(RefusedError):
        again.open(appended)
    assert again.content("sub", "file") == b"content"
    assert again.server.client.message_bytes == client.server.client.message_bytes
    again.server.close()


def test_another_file_of_the_same_name_is_told(folder: HostFolder, tmp_path: Path) -> None:
    client = NinepClient(folder)
    fid = client.walk("sub", "file")
    client.open(fid)
    kept = kept_by(client)
    (tmp_path / "sub/file").rename(tmp_path / "moved")
    again, wrong = restored(folder, kept, client.number)
    assert wrong == ["sub/file: No such file or directory; expected the file that was open"]
    again.server.close()
    (tmp_path / "sub/file").write_bytes(b"content")
    again, wrong = restored(folder, kept, client.number)
    assert wrong == ["sub/file is another file now; expected the file that was open"]
    with pytest.raises(RefusedError):
        again.read(fid)
    again.server.close()


@pytest.mark.parametrize(
    ("others", "wrong"),
    [(False, "sub/file is open: No such file"), (True, "sub/file is open, and has another name")],
)
def test_an_open_file_without_a_name_is_refused(
    folder: HostFolder, tmp_path: Path, others: bool, wrong: str
) -> None:
    client = NinepClient(folder)
    client.open(client.walk("sub", "file"))
    kept_of(client.server.client)
    (tmp_path / "sub/file").rename(tmp_path / "moved")
    if others:
        (tmp_path / "sub/file").write_bytes(b"another")
    with pytest.raises(NotKeptError, match=wrong):
        kept_of(client.server.client)
    client.server.close()


def test_a_share_that_nobody_has_mounted(folder: HostFolder) -> None:
    client = NinepClient(folder, attach=False)
    assert not is_mounted(kept_by(client))
    assert not is_mounted(None)
    client = NinepClient(folder)
    client.clunk(ROOT)
    assert not is_mounted(kept_by(client)), "it was mounted, and is not any more"
