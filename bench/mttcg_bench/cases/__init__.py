"""The cases, as data, by group; which of them to run is a Choice.

Metrics of a run by `mttcg run`: `guest` (wall seconds of the longest vCPU, running and idle, from
its engine's start to the guest's end), `vcpu_cpu` (CPU seconds of all vCPU processes, from their
fork), `cpu_ROLE` (of the processes of a role, as looked at meanwhile), `all_cpu` (of all processes
of the command), `wall` (of the whole command), `start` (until the guest starts), `delivered`
(`guest` and what it took until the last record was delivered), `stalled` (seconds that vCPUs waited
for room in their rings), `instructions`, `blocks`, `translations` (blocks that no vCPU had found
before), `events` (what the plugin saw), `records_emitted`, `records_delivered`,
`records_dropped`, `unique` (bytes of the largest vCPU process that nothing else shares). `beyond`
is `wall` less what it takes to start Python, of its tool. A guest that measures itself gives
seconds under the names that it prints. Other tools give what of these they have.
"""

from collections.abc import Iterable, Sequence

from mttcg_bench.cases import (
    attaching,
    bus,
    engines,
    linux,
    peers,
    plugins,
    programs,
    scaleout,
    startup,
    system,
)
from mttcg_bench.cases.choice import CaseChoice
from mttcg_bench.errors import UnknownName
from mttcg_bench.model import Case

GROUPS = {
    "scaleout": scaleout.cases,
    "engines": engines.cases,
    "programs": programs.cases,
    "linux": linux.cases,
    "system": system.cases,
    "plugins": plugins.cases,
    "attaching": attaching.cases,
    "bus": bus.cases,
    "startup": startup.cases,
    "peers": peers.cases,
}
"""What makes the cases of each group from a choice."""
ALL = "all"


def cases_of(names: Sequence[str], choice: CaseChoice) -> list[Case]:
    """The cases of these names and groups, in the order of the groups; none and `all` mean all.

    Raises UnknownName for a name that is neither a case nor a group.
    """
    wanted = set(names) or {ALL}
    found = [case for make in GROUPS.values() for case in make(choice)]
    known = [ALL, *GROUPS, *(case.name for case in found)]
    for name in names:
        if name not in known:
            raise UnknownName("group or case", name, known)
    return [case for case in found if wanted & {ALL, case.group, case.name}]


def samples_of(cases: Iterable[Case], runs: int) -> int:
    """How many runs of a variant so many rounds of these cases have."""
    return sum(len(case.variants) * min(runs, case.rounds) for case in cases)
