"""Which registers a page's function has to take from the hart's state, and to bring back there.

A way in takes those that may be read before they are written, or brought back; a way out brings
back those that may have been written since. Both are told from the edges between leaders, as
live variables and reaching definitions are (Aho, Lam, Sethi, Ullman: Compilers, 9.2).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping

from mttcg.engine.llvm.places import Labels
from mttcg.engine.llvm.registers import F, X
from mttcg.memory.address import PageOffset

NAMES = (*X, *F)
BITS = {name: 1 << number for number, name in enumerate(NAMES)}


def bits_of(names: Iterable[str]) -> int:
    """A set of registers, as a number with a bit for each."""
    return sum(map(BITS.__getitem__, names))


def names_of(bits: int) -> list[str]:
    """The registers of a number, in their order."""
    return [name for name, bit in BITS.items() if bits & bit]


class RegisterFlow:
    """Learns what happens to registers between leaders, and what follows of that.

    Args:
        labels: of the function; which ways out there are is told by them.

    Attributes:
        edges: from leader to leader.
        everything: registers that any way in takes, and any way out brings back, whatever is known:
            Python may see and change all.
        changed: by leader, registers that may have been written when control comes there.
        live: by leader, registers that are needed there.
    """

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
        self.edges: set[tuple[PageOffset, PageOffset]] = set()
        self.needed: defaultdict[PageOffset, int] = defaultdict(int)
        self.written: defaultdict[PageOffset, int] = defaultdict(int)
        self.everything = 0
        self.changed: Mapping[PageOffset, int] = {}
        self.live: Mapping[PageOffset, int] = {}

    def lead(self, leader: PageOffset, to: PageOffset) -> None:
        """Learn that control may go from one leader to another."""
        self.edges.add((leader, to))

    def pass_through(
        self, leader: PageOffset, needed: Iterable[str], written: Iterable[str]
    ) -> None:
        """Learn which registers a leader's code reads before it writes them, and all it writes."""
        self.needed[leader] |= bits_of(needed)
        self.written[leader] |= bits_of(written)

    def solve(self, leaders: Iterable[PageOffset]) -> None:
        """Find out what follows, once all is known."""
        nodes = list(leaders)
        after: defaultdict[PageOffset, list[PageOffset]] = defaultdict(list)
        before: defaultdict[PageOffset, list[PageOffset]] = defaultdict(list)
        for leader, to in self.edges:
            after[leader].append(to)
            before[to].append(leader)
        self.changed = self._changed(nodes, after)
        self.live = self._live(nodes, before, after)

    def behind(self, leader: PageOffset) -> int:
        """Registers that may have been written at the end of a leader's code."""
        return self.changed[leader] | self.written[leader]

    def _changed(
        self, nodes: list[PageOffset], after: Mapping[PageOffset, list[PageOffset]]
    ) -> Mapping[PageOffset, int]:
        found = dict.fromkeys(nodes, self.everything)
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            behind = found[node] | self.written[node]
            for to in after.get(node, ()):
                if behind & ~found[to]:
                    found[to] |= behind
                    waiting.append(to)
        return found

    def _live(
        self,
        nodes: list[PageOffset],
        before: Mapping[PageOffset, list[PageOffset]],
        after: Mapping[PageOffset, list[PageOffset]],
    ) -> Mapping[PageOffset, int]:
        leaves = {node for letter, node in self.labels if letter in "hlt"}
        goes_out = {node for letter, node in self.labels if letter in "do"}
        found: dict[PageOffset, int] = {}
        for node in nodes:
            found[node] = self.needed[node] | (self.changed[node] if node in leaves else 0)
            if node in goes_out:
                found[node] |= self.changed[node] & ~self.written[node]
        waiting = list(nodes)
        while waiting:
            node = waiting.pop()
            for source in before.get(node, ()):
                more = found[node] & ~self.written[source] & ~found[source]
                if more:
                    found[source] |= more
                    waiting.append(source)
        return found
