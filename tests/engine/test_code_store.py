"""The files of kept code: what is damaged, or may be another's, is not taken."""

import os
import random
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from mttcg.engine.llvm.kept import code_store
from mttcg.engine.llvm.kept.code_store import (
    CodeStore,
    Found,
    StoreRefusedError,
    parse,
    record_of,
)
from mttcg.engine.llvm.kept.image import KeptImage
from mttcg.engine.llvm.kept.kept_code import fits
from mttcg.engine.llvm.kept.record import NO_TAIL, PLACE, KeptFunction, RecordError
from mttcg.memory.code_pages import HALVES
from mttcg.native.object_file import Fixup, Relocatable

NAME = "test-keys"
NOBODY = 65534
SECONDS = 60.0


def function(number: int, size: int = 40, tail: int = NO_TAIL, first: int = 8) -> KeptFunction:
    """A function whose page and code have its number."""
    places = np.arange(first, first + 12, dtype=PLACE)
    halves = (np.arange(12) * 7 + number % 60000).astype(PLACE)
    ways_in = np.array([2 * first], PLACE)
    code = Relocatable(number.to_bytes(8, "little") * (size // 8), (Fixup(4, "slot_table", 16),))
    return KeptFunction(number, places, halves, tail, ways_in, ways_in, code)


def functions_of(found: Found) -> list[KeptFunction]:
    """What a file has."""
    return [KeptFunction.from_bytes(payload) for payload in found.payloads()]


def numbers(store: CodeStore) -> list[int]:
    """The functions in a store."""
    return [one.variant for one in functions_of(store.read())]


def page_with(one: KeptFunction) -> "np.ndarray[tuple[int], np.dtype[np.uint16]]":
    """A page that has what a function is made from."""
    halves = np.zeros(HALVES, np.uint16)
    halves[one.places] = one.halves
    return halves


def test_what_is_kept_is_found_again(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "code", NAME)
    assert store.append([function(1), function(2)]) == 2
    found = CodeStore(tmp_path / "code", NAME).read()
    assert found.damaged == 0
    assert found.payloads() == [one.to_bytes() for one in (function(1), function(2))]
    for path, mode in ((store.folder, 0o700), (store.path, 0o600)):
        assert stat.S_IMODE(path.stat().st_mode) == mode


def test_code_gets_the_number_of_its_slot() -> None:
    placed = function(3).code.placed({"slot": 5, "slot_table": 1 << 20})
    assert int.from_bytes(placed[4:8], "little") == (1 << 20) + 16
    assert placed[8:] == function(3).code.code[8:]


def test_a_function_fits_the_bytes_it_is_made_from_and_no_others() -> None:
    one = function(1)
    halves = page_with(one)
    assert fits(one, halves, 0)
    for place in one.places:
        changed = halves.copy()
        changed[place] ^= 1
        assert not fits(one, changed, 0)
    beside = halves.copy()
    beside[0] = beside[-1] = 0xFFFF
    assert fits(one, beside, 0)


def test_the_next_page_has_the_end_of_the_last_instruction() -> None:
    one = function(1, tail=0x1234, first=HALVES - 12)
    assert fits(one, page_with(one), 0x1234)
    assert not fits(one, page_with(one), 0x1235)


@pytest.mark.parametrize("seed", range(200))
def test_what_is_damaged_is_refused_and_counted(seed: int) -> None:
    chosen = random.Random(seed)
    whole = [function(number, 8 * chosen.randrange(1, 40)) for number in range(6)]
    records = [record_of(one.to_bytes(), NAME) for one in whole]
    content = bytearray(b"".join(records))
    at = chosen.randrange(len(content))
    match seed % 3:
        case 0:
            content[at] ^= 1 << chosen.randrange(8)
        case 1:
            del content[at:]
        case 2:
            del content[at : at + chosen.randrange(1, 100)]
    found = parse(bytes(content), NAME)
    right = {record_of(one.to_bytes(), NAME) for one in whole}
    taken = [record_of(one.to_bytes(), NAME) for one in functions_of(found)]
    assert set(taken) <= right
    at_a_bound = at in {sum(map(len, records[:number])) for number in range(7)}
    assert found.damaged >= 1 or (seed % 3 and at_a_bound)
    assert len(taken) < len(whole) or found.damaged == 0
    if seed % 3 == 0:
        assert len(taken) == len(whole) - 1


def test_a_digest_of_a_record_that_is_none_is_not_enough() -> None:
    for wrong in (b"", bytes(40), function(1).to_bytes()[:-1], function(1).to_bytes() + b"x"):
        found = parse(record_of(wrong, NAME), NAME)
        image = KeptImage(found.content, found.spans)
        assert (len(image.rows), image.refused) == (0, 1)
    out_of_order = function(1).to_bytes().replace(b"\x08\x00\x09\x00", b"\x09\x00\x08\x00", 1)
    with pytest.raises(RecordError):
        KeptFunction.from_bytes(out_of_order)


def test_a_file_under_another_name_has_nothing(tmp_path: Path) -> None:
    store = CodeStore(tmp_path, NAME)
    store.append([function(1)])
    store.path.rename(tmp_path / "other.code")
    found = CodeStore(tmp_path, "other").read()
    assert (found.spans, found.damaged) == ([], 1)


def test_what_others_may_write_is_refused_in_a_line(tmp_path: Path) -> None:
    folder = tmp_path / "code"
    store = CodeStore(folder, NAME)
    store.append([function(1)])
    store.path.chmod(0o644)
    with pytest.raises(StoreRefusedError, match="its mode is 644"):
        store.read()
    store.path.chmod(0o600)
    folder.chmod(0o750)
    with pytest.raises(StoreRefusedError, match=f"{folder} is not used: .* its mode is 750$"):
        CodeStore(folder, NAME)


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "code", NAME)
    store.append([function(1)])
    (tmp_path / "link").symlink_to(tmp_path / "code")
    with pytest.raises(StoreRefusedError, match="it is not a folder"):
        CodeStore(tmp_path / "link", NAME)
    store.path.rename(tmp_path / "elsewhere")
    store.path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StoreRefusedError):
        store.read()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file away")
