"""The 9P server: what it does in a folder, and what it does not do for anybody."""

import errno
import os
import random
import stat
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ninep_client import ROOT, NinepClient, RefusedError

from mttcg.hardware.devices.ninep import fids
from mttcg.hardware.devices.ninep.client import NinepOperation
from mttcg.hardware.devices.ninep.server import OPERATIONS
from mttcg.hardware.devices.ninep.wire import HEADER, NinepMessage
from mttcg.host_folder import HostFolder


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """A folder with what leads out of it."""
    folder = tmp_path / "shared"
    (folder / "sub" / "deep").mkdir(parents=True)
    (folder / "given.txt").write_bytes(b"given\n")
    (folder / "sub" / "below.txt").write_bytes(b"below\n")
    (tmp_path / "outside.txt").write_text("secret")
    (folder / "link").symlink_to("../outside.txt")
    (folder / "above").symlink_to("..")
    (folder / "inner").symlink_to("sub")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.fixture(params=[True, False], ids=["kernel", "walked"])
def connect(request: pytest.FixtureRequest, shared: Path) -> Iterator[Callable[..., NinepClient]]:
    """Make clients of the folder, where the kernel is asked to stay below it, and where not."""
    made: list[NinepClient] = []

    def make(**options: Any) -> NinepClient:
        folder = HostFolder.at(shared, follows=False, resolves=request.param)
        made.append(NinepClient(folder, **options))
        return made[-1]

    before = set(names_of(Path("/proc/self/fd")))
    yield make
    for client in made:
        client.server.close()
        client.server.client.folder.close()
    assert set(names_of(Path("/proc/self/fd"))) <= before


@pytest.fixture
def client(connect: Callable[..., NinepClient]) -> NinepClient:
    return connect()


def names_of(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir()]


def fails(number: int, ask: Callable[..., Any], *arguments: Any) -> None:
    with pytest.raises(RefusedError) as raised:
        ask(*arguments)
    assert raised.value.errno == number, raised.value


def test_files_are_read_and_written(client: NinepClient, shared: Path) -> None:
    assert client.content("given.txt") == b"given\n"
    assert client.content("sub", "below.txt") == b"below\n"
    content = random.Random(1).randbytes(200_000)
    fid = client.create("new", mode=0o640)
    assert client.write(fid, content) == len(content)
    assert client.read(fid, 150_000, 100_000) == content[150_000:]
    assert client.read(fid, 1 << 40) == b""
    client.ask(NinepMessage.SYNC, "II", fid, 0)
    client.clunk(fid)
    assert (shared / "new").read_bytes() == content
    assert stat.S_IMODE((shared / "new").stat().st_mode) == 0o640


def test_an_answer_is_no_longer_than_agreed_and_a_file_is_read_in_parts(
    client: NinepClient, shared: Path
) -> None:
    (shared / "long").write_bytes(bytes(range(256)) * 4096)
    client.ask(NinepMessage.VERSION, "Is", 8192, "9P2000.L")
    client.ask(NinepMessage.ATTACH, "IIssI", ROOT, fids.NO_FID, "", "/", 0)
    fid = client.walk("long")
    client.open(fid)
    part = client.read(fid, 0, 1 << 20)
    assert len(part) == 8192 - 11
    fails(errno.EPROTO, client.write, fid, bytes(9000))


def test_every_name_of_a_folder_is_listed_once_whatever_the_room(
    client: NinepClient, shared: Path
) -> None:
    for number in range(300):
        (shared / "sub" / f"{number:03}{'x' * (number % 200)}").touch()
    expected = {".", "..", *names_of(shared / "sub")}
    for room in (300, 4096, 1 << 17):
        fid = client.walk("sub")
        client.open(fid)
        names = [name for _, _, name in client.entries(fid, room)]
        assert len(names) == len(expected)
        assert set(names) == expected
        assert len(client.entries(fid, room)) == len(expected), "again from the start"
        client.clunk(fid)


def test_entries_say_what_they_are(client: NinepClient, shared: Path) -> None:
    fid = client.walk()
    client.open(fid)
    kinds = {name: (qid.kind, kind) for qid, kind, name in client.entries(fid)}
    assert kinds["sub"] == (0x80, 4)
    assert kinds["given.txt"] == (0, 8)
    assert kinds["link"] == (2, 10)
    numbers = {name: qid.path for qid, _, name in client.entries(fid)}
    assert numbers["given.txt"] == (shared / "given.txt").stat().st_ino


