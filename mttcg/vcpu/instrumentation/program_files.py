"""The files of a sysroot that processes have mapped, and where their functions are in a process."""

from pathlib import Path

from mttcg.instrument.api.process import GuestProcess, MappedArea
from mttcg.instrument.api.values import chosen_process
from mttcg.instrument.errors import BadValueError, ElfFileError, UnknownSymbolError
from mttcg.instrument.program.elf_functions import elf_functions
from mttcg.instrument.program.elf_segments import ElfSegment, elf_segments
from mttcg.vcpu.instrumentation.processes import ProcessesOfVcpu

EXECUTABLE = "x"


class ProgramFiles:
    """Those of the guest of one vCPU.

    Args:
        seen: the guest's processes.
        sysroot: folder with the guest's files; None: there is none.
    """

    def __init__(self, seen: ProcessesOfVcpu, sysroot: Path | None) -> None:
        self.seen, self.sysroot = seen, sysroot
        self.functions: dict[Path, dict[str, list[int]]] = {}
        self.segments: dict[Path, list[ElfSegment]] = {}

    def file(
        self, process: GuestProcess, area: MappedArea, sysroot: Path | None = None
    ) -> Path | None:
        """The file of an area in a sysroot; None if there is none there.

        sysroot: in place of the run's. Its size is compared, and what the process has in memory of
        the area; raises ElfFileError if it is another, or can't be read, and NoKernelError.
        """
        root = sysroot or self.sysroot
        if root is None or not area.path.startswith("/"):
            return None
        path = root / area.path.lstrip("/")
        if not path.is_file():
            return None
        try:
            content = path.read_bytes()
        except OSError as error:
            raise ElfFileError(path, error.strerror or str(error)) from error
        if len(content) != area.file_size:
            size = f"{area.file_size:,} bytes of it, and it has {len(content):,}"
            raise ElfFileError(path, f"process {process.tgid} ({process.comm}) has {size}")
        other = self.seen.differing(process.task, area, content)
        if other is not None:
            wrong = f"process {process.tgid} ({process.comm}) has other content at {other:#x}"
            raise ElfFileError(path, wrong)
        return path

    def symbol(self, name: str, process: GuestProcess | str) -> int:
        """Where a function of a program is in a process, see `mttcg.instrument.symbol`."""
        found = self._process(process)
        for area in self.seen.areas(found.task):
            if EXECUTABLE in area.access:
                path = self.file(found, area)
                address = None if path is None else self._address(path, area, name)
                if address is not None:
                    return address
        raise UnknownSymbolError(name, f"process {found.tgid} ({found.comm})")

    def _process(self, process: GuestProcess | str) -> GuestProcess:
        if isinstance(process, GuestProcess):
            return process
        chosen = chosen_process(process)
        expected = "a process that there is, as its name or pid:1"
        if chosen is None:
            raise BadValueError("process", process, expected)
        pid, comm = chosen
        for each in self.seen.listed(False):
            if each.tgid == pid if pid else each.comm == comm:
                return each
        raise BadValueError("process", process, expected)

    def _address(self, path: Path, area: MappedArea, name: str) -> int | None:
        """Where a function of a file is, if it is in the part of it that an area has."""
        if path not in self.functions:
            places: dict[str, list[int]] = {}
            for linked, _, function in elf_functions(path, self.sysroot):
                places.setdefault(function, []).append(linked)
            self.functions[path], self.segments[path] = places, elf_segments(path)
        for linked in self.functions[path].get(name, ()):
            for segment in self.segments[path]:
                within = linked - segment.linked
                at = segment.offset + within - area.offset
                if 0 <= within < segment.size and 0 <= at < area.end - area.start:
                    return area.start + at
        return None
