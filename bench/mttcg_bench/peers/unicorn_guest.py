"""A guest on Unicorn, with Python hooks, as its own examples use it."""

from collections.abc import Callable
from typing import Any

import unicorn
from unicorn import riscv_const

from mttcg_bench.peers.job import DEVICE_SIZE, BoardOutput, serve

HOOKS = {
    "block": unicorn.UC_HOOK_BLOCK,
    "code": unicorn.UC_HOOK_CODE,
    "memory": unicorn.UC_HOOK_MEM_READ | unicorn.UC_HOOK_MEM_WRITE,
}


def prepare(engine: Any, job: dict[str, Any], ram: bytes, board: BoardOutput) -> None:
    """Put the board, the registers and the hook into a Unicorn engine."""

    def finish(running: Any, _offset: int, _size: int, value: int, _data: object) -> None:
        board.finished = value
        running.emu_stop()

    def print_byte(_engine: Any, _offset: int, _size: int, value: int, _data: object) -> None:
        board.printed.append(value & 0xFF)

    engine.mem_map(job["ram_base"], len(ram))
    engine.mem_write(job["ram_base"], ram)
    for base, write in ((job["finisher"], finish), (job["uart"], print_byte)):
        engine.mmio_map(base, DEVICE_SIZE, lambda *_: 0, None, write, None)
    engine.reg_write(riscv_const.UC_RISCV_REG_A0, 0)
    engine.reg_write(riscv_const.UC_RISCV_REG_A1, job["device_tree"])


def start(job: dict[str, Any], ram: bytes, board: BoardOutput) -> Callable[[], None]:
    """Make the engine."""
    engine = unicorn.Uc(unicorn.UC_ARCH_RISCV, unicorn.UC_MODE_RISCV64)
    prepare(engine, job, ram, board)
    if job["hook"]:
        engine.hook_add(HOOKS[job["hook"]], board.count)
    return lambda: engine.emu_start(job["entry"], 0)


if __name__ == "__main__":
    serve("unicorn", start)
