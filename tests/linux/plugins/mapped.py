"""Says in the end what a process that waits then has mapped."""

from mttcg.instrument import mapped_areas, processes


def plugin_vcpu_exit(cpu):
    waiting = [each for each in processes() if cpu.index == 0 and each.comm == "sleep"]
    for area in (area for process in waiting for area in mapped_areas(process)):
        where = f"{area.start:x}-{area.end:x} {area.access} {area.offset:08x}"
        print(f"AREA {where} {area.path}".rstrip(), flush=True)
