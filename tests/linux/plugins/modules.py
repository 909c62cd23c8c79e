"""Says in the end which functions the modules have that the kernel has loaded."""

from mttcg.instrument import module_symbols


def plugin_vcpu_exit(cpu):
    if cpu.index == 0:
        for each in module_symbols():
            print(f"MODULE {each.address:x} {each.size} {each.name} {each.module}", flush=True)
