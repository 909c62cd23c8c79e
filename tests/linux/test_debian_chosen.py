"""On Debian's kernel: what is attached for a process counts that, exactly, and nothing else."""

from pathlib import Path

import pytest
from built_program import build_program
from debian_guest import FOLDER, LONG, needs_debian
from debian_run import DebianRun, boot

from mttcg.guest.compressed import compress
from mttcg.images.catalogue import INITRD
from mttcg.images.cpio import Archive

PLUGIN = Path(__file__).parent / "plugins" / "chosen.py"
SMP, ROUNDS, SHORT_PROCESSES = (4, 40, 1000) if LONG else (2, 6, 20)
OTHERS = "while true; do busybox md5sum /bin/busybox > /dev/null; done &"
REUSED = 999
AGAIN = (
    f"for a in 1 2 3; do echo {REUSED - 1} > /proc/sys/kernel/ns_last_pid;"
    " md5sum /bin/busybox & p=$!; wait $p; echo PID $p; done"
)


def check(run: DebianRun) -> None:
    """What native code counted is what Python added up."""
    report = run.report("chosen")
    assert sorted(row[0] for row in report["sums"]) == list(range(SMP))
    for _, chosen, blocks, seen, blocks_seen, there, anywhere in report["sums"]:
        assert (chosen, blocks, there) == (seen, blocks_seen, anywhere)
    assert report["instructions"] == sum(row[1] for row in report["sums"]) > 0


@pytest.mark.slow
@pytest.mark.timeout(900 if not LONG else 3600)
@needs_debian
def test_processes_of_a_name_and_no_others(tmp_path: Path) -> None:
    archive = Archive()
    program = build_program("crowd", tmp_path / "crowd").read_bytes()
    archive.add_file("bin/crowd", program, 0o755)
    archive.add_file("bin/other", program, 0o755)
    initrd = tmp_path / INITRD
    initrd.write_bytes((FOLDER / INITRD).read_bytes() + compress(archive.content()))
    commands = (
        f"{OTHERS} crowd other {ROUNDS} & p=$!; i=0; while [ $i -lt {SHORT_PROCESSES} ]; do"
        " i=$((i+1)); other; done; wait $p; kill %1"
    )
    run = boot(tmp_path, commands, f"{PLUGIN},space=crowd", smp=SMP, initrd=initrd)
    assert "crowd is done" in run.shown
    check(run)


@pytest.mark.slow
@pytest.mark.timeout(900)
@needs_debian
def test_a_process_that_gives_itself_a_name_has_it_at_once(tmp_path: Path) -> None:
    run = boot(tmp_path, "md5sum /bin/busybox", f"{PLUGIN},space=md5sum", smp=SMP)
    check(run)
    assert run.report("chosen")["instructions"] > 2_000_000  # more than one for each byte


@pytest.mark.slow
@pytest.mark.timeout(900 if not LONG else 3600)
@needs_debian
def test_a_number_that_is_used_again_is_another_process(tmp_path: Path) -> None:
    commands = f"(while true; do true; done) & {AGAIN}; kill %1"  # others make no processes
    run = boot(tmp_path, commands, f"{PLUGIN},space=pid:{REUSED}", smp=SMP)
    assert run.shown.count(f"PID {REUSED}\n") == 3
    check(run)
