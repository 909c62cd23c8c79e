"""A process of the guest's system, as plugins see it."""

from typing import NamedTuple


class GuestProcess(NamedTuple):
    """A process, or one of its threads, as the guest's kernel has it at some moment.

    Attributes:
        pid: number of the thread; that of the process for its first one. 0 for an idle task.
        tgid: number of the process that it belongs to.
        comm: its name, of up to 15 characters.
        parent: number of the process that is its parent, 0 for none.
        space: its address space, as the page number of the root of its page tables; 0 for a thread
            of the kernel, which has none.
        state: as ps(1) has it: R, S, D, T, t, X, Z, P or I.
        cpu: the vCPU that it runs on, or ran on last.
        task: address of the kernel's structure of it, which tells it from a later one of the
            same number.
        voluntary: how often it has waited for something, in favour of another, as
            /proc/PID/status has it.
        involuntary: how often it had to make way for another.
    """

    pid: int
    tgid: int
    comm: str
    parent: int
    space: int
    state: str
    cpu: int
    task: int
    voluntary: int = 0
    involuntary: int = 0


class ChosenProcess(NamedTuple):
    """A process, or all of a name, to which something attached is limited.

    Attributes:
        pid: number of the process, 0 if it is chosen by name.
        comm: the name.
    """

    pid: int = 0
    comm: str = ""


class MappedArea(NamedTuple):
    """An area of a process's memory, as /proc/PID/maps has it.

    Attributes:
        start, end: its first address, and the one behind its last.
        offset: where in the file it begins, 0 without one.
        path: of the file, over all mounts; "" without one.
        access: "r", "w", "x", or "-" in their place, and "s" if it is shared, else "p".
        file_size: bytes of the file, 0 without one.
    """

    start: int
    end: int
    offset: int
    path: str
    access: str
    file_size: int = 0


class ModuleSymbol(NamedTuple):
    """A function of a module that the guest's kernel has loaded.

    Attributes:
        address, size: where it is, and its bytes.
        name: of the function.
        module: that it is in.
    """

    address: int
    size: int
    name: str
    module: str