def test_attributes_are_those_of_the_host(client: NinepClient, shared: Path) -> None:
    found, told = (shared / "given.txt").stat(), client.attributes(client.walk("given.txt"))
    assert told[:6] == (found.st_mode, found.st_uid, found.st_gid, 1, 0, 6)
    seconds, nanoseconds = divmod(found.st_mtime_ns, 10**9)
    assert told[10:12] == (seconds, nanoseconds)


def test_attributes_are_changed(client: NinepClient, shared: Path) -> None:
    fid, path = client.walk("given.txt"), shared / "given.txt"

    def change(wanted: int, mode: int = 0, size: int = 0, modified: int = 0) -> None:
        values = (fid, wanted, mode, 0, 0, size, 0, 0, modified, 5)
        client.ask(NinepMessage.SET_ATTRIBUTES, "IIIIIQQQQQ", *values)

    change(0x1, mode=0o6751)
    assert stat.S_IMODE(path.stat().st_mode) == 0o751, "no file runs as its owner"
    change(0x8, size=3)
    assert path.read_bytes() == b"giv"
    change(0x120, modified=1000)
    assert path.stat().st_mtime_ns == 1000 * 10**9 + 5
    change(0x20)
    assert path.stat().st_mtime > 1_000_000
    change(0)
    fails(errno.EPROTO, change, 0x8, 0, 1 << 63)
    fails(errno.EPROTO, change, 0x120, 0, 0, (1 << 64) - 1)


def test_owners_are_changed_as_far_as_the_host_lets(client: NinepClient, shared: Path) -> None:
    fid, mine = client.walk("given.txt"), os.geteuid()
    values = (0, mine, os.getegid(), 0, 0, 0, 0, 0)
    client.ask(NinepMessage.SET_ATTRIBUTES, "IIIIIQQQQQ", fid, 0x6, *values)
    assert (shared / "given.txt").stat().st_uid == mine
    if mine:
        fails(
            errno.EPERM,
            *(client.ask, NinepMessage.SET_ATTRIBUTES, "IIIIIQQQQQ"),
            *(fid, 0x2, 0, 0, 0, 0, 0, 0, 0, 0),
        )


def test_names_are_made_moved_and_removed(client: NinepClient, shared: Path) -> None:
    client.ask(NinepMessage.MAKE_FOLDER, "IsII", ROOT, "made", 0o755, 0)
    client.ask(NinepMessage.SYMLINK, "IssI", ROOT, "soft", "/etc/passwd", 0)
    given = client.walk("given.txt")
    client.ask(NinepMessage.LINK, "IIs", client.walk("made"), given, "hard")
    assert (shared / "made" / "hard").samefile(shared / "given.txt")
    target = client.ask(NinepMessage.READ_LINK, "I", client.walk("soft"))
    assert target[2:] == b"/etc/passwd"
    below = client.walk("made", "hard")
    client.ask(NinepMessage.RENAME_AT, "IsIs", ROOT, "made", client.walk("sub"), "moved")
    assert client.attributes(below)[3] == 2, "what is below has moved as well"
    client.ask(NinepMessage.RENAME, "IIs", below, ROOT, "given.txt")
    fails(errno.ENOTEMPTY, client.ask, NinepMessage.UNLINK_AT, "IsI", ROOT, "sub", 0x200)
    fails(errno.EISDIR, client.ask, NinepMessage.UNLINK_AT, "IsI", ROOT, "sub", 0)
    client.ask(NinepMessage.UNLINK_AT, "IsI", ROOT, "soft", 0)
    client.ask(NinepMessage.REMOVE, "I", client.walk("sub", "below.txt"))
    client.ask(NinepMessage.MAKE_NODE, "IsIIII", ROOT, "node", stat.S_IFREG | 0o600, 0, 0, 0)
    for kind in (stat.S_IFIFO, stat.S_IFCHR, stat.S_IFSOCK):
        values = (ROOT, "special", kind | 0o666, 1, 3, 0)
        fails(errno.EPERM, client.ask, NinepMessage.MAKE_NODE, "IsIIII", *values)
    names = sorted(names_of(shared))
    assert names == ["above", "given.txt", "inner", "link", "node", "pipe", "sub"]
    assert sorted(names_of(shared / "sub")) == ["deep", "moved"]


