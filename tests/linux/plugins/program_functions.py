"""Counts the calls of a function of a program, from where the program begins."""

from dataclasses import dataclass

import pytest

from mttcg.instrument import Counter, ElfFileError, instrument, option, symbol


@dataclass(frozen=True)
class Options:
    """What is looked for."""

    name: str = option(help="of the function")
    wrong: bool = option(False, help="whether the file is another")


def plugin_init(given):
    global options, calls
    options, calls = given, Counter("calls")
    return True


def plugin_process_exec(cpu, process):
    if process.comm != "busy":
        return
    if options.wrong:
        with pytest.raises(ElfFileError, match="bytes of it"):
            symbol(options.name, process=process)
        return
    address = symbol(options.name, process=process)
    assert address == symbol(options.name, process=f"pid:{process.tgid}")
    instrument(None, address, calls, space=f"pid:{process.tgid}")
