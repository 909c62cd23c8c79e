"""What a file of kept code has, as native code takes it: its content, and a row for each function.

Nothing is taken out of the content: a row says where in it what is. So a file with thousands of
functions is ready in the time that their digests take.
"""

import ctypes
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from mttcg.engine.llvm.kept.layout import FIRSTS, FUNCTION, NO_TAIL, KeptWord
from mttcg.engine.llvm.kept.record import FIXUP, HEAD, HEAD_FIELDS, PLACE, identity_of
from mttcg.engine.llvm.kept.record import NO_TAIL as NOTHING
from mttcg.instrument.native.native_functions import native_address
from mttcg.memory.code_pages import HALVES
from mttcg.memory.host import address_of_array, address_of_function

NATIVE_CHECK = "mttcg.engine.llvm.kept.native_check"
NUMBERS = [ctypes.c_uint64]
CHECK = ctypes.CFUNCTYPE(None, *2 * NUMBERS)
Span: TypeAlias = tuple[int, int]
"""Where a record's content begins, and how long it is."""
Rows: TypeAlias = "np.ndarray[Any, Any]"


class KeptImage:
    """The functions of a file, those of one variant in a row.

    Args:
        content: of the file.
        spans: of the records whose digests are right.

    Attributes:
        rows: of the functions, see `layout.FUNCTION`; of those made from the same, one.
        refused: how many records are none, though their digests are right.
        variants: the number of the first function of each, and how many there are.
        words: those of `layout.KeptWord` that are the same for all processes.
    """

    def __init__(self, content: bytes, spans: Sequence[Span]) -> None:
        self.content = np.frombuffer(content or b"\0", np.uint8)
        rows = _rows(self.content, spans)
        self.words = np.zeros(KeptWord.WORDS, np.uint64)
        self.within = np.zeros(HALVES // 8, np.uint8)
        self.words[KeptWord.CONTENT] = address_of_array(self.content)
        self.words[KeptWord.WITHIN] = address_of_array(self.within)
        self.words[KeptWord.COPY] = address_of_function(ctypes.CDLL(None).memcpy)
        self._use(rows)
        if len(rows):
            CHECK(native_address(NATIVE_CHECK, "check"))(address_of_array(self.words), len(rows))
        right = rows[rows["length"] != 0]
        self.refused = len(spans) - len(right)
        self.rows = rows = right[_firsts(content, right)]
        self.rows = rows = rows[np.argsort(rows["variant"], kind="stable")]
        self._use(rows)
        self.firsts = np.ascontiguousarray(rows[[*(FIRSTS.names or ())]].astype(FIRSTS))
        self.words[KeptWord.FIRSTS] = address_of_array(self.firsts) if len(rows) else 0
        found, firsts, counts = np.unique(rows["variant"], return_index=True, return_counts=True)
        places = zip(firsts.tolist(), counts.tolist(), strict=True)
        self.variants: dict[int, Span] = dict(zip(found.tolist(), places, strict=True))

    def _use(self, rows: Rows) -> None:
        self.words[KeptWord.FUNCTIONS] = address_of_array(rows) if len(rows) else 0

    def identities(self) -> set[bytes]:
        """Of all functions."""
        return {identity_of(self._payload(row)) for row in self.rows}

    def halves(self, number: int, what: str, count: str) -> npt.NDArray[np.uint16]:
        """What is at a field of a function's row: so many halves as another field says."""
        row = self.rows[number]
        return np.frombuffer(self.content, PLACE, int(row[count]), int(row[what]))

    def _payload(self, row: Any) -> memoryview:
        begin = int(row["payload"])
        return self.content.data[begin : begin + int(row["length"])]


def _firsts(content: bytes, rows: Rows) -> list[int]:
    """The numbers of those rows before which there is none that is made from the same."""
    seen: set[bytes] = set()
    firsts, view = [], memoryview(content)
    spans = zip(rows["payload"].tolist(), rows["length"].tolist(), strict=True)
    for number, (begin, length) in enumerate(spans):
        identity = identity_of(view[begin : begin + length])
        if identity not in seen:
            seen.add(identity)
            firsts.append(number)
    return firsts


def _rows(content: npt.NDArray[np.uint8], spans: Sequence[Span]) -> Rows:
    """A row for each record, of the length 0 where that is not what its head says."""
    places = np.array(spans, np.uint64).reshape(-1, 2)
    rows = np.zeros(len(places), FUNCTION)
    rows["payload"], rows["length"] = places[:, 0], places[:, 1]
    rows["length"][rows["length"] < HEAD.size] = 0
    there = rows["length"] != 0
    at = rows["payload"][there].astype(np.intp)[:, None] + np.arange(HEAD.size)
    heads = np.zeros(len(rows), HEAD_FIELDS)
    heads[there] = content[at].reshape(-1, HEAD.size).view(HEAD_FIELDS)[:, 0]
    rows["variant"] = heads["variant"]
    rows["tail"] = np.where(heads["tail"] == NOTHING, NO_TAIL, heads["tail"].astype(np.uint64))
    counts = ("count", "count", "entry_count", "leader_count", "fixup_count", "size")
    numbers = ("halves", "halves", "entries", "leaders", "fixups", "size")
    sizes = (*4 * (PLACE.itemsize,), FIXUP.itemsize, 1)
    fields = ("places", "halves", "entries", "leaders", "fixups", "code")
    behind: npt.NDArray[Any] = rows["payload"] + np.uint64(HEAD.size)
    for field, count, number, size in zip(fields, counts, numbers, sizes, strict=True):
        rows[field], rows[count] = behind, heads[number]
        behind = behind + rows[count] * np.uint64(size)
    whole = behind == rows["payload"] + rows["length"]
    empty = (rows["count"] == 0) | (rows["entry_count"] == 0) | (rows["size"] == 0)
    wrong = ~whole | empty
    for count in set(counts):
        rows[count][wrong] = 0
    for field in fields:
        rows[field][wrong] = 0
    rows["length"][wrong] = 0
    return rows