def test_what_is_open_has_its_attributes_without_a_name(client: NinepClient, shared: Path) -> None:
    fid = client.walk("given.txt")
    client.open(fid, os.O_RDWR)
    (shared / "given.txt").unlink()
    assert client.attributes(fid)[5] == 6
    values = (0, 0, 0, 2, 0, 0, 0, 0)
    client.ask(NinepMessage.SET_ATTRIBUTES, "IIIIIQQQQQ", fid, 0x8, *values)
    assert client.read(fid) == b"gi"


def test_a_file_is_removed_only_if_it_is_the_one_that_was_meant(
    client: NinepClient, shared: Path
) -> None:
    fid = client.walk("given.txt")
    client.open(fid)
    (shared / "given.txt").unlink()
    (shared / "given.txt").write_text("another")
    fails(errno.ESTALE, client.ask, NinepMessage.REMOVE, "I", fid)
    assert (shared / "given.txt").read_text() == "another"


OUT = ["above", "link"]


@pytest.mark.parametrize("name", OUT)
def test_no_link_is_followed(client: NinepClient, name: str) -> None:
    fid = client.walk(name)
    assert stat.S_ISLNK(client.attributes(fid)[0])
    fails(errno.ELOOP, client.open, fid)
    with pytest.raises(RefusedError):
        client.walk(name, "outside.txt")
    with pytest.raises(RefusedError):
        client.walk("inner", "below.txt")
    target = client.ask(NinepMessage.READ_LINK, "I", fid)[2:]
    assert target in (b"..", b"../outside.txt")


def test_nothing_is_above_the_folder(client: NinepClient, shared: Path) -> None:
    up = client.walk("..", "..", "sub", "..", "..")
    assert client.attributes(up) == client.attributes(ROOT)
    for name in ("../outside.txt", "/etc/passwd", "sub/below.txt", "", ".", "..", "a\0b"):
        for kind, codes, rest in (
            (NinepMessage.CREATE, "IsIII", (os.O_RDWR, 0o644, 0)),
            (NinepMessage.MAKE_FOLDER, "IsII", (0o755, 0)),
            (NinepMessage.UNLINK_AT, "IsI", (0,)),
            (NinepMessage.SYMLINK, "IssI", ("x", 0)),
        ):
            fails(errno.EINVAL, client.ask, kind, codes, client.walk(), name, *rest)
        if name != "..":
            with pytest.raises(RefusedError):
                client.walk(name)
    assert sorted(names_of(shared.parent)) == ["outside.txt", "shared"]


def test_a_folder_that_becomes_a_link_leads_nowhere(client: NinepClient, shared: Path) -> None:
    fid = client.walk("sub", "below.txt")
    (shared / "sub").rename(shared.parent / "elsewhere")
    (shared / "sub").symlink_to(shared.parent / "elsewhere")
    with pytest.raises(RefusedError):
        client.open(fid)
    with pytest.raises(RefusedError):
        client.attributes(fid)
    with pytest.raises(RefusedError):
        client.ask(NinepMessage.UNLINK_AT, "IsI", client.walk("sub"), "below.txt", 0)
    assert (shared.parent / "elsewhere" / "below.txt").exists()


def test_a_folder_that_is_a_link_now_and_then_never_leads_out(
    client: NinepClient, shared: Path
) -> None:
    outside = shared.parent / "outside"
    outside.mkdir()
    (outside / "below.txt").write_bytes(b"secret")
    (shared / "way").symlink_to(outside)
    done = threading.Event()

    def exchange() -> None:
        while not done.is_set():
            for one, other in (("sub", "kept"), ("way", "sub"), ("sub", "way"), ("kept", "sub")):
                (shared / one).rename(shared / other)

    other = threading.Thread(target=exchange)
    other.start()
    found = Counter[object]()
    try:
        tries = 0
        while tries < 2000 or not found[b"below\n"]:
            tries += 1
            assert tries < 1_000_000
            try:
                found[client.content("sub", "below.txt")] += 1
            except RefusedError as error:
                found[error.errno] += 1
    finally:
        done.set()
        other.join()
    assert found[b"below\n"] > 0
    assert {key for key in found if isinstance(key, bytes)} == {b"below\n"}


