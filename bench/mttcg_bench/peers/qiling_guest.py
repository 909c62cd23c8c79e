"""A guest on Qiling, with its Python hooks; the board is put into the Unicorn engine below it."""

from collections.abc import Callable
from typing import Any

from qiling import Qiling
from qiling.const import QL_ARCH, QL_OS, QL_VERBOSE

from mttcg_bench.peers.job import BoardOutput, serve
from mttcg_bench.peers.unicorn_guest import prepare

NO_OPERATION = b"\x13\x00\x00\x00"


def start(job: dict[str, Any], ram: bytes, board: BoardOutput) -> Callable[[], None]:
    """Make a Qiling with no program of its own."""
    machine = Qiling(
        code=NO_OPERATION, archtype=QL_ARCH.RISCV64, ostype=QL_OS.LINUX, verbose=QL_VERBOSE.OFF
    )
    prepare(machine.uc, job, ram, board)
    hooks: dict[str, tuple[Callable[..., object], ...]] = {
        "block": (machine.hook_block,),
        "code": (machine.hook_code,),
        "memory": (machine.hook_mem_read, machine.hook_mem_write),
    }
    for hook in hooks.get(job["hook"], ()):
        hook(board.count)
    return lambda: machine.uc.emu_start(job["entry"], 0)


if __name__ == "__main__":
    serve("qiling", start)
