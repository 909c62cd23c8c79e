"""Opening the folders that a run shares with its guest, before anything runs."""

import os

from mttcg.attached import WRITTEN, Share
from mttcg.errors import OptionError
from mttcg.host_folder import FOLDER_FLAGS

OPTION = "--share"


def open_share(share: Share) -> int:
    """A descriptor of a folder; raises OptionError if it can't be used."""
    writes = share.access == WRITTEN
    expected = "a folder to write to, or none of `write`" if writes else "a folder to read"
    try:
        descriptor = os.open(share.path, FOLDER_FLAGS)
    except OSError as error:
        raise OptionError(OPTION, f"{share.path}: {error.strerror}", expected) from error
    wanted = os.R_OK | os.X_OK | (os.W_OK if writes else 0)
    if not os.access(share.path, wanted):
        os.close(descriptor)
        raise OptionError(OPTION, f"{share.path} may not be used so", expected)
    return descriptor