def test_a_pipe_is_not_opened(client: NinepClient) -> None:
    fails(errno.EACCES, client.open, client.walk("pipe"))


CHANGES: list[tuple[int, str, tuple[Any, ...]]] = [
    (NinepMessage.CREATE, "IsIII", ("new", os.O_RDWR, 0o644, 0)),
    (NinepMessage.MAKE_FOLDER, "IsII", ("new", 0o755, 0)),
    (NinepMessage.SYMLINK, "IssI", ("new", "x", 0)),
    (NinepMessage.MAKE_NODE, "IsIIII", ("new", stat.S_IFREG, 0, 0, 0)),
    (NinepMessage.UNLINK_AT, "IsI", ("given.txt", 0)),
    (NinepMessage.SET_ATTRIBUTES, "IIIIIQQQQQ", (1, 0o777, 0, 0, 0, 0, 0, 0, 0)),
    (NinepMessage.RENAME_AT, "IsIs", ("given.txt", ROOT, "new")),
]


@pytest.mark.parametrize(("kind", "codes", "values"), CHANGES)
def test_a_folder_that_is_for_reading_is_not_changed(
    kind: int, codes: str, values: tuple[Any, ...], connect: Callable[..., NinepClient]
) -> None:
    client = connect(may_write=False)
    fails(errno.EROFS, client.ask, kind, codes, client.walk(), *values)
    assert client.content("given.txt") == b"given\n"


def test_no_file_of_a_folder_for_reading_is_opened_to_write(
    connect: Callable[..., NinepClient], shared: Path
) -> None:
    client = connect(may_write=False)
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
        fails(errno.EROFS, client.open, client.walk("given.txt"), flags)
    fails(errno.EROFS, client.ask, NinepMessage.REMOVE, "I", client.walk("given.txt"))
    fails(errno.EROFS, client.ask, NinepMessage.LINK, "IIs", ROOT, client.walk("given.txt"), "new")
    fails(
        errno.EROFS, client.ask, NinepMessage.RENAME, "IIs", client.walk("given.txt"), ROOT, "new"
    )
    fid = client.walk("given.txt")
    client.open(fid)
    fails(errno.EROFS, client.write, fid, b"x")
    assert (shared / "given.txt").read_bytes() == b"given\n"


