"""Changes what is attached to a page again and again, so that it is translated anew each time."""

from collections import Counter as Tally

from mttcg.instrument import Counter, Cpu, instrument, symbol

PLACES = 100
"""Of each vCPU, in the function that is counted; then it begins with the first again."""
places: Tally[int] = Tally()
moved = Counter("moved")


def plugin_init(_options: object) -> bool:
    instrument(None, symbol("multiply_matrices"), on_call)
    return True


def on_call(cpu: Cpu, _opaque: object) -> None:
    """Count one more instruction on this vCPU; no two of them ever count the same."""
    place = 2 * (places[cpu.index] % PLACES) + cpu.index
    places[cpu.index] += 1
    instrument(cpu.index, symbol("sieve") + 2 * place, moved)
