"""Native functions of ours, as an earlier run compiled them.

numba takes longer to load than everything else together, and what it makes of a module of ours is
the same in every run. So the C functions of such a module are linked into one object file, which is
kept beside what numba itself keeps; it needs nothing from outside, and no compiler to be loaded.
"""

import contextlib
import fcntl
import hashlib
import importlib
import os
import time
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import llvmlite
import llvmlite.binding as llvm

from mttcg.instrument.native.native_cache import remove_unused, sources_digest, use_native_cache
from mttcg.instrument.native.progress import tell_compiling
from mttcg.memory.address import HostAddress

Code = TypeVar("Code", bytes, bytes | None)
DIGEST_BYTES = 16
SPEED_LEVEL = 3


@cache
def native_address(module: str, name: str) -> HostAddress:
    """Address of a C function that a module of ours makes by numba."""
    engine, compiled = _loaded(module)
    return HostAddress(engine.get_function_address(name) if engine else compiled[name].address)


@cache
def _loaded(module: str) -> tuple[Any, dict[str, Any]]:
    """What has a module's functions: an execution engine, or else numba's own, by name."""
    code = kept_or_made(kept_file(module), lambda: object_code(c_functions(module)))
    return (None, c_functions(module)) if code is None else (_engine(code), {})


def kept_file(module: str) -> Path:
    """Where a module's code is kept, for this state of the sources and this host."""
    return use_native_cache() / f"{module}-{sources_digest()}-{host_digest()}.o"


def c_functions(module: str) -> dict[str, Any]:
    """The C functions in a module by name, compiled; loads numba."""
    found = vars(importlib.import_module(module))
    return {name: one for name, one in found.items() if hasattr(one, "native_name")}


def object_code(compiled: dict[str, Any]) -> bytes | None:
    """C functions, under their names, as an object file; None if they need more than it has."""
    module = llvm.parse_assembly("")
    for one in compiled.values():
        module.link_in(llvm.parse_assembly(one.inspect_llvm()))
    names = {one.native_name: name for name, one in compiled.items()}
    for function in module.functions:
        if function.name in names:
            function.name = names[function.name]
        elif not function.is_declaration:
            function.linkage = llvm.Linkage.internal
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
    """The code in a file; if there is none, what `make` gives, which is kept unless it is None.

    One process at a time makes something: those that want the same then wait and find it.
    """
    code = read_kept(file)
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


def host_digest() -> str:
    """What the code was made for and by."""
    features = llvm.get_host_cpu_features().flatten()
    made = f"{llvm.get_host_cpu_name()} {features} {llvmlite.__version__}"
    return hashlib.blake2b(made.encode(), digest_size=8).hexdigest()


def _machine() -> Any:
    """The host as LLVM's target; an execution engine owns its own."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_default_triple().create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=SPEED_LEVEL,
        jit=True,
    )


def _engine(code: bytes) -> Any:
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _machine())
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    return engine