def test_numbers_that_stand_for_nothing_or_too_many(
    client: NinepClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    for ask in (client.open, client.clunk, client.attributes, client.read):
        fails(errno.EBADF, ask, 99)
    fails(errno.EBADF, client.read, client.walk("given.txt"))
    fid = client.walk("sub")
    client.open(fid)
    fails(errno.EISDIR, client.read, fid)
    fails(errno.EBADF, client.open, fid)
    monkeypatch.setattr(fids, "MOST_OPEN", 1)
    fails(errno.EMFILE, client.open, client.walk("given.txt"))
    client.clunk(fid)
    client.open(client.walk("given.txt"))
    monkeypatch.setattr(fids, "MOST_FIDS", 5)
    with pytest.raises(RefusedError) as raised:
        for _ in range(6):
            client.walk()
    assert raised.value.errno == errno.ENFILE


def test_a_walk_goes_as_far_as_it_can(client: NinepClient) -> None:
    body = struct.pack("<IIH", ROOT, 50, 2) + b"\3\0sub\4\0nope"
    (count,) = struct.unpack_from("<H", client.ask(NinepMessage.WALK, "", data=body))
    assert count == 1
    fails(errno.EBADF, client.clunk, 50)
    fails(errno.ENOENT, client.walk, "nope")


def test_who_has_not_attached_gets_nothing(connect: Callable[..., NinepClient]) -> None:
    client = connect(attach=False)
    fails(errno.EBADF, client.walk)
    fails(errno.ENOENT, client.ask, NinepMessage.ATTACH, "IIssI", ROOT, fids.NO_FID, "", "/etc", 0)
    fails(errno.ENOENT, client.ask, NinepMessage.AUTHENTICATE, "IssI", ROOT, "", "", 0)
    answer = client.ask(NinepMessage.VERSION, "Is", 1 << 30, "9P2000.u")
    assert answer == struct.pack("<IH", 1 << 19, 7) + b"unknown"
    fails(errno.EMSGSIZE, client.ask, NinepMessage.VERSION, "Is", 100, "9P2000.L")


def test_a_client_that_begins_anew_has_nothing_open(client: NinepClient) -> None:
    fid = client.walk("given.txt")
    client.open(fid)
    client.ask(NinepMessage.VERSION, "Is", 1 << 18, "9P2000.L")
    fails(errno.EBADF, client.read, fid)


def test_locks_and_extended_attributes(client: NinepClient) -> None:
    fid = client.walk("given.txt")
    client.open(fid)
    assert client.ask(NinepMessage.LOCK, "IBIQQIs", fid, 1, 0, 0, 0, 1, "x") == b"\0"
    told = client.ask(NinepMessage.GET_LOCK, "IBQQIs", fid, 1, 5, 6, 7, "me")
    assert told == struct.pack("<BQQI", 2, 5, 6, 7) + b"\2\0me"
    fails(errno.EOPNOTSUPP, client.ask, NinepMessage.WALK_EXTENDED, "IIs", fid, 77, "user.x")
    assert client.ask(NinepMessage.FLUSH, "H", 3) == b""
    assert len(client.ask(NinepMessage.STATFS, "I", ROOT)) == 60


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"",
        b"\7\0\0\0",
        HEADER.pack(7, 255, 1),
        HEADER.pack(7, NinepMessage.WALK, 1),
        HEADER.pack(1 << 31, NinepMessage.READ, 1),
        HEADER.pack(3, NinepMessage.READ, 1),
        HEADER.pack(23, NinepMessage.WRITE, 1) + struct.pack("<IQI", ROOT, 0, 1 << 30),
    ],
)
def test_what_is_no_request_is_an_error(client: NinepClient, request_bytes: bytes) -> None:
    answer = client.send(request_bytes, room=11)
    assert answer[4] == NinepMessage.ERROR
    assert struct.unpack_from("<I", answer, 7) == (errno.EPROTO,)


def test_random_requests_do_no_harm(connect: Callable[..., NinepClient], shared: Path) -> None:
    """Whatever is asked for gets an answer, and nothing outside of the folder is changed."""
    chance, client = random.Random(3), connect()
    names = ["given.txt", "sub", "link", "above", "inner", "pipe", "new", "..", ".", "", "a/b"]
    numbers = [0, 1, 2, 3, 4, 5, 0x200, 0o777, 1 << 31, (1 << 32) - 1, (1 << 63) - 1, 1 << 63]
    rows = list(OPERATIONS.items())
    rows += [
        (kind, NinepOperation("IQI", lambda: b""))
        for kind in (NinepMessage.READ, NinepMessage.WRITE)
    ]
    for _ in range(4000):
        kind, operation = chance.choice(rows)
        body = b"".join(field(code, chance, names, numbers) for code in operation.codes)
        if chance.random() < 0.2:
            body = body[: chance.randrange(len(body) + 1)] + chance.randbytes(3)
        size = 7 + len(body) if chance.random() < 0.9 else chance.choice(numbers) & 0xFFFF_FFFF
        client.send(HEADER.pack(size, kind, 1) + body, room=chance.choice((11, 100, 1 << 16)))
    assert (shared.parent / "outside.txt").read_text() == "secret"
    assert sorted(names_of(shared.parent)) == ["outside.txt", "shared"]


def field(code: str, chance: random.Random, names: list[str], numbers: list[int]) -> bytes:
    """A field of a message, more often than not one that makes sense."""
    if code == "s":
        data = os.fsencode(chance.choice(names))
        return struct.pack("<H", len(data)) + data
    if code == "t":
        count = chance.randrange(4)
        texts = b"".join(field("s", chance, names, numbers) for _ in range(count))
        return struct.pack("<H", count) + texts
    bits = 8 * struct.calcsize(f"<{code}")
    small = chance.random() < 0.7
    number = chance.randrange(8) if small else chance.choice(numbers)
    return struct.pack(f"<{code}", number & (1 << bits) - 1)
