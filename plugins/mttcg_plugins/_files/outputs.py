"""Files that plugins write: refused early if that can't be."""

from pathlib import Path

from mttcg.instrument import OptionRefusedError


def check_output(option: str, path: Path | None, flows: bool = False) -> None:
    """Raise OptionRefusedError, naming the plugin's option, for a file that can't be written.

    flows: it is written from its start to its end, so that it may be a device or a pipe.
    """
    if path is None:
        return
    if not path.parent.is_dir():
        raise OptionRefusedError(option, f"there is no folder {path.parent}", "a file to write")
    flow = flows and (path.is_char_device() or path.is_fifo())
    if path.exists() and not path.is_file() and not flow:
        raise OptionRefusedError(option, f"{path} is no regular file", "a file to write")
