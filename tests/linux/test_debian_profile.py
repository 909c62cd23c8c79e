"""On Debian's kernel: a profile has all instructions, and names for those of a known program."""

import gzip
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from debian_guest import FOLDER, VCPUS, needs_debian
from debian_run import boot

from mttcg.guest.compressed import compress
from mttcg.images.catalogue import INITRD
from mttcg.images.cpio import Archive

COMPILER = "riscv64-linux-gnu-gcc"
needs_compiler = pytest.mark.skipif(shutil.which(COMPILER) is None, reason=f"no {COMPILER}")
CALLS = 200_000
SOURCE = """
typedef unsigned long word;
__attribute__((noinline)) word mix(word x) {
    for (int i = 0; i < 50; i++) x = x * 6364136223846793005ul + (x >> 7);
    return x;
}
__attribute__((noinline)) word twice(word x) { return mix(x) + mix(x + 1); }
void _start(void) {
    word sum = 1;
    for (int i = 0; i < %d; i++) sum = twice(sum);
    register word a0 asm("a0") = sum == 0, a7 asm("a7") = 93;
    asm volatile("ecall" : : "r"(a0), "r"(a7));
    for (;;) ;
}
"""
LEAST_NAMED = 99.0
PLUGIN = Path(__file__).parent / "plugins" / "mapped.py"
FUNCTIONS = PLUGIN.parent / "program_functions.py"
MIXED, OTHERWISE = (number.to_bytes(4, "little") for number in (0x00000073, 0x00100073))
"""ecall, and ebreak in its place."""


def sysroot_with_program(folder: Path) -> tuple[Path, Path]:
    """A folder with the program, and an initramfs that has it as well."""
    root, source = folder / "root", folder / "busy.c"
    (root / "bin").mkdir(parents=True)
    source.write_text(SOURCE % (CALLS // 2))
    built = root / "bin" / "busy"
    flags = "-O1 -nostdlib -static -fno-omit-frame-pointer -o"
    subprocess.run([COMPILER, *flags.split(), str(built), str(source)], check=True)
    archive = Archive()
    archive.add_file("bin/busy", built.read_bytes(), 0o755)
    made = folder / INITRD
    made.write_bytes((FOLDER / INITRD).read_bytes() + compress(archive.content()))
    return root, made


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@needs_compiler
@pytest.mark.parametrize("smp", VCPUS)
def test_all_instructions_are_there_and_those_of_a_program_have_names(
    smp: int, tmp_path: Path
) -> None:
    root, initrd = sysroot_with_program(tmp_path)
    files = {name: tmp_path / name for name in ("out", "perf", "pprof")}
    given = ",".join(f"{name}={path}" for name, path in files.items())
    plugin = f"profile,exact=1,every=1000000,top=0,sysroot={root},{given}"
    run = boot(tmp_path, "busy", plugin, "icount", smp=smp, initrd=initrd)
    report = run.report("profile")
    total = run.report("icount")["total"]["instructions"]
    rows, programs = report["by function"], report["by process"]
    assert report["counted instructions"] == total
    assert sum(row["instructions"] for row in rows) == total
    assert sum(row["instructions"] for row in programs) == total
    (busy,) = [row for row in programs if row["process"] == "busy"]
    assert busy["named_percent"] >= LEAST_NAMED
    functions = {row["function"]: row["instructions"] for row in rows if row["process"] == "busy"}
    # each call of mix is as long as every other
    assert functions["mix"] % CALLS == 0
    assert functions["mix"] / CALLS > 50 * 4
    assert report["samples"] >= total // 1_000_000 - 10 * smp
    check_files(files)


def check_files(files: dict[str, Path]) -> None:
    """Samples of the program are where it spends its time, and who called is known."""
    stacks = files["out"].read_text().splitlines()
    assert any(re.fullmatch(r"busy;busy;_start;twice;mix \d+", line) for line in stacks)
    samples = files["perf"].read_text().split("\n\n")
    mine = [each for each in samples if each.startswith("busy ")]
    frame = r"\t +[0-9a-f]+ mix\+0x[0-9a-f]+ \(/bin/busy\)"
    assert sum(re.search(frame, each.splitlines()[1]) is not None for each in mine) > 20
    profile = gzip.decompress(files["pprof"].read_bytes())
    assert b"mix" in profile and b"twice" in profile and b"/bin/busy" in profile


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
@needs_compiler
def test_a_function_of_a_process_is_found_and_a_wrong_file_is_told(tmp_path: Path) -> None:
    """Each call is met, at the address that the process has it at, in that process alone."""
    root, initrd = sysroot_with_program(tmp_path)
    given = f"{FUNCTIONS},name=mix"
    run = boot(tmp_path, "busy", given, smp=2, initrd=initrd, options=("--sysroot", str(root)))
    assert run.report("program_functions")["total"]["calls"] == CALLS
    built = root / "bin" / "busy"
    other = tmp_path / "other"
    (other / "bin").mkdir(parents=True)
    (other / "bin" / "busy").write_bytes(built.read_bytes().replace(MIXED, OTHERWISE))
    built.write_bytes(built.read_bytes() + b"\n")
    plugins = f"{given},wrong=1", f"profile,sysroot={other}"
    run = boot(tmp_path, "busy", *plugins, smp=2, initrd=initrd, options=("--sysroot", str(root)))
    assert run.report("program_functions")["total"]["calls"] == 0
    assert run.report("profile")["other than the guest's"] == "/bin/busy"


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
def test_what_is_mapped_is_what_the_kernel_shows(tmp_path: Path) -> None:
    run = boot(
        tmp_path, "sleep 999 & usleep 99999; echo BEGIN; cat /proc/$!/maps; echo END", str(PLUGIN)
    )
    shown = run.shown.partition("BEGIN\n")[2].partition("END\n")[0].splitlines()
    theirs = [line.split(None, 5) for line in shown]
    area_line = re.compile(r"AREA (\S+) (\S+) (\S+)(?: (.*))?")
    ours = [found.groups() for found in area_line.finditer(run.said)]
    ranges = ["-".join(f"{int(end, 16):x}" for end in each[0].split("-")) for each in theirs]
    assert [area[:2] for area in ours] == [
        (each, row[1]) for each, row in zip(ranges, theirs, strict=True)
    ]
    assert len(ours) > 4
    for (_, _, offset, path), each in zip(ours, theirs, strict=True):
        named = each[5] if len(each) > 5 and each[5].startswith("/") else ""
        assert (path or "") == named
        assert offset == (each[2] if named else "0" * 8)
