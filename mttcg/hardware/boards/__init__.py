"""The boards, one module each."""

import importlib

from mttcg.hardware.board import Board

BOARDS = {"riscv-virt": "mttcg.hardware.boards.riscv_virt"}
"""By name, the module whose BOARD it is."""
DEFAULT_BOARD = "riscv-virt"


def board_named(name: str) -> Board:
    """Return a board of `BOARDS`."""
    board: Board = importlib.import_module(BOARDS[name]).BOARD
    return board
