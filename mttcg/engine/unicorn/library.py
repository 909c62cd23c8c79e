"""Unicorn's C functions as plain addresses, for hooks and for what the binding lacks."""

import ctypes
from typing import Any

import unicorn
from unicorn import unicorn_const
from unicorn.unicorn_py3.unicorn import uclib

from mttcg.errors import MttcgError
from mttcg.memory.address import HostAddress
from mttcg.memory.host import address_of_function


class UnicornError(MttcgError):
    """Unicorn failed in a way that no guest causes."""

    def __init__(self, status: int, doing: str) -> None:
        super().__init__(f"unicorn: {unicorn.UcError(status)} ({doing})")
        self.status, self.doing = status, doing


def address_of(name: str) -> HostAddress:
    """Address of one of the library's functions."""
    return address_of_function(getattr(uclib, name))


_POINTER = ctypes.c_void_p
_add = ctypes.CFUNCTYPE(
    ctypes.c_int,
    _POINTER,
    _POINTER,
    ctypes.c_int,
    _POINTER,
    _POINTER,
    ctypes.c_uint64,
    ctypes.c_uint64,
)(address_of("uc_hook_add"))
_delete = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_size_t)(address_of("uc_hook_del"))
start = ctypes.CFUNCTYPE(
    ctypes.c_int,
    _POINTER,
    ctypes.c_uint64,
    ctypes.c_uint64,
    ctypes.c_uint64,
    ctypes.c_size_t,
)(address_of("uc_emu_start"))
"""uc_emu_start(engine, begin, until, timeout, count); the interpreter's lock is free meanwhile."""


_control = ctypes.CFUNCTYPE(ctypes.c_int, _POINTER, ctypes.c_uint32)(address_of("uc_ctl"))
_FLUSH_TLB = unicorn_const.UC_CTL_TLB_FLUSH | unicorn_const.UC_CTL_IO_WRITE << 30
"""As the macro uc_ctl_flush_tlb of unicorn.h makes it: kind, no arguments, write."""


def flush_tlb(engine: Any) -> None:
    """Forget every address translation, and every jump that was cached by address."""
    status = _control(engine._uch, _FLUSH_TLB)
    if status:
        raise UnicornError(status, "flushing the TLB")


def add_hook(
    engine: Any, kind: int, function: HostAddress, data: HostAddress, begin: int = 1, end: int = 0
) -> int:
    """Attach a native hook (`begin` > `end`: everywhere) and return its handle."""
    handle = ctypes.c_size_t()
    status = _add(engine._uch, ctypes.byref(handle), kind, function, data, begin, end)
    if status:
        raise UnicornError(status, f"adding a hook of kind {kind:#x}")
    return handle.value


def delete_hook(engine: Any, handle: int) -> None:
    """Take a hook away; the blocks that call it are dropped."""
    status = _delete(engine._uch, handle)
    if status:
        raise UnicornError(status, "removing a hook")
