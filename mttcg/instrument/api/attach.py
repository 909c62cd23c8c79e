"""The calls of a plugin: attach and take away, on one vCPU or on all.

`cpu` is a `Cpu`, its index, or None for every vCPU. `target` is a Python function, a `Probe`, a
`Counter`, a `BlockTable` or a `Stream`. Attaching the same thing twice is attaching it once.
With `once` the target runs at the first chance on each vCPU only (of all blocks: at the first of
each), with `when` only if that probe says so, with `space` in that address space only, or in a
process of a Linux guest, with `mode` at that level of privilege only ("user", "supervisor",
"machine"); all this is decided natively. A process is given as its name, "busybox", for all that
have it, or by its number, "pid:1", for the first process that has it, and none that gets the number
after that is gone. Then the target runs from where the kernel switches to a thread of it to where
it switches away, in the kernel too, with the interrupts that come meanwhile. A
pc is a virtual address in any space, or, with `physical`, the physical address, wherever the guest
sees it. Each call returns a `Ticket` at once; the change is in force when the ticket is done: on
the own vCPU with the next block, on others soon after. A Python function that was taken away on the
own vCPU is not called again even in this block. A vCPU that there is not, and a pc that no
instruction can have, raise BadValueError; a target that does not fit there, TargetError.

What is attached everywhere runs before what is attached at one pc; at the same place things run in
the order in which their plugins were loaded, those of one plugin as they were attached; what is
attached by physical address comes behind what is by virtual address.
"""

import fnmatch
from pathlib import Path
from typing import Any

from mttcg.instrument.api import session
from mttcg.instrument.api.changes import Attachment, Change, Where
from mttcg.instrument.api.check import check_target
from mttcg.instrument.api.process import GuestProcess, MappedArea, ModuleSymbol
from mttcg.instrument.api.targets import When
from mttcg.instrument.api.ticket import Ticket
from mttcg.instrument.api.values import chosen_process, code_address, cpu_index, scope
from mttcg.instrument.errors import BadValueError, OutsidePluginError, UnknownSymbolError


def _change(
    add: bool,
    where: Where,
    cpu: Any,
    pc: int | None,
    target: Any,
    opaque: Any,
    once: bool = False,
    when: When | None = None,
    entry: Any = None,
    space: int | str | None = None,
    mode: str | None = None,
    physical: bool = False,
) -> Ticket:
    guest = session.guest(f"{'' if add else 'un'}instrument()")
    plugin = session.current_plugin()
    if not plugin:
        raise OutsidePluginError("instrument()")
    index = None if cpu is None else cpu_index("cpu", cpu, guest.count)
    address = None if pc is None else code_address("pc", pc)
    if physical and address is None:
        raise BadValueError("physical", physical, "a pc with it")
    process = chosen_process(space)
    within = scope(None if process else space, mode, guest.levels)
    what = target, opaque, bool(once), when, entry, within, bool(physical), process
    attachment = Attachment(plugin, where, index, address, *what)
    check_target(attachment)
    return guest.change(Change(add, attachment))


def instrument(
    cpu: Any,
    pc: int | None,
    target: Any,
    opaque: Any = None,
    *,
    once: bool = False,
    when: When | None = None,
    space: int | str | None = None,
    mode: str | None = None,
    physical: bool = False,
) -> Ticket:
    """Call `target(cpu, opaque)` before every execution of the instruction at `pc`.

    pc is the address at which the guest runs it, as `symbol` gives it; None means every
    instruction. `space` is that of a process, as `cpu.space` has it, or 0 for code that is not
    translated. Where no code can run, nothing happens, and the run has a warning. A Counter
    counts the executions, a Stream of `events.INSTRUCTION`, or of `events.TIMED`, records them, a
    probe gets (cpu, pc, words of `opaque`).

    At one pc it costs a few tenths of a millisecond on llvm, at any moment, however large the guest
    is and however much is attached; to take it away costs the same. The block runs in the
    interpreter until it is worth translating; translations of other functions stay. At every
    instruction, code that was translated is found, or made, anew.
    """
    return _change(
        True, Where.INSTRUCTION, cpu, pc, target, opaque, once, when, None, space, mode, physical
    )


def uninstrument(
    cpu: Any,
    pc: int | None,
    target: Any,
    opaque: Any = None,
    *,
    once: bool = False,
    when: When | None = None,
    space: int | str | None = None,
    mode: str | None = None,
    physical: bool = False,
) -> Ticket:
    """Undo `instrument` with the same arguments; no call follows once the ticket is done."""
    return _change(
        False, Where.INSTRUCTION, cpu, pc, target, opaque, once, when, None, space, mode, physical
    )


