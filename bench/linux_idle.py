"""What a Linux that has nothing to do costs, in CPU time of all processes of the run.

    python -m bench.linux_idle --smp 8 --seconds 20

Boots Debian's kernel (`mttcg images get debian-riscv64`), lets it sleep, and adds up the CPU time
that each process of the run takes meanwhile, as a share of one core: no more than 5 % in all. What
was hot before is translated by then. Exit status 1 if it is more.
"""

import argparse
import subprocess
import sys
import time
from pathlib import Path

import psutil

from mttcg.images.catalogue import CACHE, INITRD, KERNEL, folder_of, row_of

ROOT = Path(__file__).resolve().parents[1]
SETTLE_SECONDS = 15
SHARE_ACCEPTED = 0.05
IDLE, AWAKE = b"idle from here", b"idle to here"


def cpu_seconds(root: psutil.Process) -> dict[str, float]:
    """CPU time of the processes of a run so far, by name."""
    found = {}
    for process in (root, *root.children(recursive=True)):
        times = process.cpu_times()
        found[f"{process.name()} {process.pid}"] = times.user + times.system
    return found


def measure(smp: int, seconds: float) -> dict[str, float]:
    """The share of a core that each process takes while the guest sleeps.

    Raises LookupError if it does not come to its end.
    """
    folder = folder_of(row_of("debian-riscv64"), CACHE.expanduser())
    idle, awake = IDLE.decode(), AWAKE.decode()
    sleeps = f"sleep {SETTLE_SECONDS}; echo {idle}; sleep {seconds:g}; echo {awake}"
    command = [sys.executable, "-m", "mttcg", "run", "--kernel", str(folder / KERNEL)]
    command += ["--initrd", str(folder / INITRD), "--memory", "512M", "--smp", str(smp), "--quiet"]
    command += ["--append", f'console=ttyS0 quiet run="{sleeps}"']
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE
    ) as run:
        assert run.stdout is not None
        began, before = 0.0, {}
        for line in run.stdout:
            if line.strip() == IDLE:
                began, before = time.monotonic(), cpu_seconds(psutil.Process(run.pid))
            elif line.strip() == AWAKE and before:
                lasted = time.monotonic() - began
                after = cpu_seconds(psutil.Process(run.pid))
                run.stdout.read()
                return {name: (after[name] - before.get(name, 0.0)) / lasted for name in after}
    raise LookupError("the guest did not come to its end")


def main() -> int:
    """Do what the arguments say; 1 if it is more than accepted."""
    parser = argparse.ArgumentParser(prog="bench.linux_idle", description="An idle Linux's cost.")
    parser.add_argument("--smp", type=int, default=8, help="(%(default)s)")
    parser.add_argument("--seconds", type=float, default=20.0, help="(%(default)g)")
    args = parser.parse_args()
    shares = measure(args.smp, args.seconds)
    for name, share in shares.items():
        print(f"{name:<24} {share:7.2%}")
    total = sum(shares.values())
    print(f"{'all':<24} {total:7.2%} of a core, {args.smp} vCPUs")
    return int(total > SHARE_ACCEPTED)


if __name__ == "__main__":
    sys.exit(main())
