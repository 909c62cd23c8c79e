"""The functions by which a plugin is called, and what is wrong with those that a module has."""

import difflib
from collections.abc import Mapping
from typing import Any, NoReturn

from mttcg.errors import PluginError
from mttcg.instrument.api.signature import wrong_arguments
from mttcg.instrument.loading.loader import Plugin

PREFIX = "plugin_"
OF_THE_KERNEL: dict[str, tuple[str, ...]] = {
    "plugin_switch": ("cpu", "before", "after"),
    "plugin_process_start": ("cpu", "process"),
    "plugin_process_exec": ("cpu", "process"),
    "plugin_process_exit": ("cpu", "process", "status"),
    "plugin_syscall_enter": ("cpu", "process", "number", "arguments"),
    "plugin_syscall_return": ("cpu", "process", "number", "arguments", "result"),
}
"""Functions that tell of a Linux guest's processes, with their arguments."""
KERNEL_FUNCTIONS = {
    "plugin_switch": "__switch_to",
    "plugin_process_start": "wake_up_new_task",
    "plugin_process_exec": "finalize_exec",
    "plugin_process_exit": "do_exit",
    "plugin_syscall_enter": "do_trap_ecall_u",
    "plugin_syscall_return": "syscall_exit_to_user_mode",
}
"""The function of the kernel at whose first instruction each of them is called."""
CALLED_WHILE_RUNNING: dict[str, tuple[str, ...]] = {
    "plugin_pre_translate": ("cpu", "pc"),
    "plugin_needs_before_insn": ("pc", "cpu"),
    "plugin_before_insn": ("pc", "cpu"),
    "plugin_vcpu_start": ("cpu",),
    "plugin_vcpu_idle": ("cpu",),
    "plugin_vcpu_resume": ("cpu",),
    "plugin_vcpu_exit": ("cpu",),
    "plugin_trap": ("cpu", "cause", "pc", "interrupt"),
    "plugin_mmio": ("cpu", "device", "address", "size", "value", "write"),
    "plugin_interrupt": ("cpu", "source"),
    "plugin_dma": ("cpu", "device", "address", "size", "write"),
    **OF_THE_KERNEL,
    "plugin_exit": (),
}
"""Functions that make a plugin see something without attaching anything, with their arguments."""
FUNCTIONS: dict[str, tuple[str, ...]] = {
    "plugin_init": ("options",),
    **CALLED_WHILE_RUNNING,
}
"""All functions that a plugin may have, with their arguments."""
UNLIMITED = (
    *("plugin_pre_translate", "plugin_needs_before_insn", "plugin_vcpu_idle", "plugin_vcpu_resume"),
    *("plugin_trap", "plugin_mmio", "plugin_interrupt", "plugin_dma"),
    *("plugin_switch", "plugin_process_start", "plugin_process_exec"),
)
"""Functions that tell of the whole guest, whatever a plugin is limited to."""
TOGETHER = ("plugin_needs_before_insn", "plugin_before_insn")
"""Neither is called without the other."""


def check_functions(plugin: Plugin) -> None:
    """Raise PluginError for a `plugin_` function that is unknown, or takes other arguments."""
    found = {
        name: value
        for name, value in vars(plugin.module).items()
        if name in FUNCTIONS or (name.startswith(PREFIX) and callable(value))
    }

    def refuse(wrong: str) -> NoReturn:
        raise PluginError(plugin.name, wrong)

    for name, function in found.items():
        if name not in FUNCTIONS:
            refuse(unknown(name))
        if not callable(function):
            refuse(f"its {name} is no function; expected {name}({', '.join(FUNCTIONS[name])})")
        if wrong := wrong_arguments(function, FUNCTIONS[name]):
            refuse(f"its {name} {wrong}")
    have = [name for name in TOGETHER if name in found]
    if len(have) == 1:
        refuse(f"it has {have[0]} alone; expected both {' and '.join(TOGETHER)}")


def check_kernel(plugin: Plugin, symbols: Mapping[str, Any]) -> None:
    """Raise PluginError for a function that only a Linux guest calls, if the guest is none."""
    for name, symbol in KERNEL_FUNCTIONS.items():
        if hasattr(plugin.module, name) and symbol not in symbols:
            wrong = f"its {name} is called at the kernel's {symbol}, which the guest does not have"
            raise PluginError(plugin.name, f"{wrong}; expected Linux, with names (see --symbols)")


def unknown(name: str) -> str:
    """Say that no plugin has such a function, and which may be meant."""
    rests = [known.removeprefix(PREFIX) for known in FUNCTIONS]
    near = difflib.get_close_matches(name.removeprefix(PREFIX), rests, n=1)
    expected = (
        f"did you mean {PREFIX}{near[0]}?" if near else f"expected one of: {', '.join(FUNCTIONS)}"
    )
    return f"it has a function {name}, which is never called; {expected}"


def sees_the_guest(module: Mapping[str, Any]) -> bool:
    """Whether a plugin is called while the guest runs, even if it attaches nothing.

    module: its names.
    """
    return any(name in module for name in CALLED_WHILE_RUNNING)