def instrument_block(
    cpu: Any,
    pc: int | None,
    target: Any,
    opaque: Any = None,
    *,
    once: bool = False,
    when: When | None = None,
    space: int | str | None = None,
    mode: str | None = None,
    physical: bool = False,
) -> Ticket:
    """Call `target(cpu, block, opaque)` before every execution of the block that starts at `pc`.

    None means every block. `block` has `pc` and `instructions`, how many it has. A Counter counts
    executions, a BlockTable counts them for each block, a Stream of `events.BLOCK`, or of
    `events.TIMED`, records them, a probe gets (cpu, pc, instructions, words of `opaque`). It costs
    what `instrument` does.
    """
    return _change(
        True, Where.BLOCK, cpu, pc, target, opaque, once, when, None, space, mode, physical
    )


def uninstrument_block(
    cpu: Any,
    pc: int | None,
    target: Any,
    opaque: Any = None,
    *,
    once: bool = False,
    when: When | None = None,
    space: int | str | None = None,
    mode: str | None = None,
    physical: bool = False,
) -> Ticket:
    """Undo `instrument_block` with the same arguments."""
    return _change(
        False, Where.BLOCK, cpu, pc, target, opaque, once, when, None, space, mode, physical
    )


def instrument_memory(
    cpu: Any,
    target: Any,
    opaque: Any = None,
    *,
    once: bool = False,
    when: When | None = None,
    space: int | str | None = None,
    mode: str | None = None,
) -> Ticket:
    """Call `target(cpu, access, opaque)` with every load and store, atomics and MMIO included.

    `access` has `pc`, `address`, `size` in bytes, `value` (zero-extended) and `write`; an
    atomic read-modify-write is a read and a write, a failed store-conditional neither. A Counter
    counts them, a Stream of `events.ACCESS` records them, one of `events.TIMED_ACCESS` also when
    they were, and fences and failed store-conditionals. A
    probe gets (cpu, pc, address, size, value, write, words of `opaque`). Registers can be read in
    the callback but not written, as the instruction is half done. When the first thing is attached
    to accesses, and when the last is taken away, all code is found, or made, anew.
    """
    return _change(True, Where.ACCESS, cpu, None, target, opaque, once, when, None, space, mode)


def uninstrument_memory(
    cpu: Any,
    target: Any,
    opaque: Any = None,
    *,
    once: bool = False,
    when: When | None = None,
    space: int | str | None = None,
    mode: str | None = None,
) -> Ticket:
    """Undo `instrument_memory` with the same arguments."""
    return _change(False, Where.ACCESS, cpu, None, target, opaque, once, when, None, space, mode)


def instrument_branch(
    cpu: Any,
    callback: Any,
    opaque: Any = None,
    *,
    space: int | str | None = None,
    mode: str | None = None,
) -> Ticket:
    """Call `callback(cpu, branch, opaque)` behind each conditional branch.

    `branch` has `pc`, `target`, where control goes on, and `taken`. Registers can be read in the
    callback but not written. Records of branches cost a hundredth of that: a Stream of
    `events.BRANCH`, attached by `instrument`. When the first thing is attached, and when the last
    is taken away, all code is found, or made, anew.
    """
    return _change(True, Where.BRANCH, cpu, None, callback, opaque, space=space, mode=mode)


def uninstrument_branch(
    cpu: Any,
    callback: Any,
    opaque: Any = None,
    *,
    space: int | str | None = None,
    mode: str | None = None,
) -> Ticket:
    """Undo `instrument_branch` with the same arguments."""
    return _change(False, Where.BRANCH, cpu, None, callback, opaque, space=space, mode=mode)


def instrument_jump(
    cpu: Any,
    callback: Any,
    opaque: Any = None,
    *,
    space: int | str | None = None,
    mode: str | None = None,
) -> Ticket:
    """Call `callback(cpu, jump, opaque)` behind each instruction that always goes elsewhere.

    `jump` has `pc`, `target` and `kind`, an `InstructionClass`: CALL, RETURN, SWITCH for one that
    returns and calls at once, SYSTEM for a return from a trap, or JUMP. Traps are no instructions,
    see `plugin_trap`. Otherwise it is as `instrument_branch`; records are `events.TRANSFER`.
    """
    return _change(True, Where.JUMP, cpu, None, callback, opaque, space=space, mode=mode)


def uninstrument_jump(
    cpu: Any,
    callback: Any,
    opaque: Any = None,
    *,
    space: int | str | None = None,
    mode: str | None = None,
) -> Ticket:
    """Undo `instrument_jump` with the same arguments."""
    return _change(False, Where.JUMP, cpu, None, callback, opaque, space=space, mode=mode)


