"""Native functions of ours, as an earlier run compiled them.

numba takes longer to load than everything else together, and what it makes of a module of ours is
the same in every run. So the C functions of such a module are linked into one object file, which is
kept beside what numba itself keeps; it needs nothing from outside, and no compiler to be loaded. It
is kept as it is in memory, so that LLVM, too, is loaded only to make it.
"""

import contextlib
import fcntl
import hashlib
import importlib
import json
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

from mttcg.instrument.native.native_cache import remove_unused, sources_digest, use_native_cache
from mttcg.instrument.native.native_host import llvm_target, made_for
from mttcg.instrument.native.progress import tell_compiling
from mttcg.instrument.native.shipped_code import shipped_file
from mttcg.memory.address import HostAddress
from mttcg.native.loaded_code import map_code
from mttcg.native.object_file import TranslationError, functions_of, relocatable_of

Code = TypeVar("Code", bytes, bytes | None)
DIGEST_BYTES = 16
SPEED_LEVEL = 3


@cache
def native_address(module: str, name: str) -> HostAddress:
    """Address of a C function that a module of ours makes by numba."""
    return _loaded(module)[name]


@cache
def _loaded(module: str) -> dict[str, HostAddress]:
    """Where a module's functions are, by name; numba has them if they can't be kept."""
    kept = kept_or_made(kept_file(module), lambda: linked_code(c_functions(module)))
    if kept is None:
        return {name: HostAddress(one.address) for name, one in c_functions(module).items()}
    header, _, code = kept.partition(b"\n")
    writable_at, places = json.loads(header)
    start = map_code(code, writable_at)
    return {name: HostAddress(start + at) for name, at in places.items()}


def kept_file(module: str) -> Path:
    """Where a module's code is kept, for this state of the sources and this host."""
    return use_native_cache() / f"{module}-{sources_digest()}-{made_for()}.native"


def c_functions(module: str) -> dict[str, Any]:
    """The C functions in a module by name, compiled; loads numba."""
    found = vars(importlib.import_module(module))
    return {name: one for name, one in found.items() if hasattr(one, "native_name")}


def linked_code(compiled: dict[str, Any]) -> bytes | None:
    """C functions as they are in memory; None if they need more than what is there.

    Before them stands a line of JSON: where their data begins, and each function by its name.
    """
    image = object_code(compiled)
    if image is None:
        return None
    try:
        found = relocatable_of(image)
    except TranslationError:
        return None
    places = {name: at for name, at in functions_of(image).items() if name in compiled}
    if found.fixups or places.keys() != compiled.keys():
        return None
    return json.dumps([found.writable_at, places]).encode() + b"\n" + found.code


def object_code(compiled: dict[str, Any]) -> bytes | None:
    """C functions, under their names, as an object file; None if they need more than it has."""
    import llvmlite.binding as llvm

    module = llvm.parse_assembly("")
    for one in compiled.values():
        module.link_in(llvm.parse_assembly(one.inspect_llvm()))
    names = {one.native_name: name for name, one in compiled.items()}
    for function in module.functions:
        if function.name in names:
            function.name = names[function.name]
        elif not function.is_declaration:
            function.linkage = llvm.Linkage.internal
    for variable in module.global_variables:
        if not variable.is_declaration:
            variable.linkage = llvm.Linkage.internal
    machine = _machine()
    builder = llvm.create_pass_builder(
        machine, llvm.create_pipeline_tuning_options(speed_level=SPEED_LEVEL)
    )
    builder.getModulePassManager().run(module, builder)
    outside = [
        one.name
        for one in (*module.functions, *module.global_variables)
        if one.is_declaration and not one.name.startswith("llvm.")
    ]
    return None if outside else bytes(machine.emit_object(module))


def kept_or_made(file: Path, make: Callable[[], Code]) -> bytes | Code:
    """The code in a file, or in one of the package; if there is none, what `make` gives.

    That is kept unless it is None.

    One process at a time makes something: those that want the same then wait and find it.
    """
    shipped = shipped_file(file.name)
    code = read_kept(file) or (read_kept(shipped) if shipped is not None else None)
    if code is not None:
        return code
    with _alone(file.parent):
        code = read_kept(file)
        if code is not None:
            return code
        tell_compiling()
        remove_unused(file.parent, time.time())
        made = make()
        if made is not None:
            keep(file, made)
        return made


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Be the one process that makes something for a folder; where nothing can be written, one of
    several."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        with contextlib.suppress(OSError):  # a file system without locks
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def read_kept(file: Path) -> bytes | None:
    """What was kept in a file; None if nothing was, or if it is not whole."""
    try:
        whole = file.read_bytes()
    except OSError:
        return None
    digest, code = whole[:DIGEST_BYTES], whole[DIGEST_BYTES:]
    return code if digest == _digest(code) else None


def keep(file: Path, code: bytes) -> None:
    """Keep code in a file, at once as a whole; where nothing can be written, nothing is kept."""
    part = file.with_name(f"{file.name}.{os.getpid()}")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(_digest(code) + code)
        part.replace(file)
    except OSError:
        with contextlib.suppress(OSError):
            part.unlink()


def _digest(code: bytes) -> bytes:
    return hashlib.blake2b(code, digest_size=DIGEST_BYTES).digest()


def _machine() -> Any:
    """The host as LLVM's target."""
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    processor, features = llvm_target(llvm)
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=processor,
        features=features,
        opt=SPEED_LEVEL,
        reloc="pic",
        codemodel="small",
    )
