"""Builds the example guests with the C compiler of the pip package ziglang (extra `build`).

    python examples/guests/build.py [--check] [--output DIR]

Every *.c and *.cpp in this folder is one guest; each is linked with everything in runtime/. The
result is the same, byte for byte, whenever and wherever it is built with the same version of
ziglang: sources are named relative to this folder, also in the debug information, which has their
lines for plugins, and there is no build identifier. --check builds in a temporary folder and
compares with the committed files.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ZIG = (sys.executable, "-m", "ziglang")

# RV64GC, which is all that every engine runs: no Zba, Zbb, Zbs, no vectors.
# The guests are linked at 0x80000000, which is out of reach of the default code model (medlow).
COMPILE = (
    "-c", "-target", "riscv64-freestanding-none", "-mcpu=baseline_rv64", "-mabi=lp64d",
    "-mcmodel=medany", "-O2", "-ffreestanding", "-fno-builtin", "-fno-pic",
    # Lines for plugins; they change no code.
    "-g", "-gdwarf-4", "-fdebug-compilation-dir=.",
    # No checks that would need a library, no tables that nobody reads.
    "-fno-sanitize=all", "-fno-stack-protector", "-fno-unwind-tables",
    "-fno-asynchronous-unwind-tables",
    "-Wall", "-Wextra", "-Werror",
)  # fmt: skip
LANGUAGES = {
    ".c": ("cc", "-std=gnu11"),
    ".S": ("cc", "-std=gnu11"),
    # There is no library that could unwind, or say what class an object has.
    ".cpp": ("c++", "-std=gnu++20", "-fno-exceptions", "-fno-rtti"),
}
"""By the suffix of a source: how the compiler is called, and what holds for the language alone."""
# The symbol table stays (plugins name code by it, --set finds symbols in it), but for the
# compiler's own labels.
LINK = (
    "ld.lld",
    "-static",
    "--build-id=none",
    "--compress-debug-sections=zlib",
    "--discard-locals",
    "-T",
    "link.ld",
)


def guests(folder: Path = FOLDER) -> tuple[str, ...]:
    """Names of all guests in a folder, in order."""
    return tuple(sorted(sources_of(folder)))


def sources_of(folder: Path) -> dict[str, str]:
    """Of each guest of a folder, the file that has its source."""
    found = (path for path in folder.iterdir() if path.suffix in (".c", ".cpp"))
    return {path.stem: path.name for path in found}


def compiler_folder() -> Path:
    """Where the compiler has its headers, which must not be named by where they lie here."""
    found = importlib.util.find_spec("ziglang")
    assert found is not None and found.origin is not None
    return Path(found.origin).parent


def run_zig(arguments: tuple[str, ...], cache: Path) -> None:
    """Runs the compiler in this folder, with its caches in the given one, not in the user's home.

    Raises SystemExit with the compiler's messages when it fails.
    """
    environment = os.environ | {
        "ZIG_LOCAL_CACHE_DIR": str(cache),
        "ZIG_GLOBAL_CACHE_DIR": str(cache),
    }
    done = subprocess.run(
        [*ZIG, *arguments], cwd=FOLDER, env=environment, capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise SystemExit(f"ziglang {' '.join(arguments)} failed:\n{done.stderr}")


def build(output: Path, folder: Path = FOLDER) -> list[Path]:
    """Builds the guests of a folder into `output` (made if need be); returns the ELF files.

    Those of another folder than this one include the runtime by the same names.
    """
    includes = ("-I", ".", "-I", str(folder)) if folder != FOLDER else ()
    output = output.resolve()
    output.mkdir(parents=True, exist_ok=True)
    runtime = sorted(
        path.relative_to(FOLDER).as_posix()
        for path in (FOLDER / "runtime").iterdir()
        if path.suffix in LANGUAGES
    )
    inside = folder == FOLDER  # named as they lie here, so that the result is the same anywhere
    own = {
        name: file if inside else str(folder / file)
        for name, file in sorted(sources_of(folder).items())
    }
    with tempfile.TemporaryDirectory(prefix="guests-") as place, ThreadPoolExecutor(2) as pool:
        temporary = Path(place)
        sources = [*runtime, *own.values()]
        objects = {source: temporary / f"{source.replace('/', '-')}.o" for source in sources}

        named_apart = f"-ffile-prefix-map={compiler_folder()}=ziglang"

        def compile_one(source: str) -> None:
            compiler, *flags = LANGUAGES[Path(source).suffix]
            arguments = (compiler, *COMPILE, *flags, *includes, named_apart, source)
            run_zig((*arguments, "-o", str(objects[source])), temporary / "cache")

        def link_one(name: str) -> Path:
            elf = output / f"{name}.elf"
            inputs = [str(objects[source]) for source in (*runtime, own[name])]
            run_zig((*LINK, *inputs, "-o", str(elf)), temporary / "cache")
            # The linker makes programs; for the host these are data.
            elf.chmod(0o644)
            return elf

        list(pool.map(compile_one, sources))
        return list(pool.map(link_one, own))


def differences(built: Path, committed: Path = FOLDER) -> Iterator[str]:
    """One line for each guest that differs between the folders or has no source any more."""
    for name in guests():
        file = f"{name}.elf"
        if not (committed / file).is_file():
            yield f"{file} is not there: run examples/guests/build.py"
        elif (committed / file).read_bytes() != (built / file).read_bytes():
            yield f"{file} is not what its sources give: run examples/guests/build.py"
    for path in sorted(committed.glob("*.elf")):
        if path.stem not in guests():
            yield f"{path.name} has no source"


def main() -> int:
    """Builds or checks; returns the exit status."""
    parser = argparse.ArgumentParser(description="Builds the example guests.")
    parser.add_argument(
        "--check", action="store_true", help="compare with the committed files only"
    )
    parser.add_argument("--output", type=Path, default=FOLDER, help="folder for the ELF files")
    arguments = parser.parse_args()
    if importlib.util.find_spec("ziglang") is None:
        print("build.py: ziglang is not installed: pip install '.[build]'", file=sys.stderr)
        return 2
    if not arguments.check:
        for elf in build(arguments.output):
            print(f"{elf.name}: {elf.stat().st_size} bytes")
        return 0
    with tempfile.TemporaryDirectory(prefix="guests-check-") as folder:
        build(Path(folder))
        found = list(differences(Path(folder)))
    for line in found:
        print(line, file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