def instrument_return(
    cpu: Any,
    function: int,
    callback: Any,
    opaque: Any = None,
    *,
    at_entry: Any = None,
    space: int | str | None = None,
    mode: str | None = None,
) -> Ticket:
    """Call `callback(cpu, value, opaque)` each time a function has returned.

    `function` is the address of its first instruction, as `symbol` gives it; `value` is what it
    returned, in the integer register of the calling convention. With `at_entry`, that is called at
    each entry, as `at_entry(cpu, opaque)`, and what it gives is the opaque value of the same call's
    return. The callback runs before the instruction behind the call; registers can be read and
    written. Only calls that begin when this is in force are told of.

    A call and its return belong together by the stack pointer and the address to which is returned:
    so recursion, several stacks, and calls that never return, as by longjmp, are told apart. A
    function that ends with a jump to another (a tail call) returns when that does; the inner one is
    told of first. The return has to be on the vCPU of the call.

    It costs a Python call at each entry and at each return, and the first time that a function
    returns to some place what it costs to attach to a place. An ISA without a calling convention,
    and a target that is no function, raise TargetError.
    """
    return _change(
        True, Where.RETURN, cpu, function, callback, opaque, entry=at_entry, space=space, mode=mode
    )


def uninstrument_return(
    cpu: Any,
    function: int,
    callback: Any,
    opaque: Any = None,
    *,
    at_entry: Any = None,
    space: int | str | None = None,
    mode: str | None = None,
) -> Ticket:
    """Undo `instrument_return` with the same arguments; calls that go on are not told of either."""
    return _change(
        False, Where.RETURN, cpu, function, callback, opaque, entry=at_entry, space=space, mode=mode
    )


def processes(*, threads: bool = False) -> list[GuestProcess]:
    """The processes of a Linux guest at this moment, in the kernel's order; none before it has any.

    `threads`: each thread of them by itself. What the kernel's structures say is read; on another
    vCPU the kernel may be about to change them, and a process may come or go meanwhile. Raises
    NoKernelError if the guest is no such kernel, or says too little of itself.
    """
    return session.guest("processes").processes(bool(threads))


def mapped_areas(process: GuestProcess) -> list[MappedArea]:
    """What a process of a Linux guest has mapped at this moment, in order of address.

    It is read in the kernel's structures, in some milliseconds; of one that is changed just then on
    another vCPU an area may be missing. None for a thread of the kernel. Raises NoKernelError if
    the guest is no such kernel, or one before Linux 6.1.
    """
    return session.guest("mapped areas").areas(process.task)


def module_symbols() -> list[ModuleSymbol]:
    """The functions of the modules that a Linux guest's kernel has loaded by now.

    They are read in the kernel's structures, a thousand in some tens of milliseconds. Raises
    NoKernelError if the guest is no such kernel.
    """
    return session.guest("module symbols").module_symbols()


def mapped_file(
    process: GuestProcess, area: MappedArea, sysroot: Path | None = None
) -> Path | None:
    """The file that an area is of, in the run's `--sysroot`, or another; None if it is not there.

    Its size is compared, and all that the process has in memory of the area by now: raises
    ElfFileError for a file that is another than the guest's, and NoKernelError.
    """
    return session.guest("mapped files").mapped_file(process, area, sysroot)


def symbol(name: str, *, process: GuestProcess | str | None = None) -> int:
    """Address at which the guest uses a symbol of its file; raises UnknownSymbolError.

    A name of C++ or Rust as it is in the file, or as it is shown: `queue::push(int)`.
    Without translation that is where it was loaded, whatever it was linked for.

    With `process`, of a Linux guest, that of a function of a file that it has mapped by now, by the
    files in the run's `--sysroot`: a `GuestProcess`, or its name, or "pid:1". Raises BadValueError
    if there is no such process, and what `mapped_file` does.
    """
    if process is not None:
        return session.guest(f"symbol {name}").program_symbol(name, process)
    try:
        return session.guest(f"symbol {name}").symbols[name]
    except (KeyError, TypeError):
        raise UnknownSymbolError(name) from None


def symbols(pattern: str) -> dict[str, int]:
    """Addresses of the guest's symbols whose names match a pattern, as of a shell: `vfs_*`.

    They may be functions or data; none where nothing matches.
    """
    if not isinstance(pattern, str):
        raise BadValueError("pattern", pattern, "text")
    found = session.guest(f"symbols {pattern}").symbols
    return {name: found[name] for name in fnmatch.filter(found, pattern)}
