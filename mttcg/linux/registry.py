"""What of a kernel depends on the ISA, found by the name of the guest's."""

from importlib import import_module

from mttcg.linux.errors import KernelDataError
from mttcg.linux.kernel_isa import KernelIsa

MODULES = {"riscv64": "kernel"}
"""By ISA, the module that has its KERNEL."""


def kernel_isa(isa: str) -> KernelIsa:
    """What is known of Linux on an ISA; raises KernelDataError if nothing is."""
    if isa not in MODULES:
        raise KernelDataError("the kernel", f"it is for {isa}", f"one for {', '.join(MODULES)}")
    module = import_module(f"mttcg.linux.{isa}.{MODULES[isa]}")
    found: KernelIsa = module.KERNEL
    return found