def test_what_is_another_users_is_refused(tmp_path: Path) -> None:
    store = CodeStore(tmp_path / "code", NAME)
    store.append([function(1)])
    os.chown(store.path, NOBODY, -1)
    with pytest.raises(StoreRefusedError, match=f"belongs to user {NOBODY}"):
        store.read()
    os.chown(store.folder, NOBODY, -1)
    with pytest.raises(StoreRefusedError, match=f"belongs to user {NOBODY}"):
        CodeStore(tmp_path / "code", NAME)


def append_many(folder: Path, first: int, count: int) -> None:
    """What a run does."""
    store = CodeStore(folder, NAME)
    for number in range(first, first + count):
        store.append([function(number, 4000)])


def appending(folder: Path, first: int, count: int) -> "subprocess.Popen[bytes]":
    """A process that does it, and of which nothing stays here when it has ended."""
    return subprocess.Popen([sys.executable, __file__, *map(str, (folder, first, count))])


def test_several_runs_append_at_once(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    processes = [appending(tmp_path, first, 50) for first in (0, 1000, 2000)]
    assert [process.wait() for process in processes] == [0] * 3
    found = CodeStore(tmp_path, NAME).read()
    assert found.damaged == 0
    assert sorted(one.variant for one in functions_of(found)) == [
        first + number for first in (0, 1000, 2000) for number in range(50)
    ]


def test_a_run_that_is_killed_leaves_what_was_whole(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    store = CodeStore(tmp_path, NAME)
    process = appending(tmp_path, 0, 1 << 30)
    end = time.monotonic() + SECONDS
    while len(numbers(store)) < 20:
        assert time.monotonic() < end
    process.kill()
    process.wait()
    before = store.read()
    assert before.damaged <= 1
    assert [one.variant for one in functions_of(before)] == list(range(len(before.spans)))
    with store.path.open("ab") as file:
        file.write(record_of(function(7).to_bytes(), NAME)[:-3])  # a torn tail
    store.append([function(1 << 40)])
    after = store.read()
    assert after.damaged == before.damaged + 1
    assert functions_of(after)[-1].variant == 1 << 40
    assert len(after.spans) == len(before.spans) + 1


def test_the_oldest_leave_when_a_file_is_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    size = len(record_of(function(0).to_bytes(), NAME))
    monkeypatch.setattr(code_store, "LARGEST_FILE", 10 * size)
    store = CodeStore(tmp_path, NAME)
    for number in range(100):
        store.append([function(number)])
        assert store.path.stat().st_size <= 10 * size
    found = numbers(store)
    assert found == sorted(found)
    assert found[-1] >= 98
    assert len(found) >= 5
    assert list(tmp_path.iterdir()) == [store.path]


def test_files_that_were_not_used_for_long_leave(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tmp_path.chmod(0o700)
    stores = [CodeStore(tmp_path, f"keys{number}") for number in range(4)]
    for age, store in enumerate(stores):
        store.append([function(age, 4000)])
        used = time.time() - age * 1000
        os.utime(store.path, (used, used))
    long_ago = time.time() - 2 * code_store.UNUSED_SECONDS
    os.utime(stores[3].path, (long_ago, long_ago))
    assert stores[0].bound() == 1
    assert [store.path.exists() for store in stores] == [True, True, True, False]
    monkeypatch.setattr(code_store, "LARGEST_FOLDER", 10_000)
    assert stores[0].bound() == 1
    assert [store.path.exists() for store in stores] == [True, True, False, False]


def test_one_process_works_ahead(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    one, other = CodeStore(tmp_path, NAME), CodeStore(tmp_path, NAME)
    with one.alone() as first, other.alone() as second:
        assert (first, second) == (True, False)
    with other.alone() as again:
        assert again


if __name__ == "__main__":
    append_many(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
