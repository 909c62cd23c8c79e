"""What native code knows of kept functions: a row for each, and the words by which all is found."""

from enum import IntEnum, auto

import numpy as np

FUNCTION = np.dtype(
    [
        (name, "<u8")
        for name in (
            "payload",  # the record's, from the start of the content
            "length",  # of it, in bytes; 0 if it is none after all
            "variant",
            "tail",  # the half that the next page has of its last instruction, or NO_TAIL
            "window",  # byte offset in the page of the first halves
            "mask",  # of those of them that are compared first, as one number
            "number",  # what they are then
            "places",  # from the start of the content, as all that follow
            "halves",
            "count",  # of both
            "entries",
            "entry_count",
            "leaders",
            "leader_count",
            "fixups",
            "fixup_count",
            "code",
            "size",
        )
    ]
)
"""A function of a file, all numbers."""
FIRSTS = np.dtype([(name, "<u8") for name in ("window", "mask", "number")])
"""The same of each, packed: all functions of a variant are looked at for each page."""
FIRST = 4
"""Halves that are compared first, as one number."""
NO_TAIL = (1 << 64) - 1


class KeptWord(IntEnum):
    """The words of one process. HOST: a host address."""

    CONTENT = 0  # HOST of the file's content
    FUNCTIONS = auto()  # HOST of the rows
    FIRSTS = auto()  # HOST of what the rows say of first halves
    FOUND = auto()  # HOST of room for the numbers of all
    WITHIN = auto()  # HOST of room for a bit for each place of a page
    ORIGINAL = auto()  # HOST of the slots' content
    SLOTS = auto()  # HOST of the slots' rows
    KEPT = auto()  # HOST of the slots' halves that are kept
    USED = auto()  # HOST of the numbers of the slots, plus one, that pages are fetched from
    MEMORY = auto()  # HOST of the arena, where it can be written
    CODE = auto()  # HOST of the arena, where it can be executed
    REGIONS = auto()  # where the first region of the arena begins
    REGION_BYTES = auto()
    FRAME = auto()  # HOST of the vCPU's frame
    PREDECODE = auto()  # HOST of what fills records, as the rest
    EMPTY = auto()  # HOST of the handler of a record that is not there
    TRANSLATED = auto()  # HOST of that of one that says that a translation is to be entered
    STRADDLING = auto()  # HOST of that of an instruction that goes over its page's end
    COPY = auto()  # HOST of memcpy(3)
    NUMBER = auto()  # room for a number
    WORDS = auto()
