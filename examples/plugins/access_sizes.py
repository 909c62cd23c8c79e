r"""Count loads and stores by their size: a probe with a scoreboard.

    mttcg run examples/guests/mix.elf --set harts_expected=1 --set rounds=1 --quiet \
        --plugin examples/plugins/access_sizes.py

    hart 0 result 0xb5e815c18f736ab2
    vCPU 0  bytes    loads   stores
                1   131121   231076
                2        0        0
                4    65537      259
                8   710173    85648

A probe is compiled by numba and called by translated code, without the interpreter: for what
happens millions of times a second. It may use numbers and its vCPU's words of the scoreboard, and
it must not raise. The words lie in shared memory, each vCPU's in pages of its own, so nobody waits
for anybody; any vCPU, and the supervisor, may read them.
"""

from mttcg.instrument import Cpu, Scoreboard, instrument_memory, probe

SIZES = (1, 2, 4, 8)

# At module level or in plugin_init, not later: the memory is made when the plugin is loaded.
counts = Scoreboard("counts", 16)


@probe
def count(cpu, pc, address, size, value, write, words):
    words[size + 8 * write - 1] += 1


def plugin_init(_options: object) -> bool:
    instrument_memory(None, count, counts)  # None: on every vCPU
    return True


def plugin_vcpu_exit(cpu: Cpu) -> None:
    words = counts.values(cpu.index)
    print(f"vCPU {cpu.index}  bytes    loads   stores")
    for size in SIZES:
        print(f"{size:13}{words[size - 1]:9}{words[size + 7]:9}")
