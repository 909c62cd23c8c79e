"""Whether there is what a snapshot's devices had outside of the machine."""

from pathlib import Path

from mttcg.attached import WRITTEN, Share
from mttcg.config import Config
from mttcg.hardware.board import Board
from mttcg.hardware.devices.ninep.client import Client
from mttcg.hardware.devices.ninep.kept import is_mounted, restore_into
from mttcg.hardware.devices.virtio.backend import NotKeptError
from mttcg.host_folder import HostFolder
from mttcg.processes.attachments import attachments
from mttcg.processes.kept_models import KeptModels
from mttcg.snapshot.errors import SnapshotError
from mttcg.supervisor.attachments.shares import open_share
from mttcg.supervisor.snapshots.saved_machine import SavedMachine


def check_outside(path: Path, saved: SavedMachine, config: Config, board: Board) -> None:
    """Raise SnapshotError if it is not; OptionError for a folder that can't be used."""
    if (saved.config.streams is None) != (config.streams is None):
        streams = {True: "no program's streams", False: "the streams of a program of mttcg exec"}
        wrong, expected = (streams[each.streams is None] for each in (saved.config, config))
        raise SnapshotError(path, f"it has {wrong}", f"{expected}, as this run has")
    was, now = (tuple(share.tag for share in each.shares) for each in (saved.config, config))
    if was != now:
        tags = [", ".join(tags) or "none" for tags in (was, now)]
        raise SnapshotError(path, f"it has shares with the tags {tags[0]}", f"{tags[1]}, as given")
    before = attachments(saved.config, board)
    for old, new in zip(before, attachments(config, board), strict=True):
        if old.share is None or new.share is None or not is_mounted(saved.models.get(new.row)):
            continue
        _check_same(path, old.share, new.share)
        _check_open(path, new.share, saved.models, new.row)


def _check_same(path: Path, was: Share, now: Share) -> None:
    """One that the guest has mounted stays what it is."""
    if (was.path, was.access) != (now.path.absolute(), now.access):
        wrong = f"the guest has mounted --share {was.path} ({was.access})"
        raise SnapshotError(path, wrong, f"{now.path} ({now.access}), as given")


def _check_open(path: Path, share: Share, models: KeptModels, row: str) -> None:
    """See that what was open can be opened again."""

    def failed(error: NotKeptError) -> None:
        wrong = f"--share {share.path}: {error.wrong}"
        raise SnapshotError(path, wrong, error.expected) from error

    client = Client(HostFolder(open_share(share), follows=False), share.access == WRITTEN)
    try:
        restore_into(client, models[row], failed)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SnapshotError(path, f"{row}: {error!r}", "what was kept of a share") from error
    finally:
        client.fids.clear()
        client.folder.close()
