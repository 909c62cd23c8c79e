"""Opening what a run attaches to its guest, before anything runs."""

import os
from contextlib import ExitStack

from mttcg.config import Config
from mttcg.hardware.board import Board
from mttcg.processes.attachments import STREAMS, attachments
from mttcg.supervisor.attachments.drives import open_files
from mttcg.supervisor.attachments.nets import open_net
from mttcg.supervisor.attachments.shares import open_share


def open_attached(config: Config, board: Board, into: dict[str, int], ends: ExitStack) -> None:
    """Open all files, folders and sockets of a run's devices.

    `into`: takes the descriptors by name; what is in it when an error comes is to be closed, too.
    The descriptors hold the files' locks. `ends`: takes what is to be done at the end of the run.
    Raises OptionError, which names the option and the file.
    """
    for attached in attachments(config, board):
        if attached.drive is not None:
            open_files(attached, into)
        elif attached.share is not None:
            into[attached.file] = open_share(attached.share)
        elif attached.net is not None:
            into[attached.file] = open_net(attached.net, ends)
        for name, field in zip(attached.streams, STREAMS, strict=False):
            into[name] = os.dup(getattr(config.streams, field))
