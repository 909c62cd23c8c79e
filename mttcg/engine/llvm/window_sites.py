"""Which accesses of a page's code look at a page window first, see `page_windows`.

A window pays where the same code comes to the same page again and again: in loops, at addresses
that are computed or stay. A pointer that the loop itself loads may lead anywhere each time, so what
is at such a one is looked up as outside of loops.
"""

from collections import Counter
from collections.abc import Iterator, Mapping

from mttcg.engine.llvm.discovery import Discovery, Instruction, is_call
from mttcg.isa.instruction_class import InstructionClass
from mttcg.isa.kind import Kind
from mttcg.memory.address import PageOffset

MOST_WINDOWS = 8
"""Of a function: each has its values in registers of the host, or on the stack."""
LEAVE = (Kind.SYSTEM, Kind.BREAKPOINT, Kind.ILLEGAL)
JUMP = (Kind.BRANCH, Kind.JUMP, Kind.INDIRECT)
Edges = Mapping[PageOffset, list[PageOffset]]


def window_sites(discovery: Discovery) -> dict[PageOffset, int]:
    """The accesses with a window, and which it is: the number of the register with the address."""
    here = discovery.leaders - discovery.elsewhere
    lines = {leader: list(_line(discovery, leader)) for leader in sorted(here)}
    found: dict[PageOffset, tuple[int, int]] = {}
    for number, loop in enumerate(nested(_edges(discovery, lines))):
        code = [lines[leader] for leader in loop]
        loaded = {one.facts.destination for line in code for one in line if _loads(one)}
        for line in code:
            for offset, register in _sites(line, loaded):
                found[offset] = number, register
    most = Counter(found.values()).most_common(MOST_WINDOWS)
    numbers = {which: number for number, (which, _) in enumerate(most)}
    return {offset: numbers[which] for offset, which in found.items() if which in numbers}


def _line(discovery: Discovery, leader: PageOffset) -> Iterator[Instruction]:
    """The instructions from a leader to the next, or to the end of its block."""
    instruction = discovery.instructions.get(leader)
    while instruction is not None:
        yield instruction
        following = instruction.following
        if instruction.kind.ends_block or following in discovery.leaders:
            return
        instruction = discovery.instructions.get(following)


def _edges(discovery: Discovery, lines: Mapping[PageOffset, list[Instruction]]) -> Edges:
    """Where control goes from each leader without leaving the function.

    A return goes behind the calls of the function itself, another computed jump to what nothing
    else leads to, as the cases of a switch are.
    """
    lasts = [line[-1] for line in lines.values() if line]
    calls = [last for last in lasts if is_call(last) and _inside(discovery, last)]
    returned_to = [call.following for call in calls]
    cases = sorted(discovery.from_elsewhere() - discovery.called())
    edges: dict[PageOffset, list[PageOffset]] = {}
    for leader, line in lines.items():
        to = _after(discovery, line[-1]) if line else []
        if line and line[-1].kind is Kind.INDIRECT and not to:
            to = returned_to if line[-1].facts.what is InstructionClass.RETURN else cases
        edges[leader] = [target for target in to if target in lines]
    return edges


def _after(discovery: Discovery, last: Instruction) -> list[PageOffset]:
    """Where control goes behind a line, as far as its last instruction says."""
    if last.kind in LEAVE:
        return []
    if last.kind not in JUMP:
        return [last.following]
    targets = _inside(discovery, last)
    returns = last.kind is Kind.BRANCH or (is_call(last) and targets)
    return [*targets, last.following] if returns else targets


def _inside(discovery: Discovery, last: Instruction) -> list[PageOffset]:
    return [target for target in discovery.targets(last) if target in discovery.leaders]


def _loads(instruction: Instruction) -> bool:
    access = instruction.facts.access
    return access is not None and access.loads


def _sites(line: list[Instruction], loaded: set[int]) -> Iterator[tuple[PageOffset, int]]:
    """The accesses of a line in a loop, in which loads write some registers."""
    comes_loaded: dict[int, bool] = {}
    for instruction in line:
        access = instruction.facts.access
        if access is None or instruction.kind is Kind.ATOMIC or not access.base:
            pass
        elif not comes_loaded.get(access.base, access.base in loaded):
            yield instruction.offset, access.base
        comes_loaded[instruction.facts.destination] = _loads(instruction)


def loops(edges: Edges) -> list[list[PageOffset]]:
    """The places that can be come to again from themselves, those together that lead to each other.

    (Tarjan: Depth-first search and linear graph algorithms, 1972.)
    """
    search = _Search(edges)
    for node in edges:
        if node not in search.low:
            search.visit(node)
    return search.loops


def nested(edges: Edges) -> list[list[PageOffset]]:
    """The same loops, and those within them once nothing goes back to where they begin.

    Outer ones come first, as all that is said of an inner one is to stand.
    """
    found: list[list[PageOffset]] = []
    waiting = [edges]
    while waiting:
        graph = waiting.pop()
        for loop in loops(graph):
            found.append(loop)
            inner = set(loop) - {min(loop)}
            waiting.append({node: [to for to in graph[node] if to in inner] for node in inner})
    return found


class _Search:
    """Tarjan's search for strongly connected components, without recursion."""

    def __init__(self, edges: Edges) -> None:
        self.edges = edges
        self.low: dict[PageOffset, int] = {}
        self.number: dict[PageOffset, int] = {}
        self.path: list[PageOffset] = []
        self.on_path: set[PageOffset] = set()
        self.loops: list[list[PageOffset]] = []

    def visit(self, first: PageOffset) -> None:
        """Go through what can be reached from a place that has not been visited."""
        self._begin(first)
        waiting = [(first, iter(self.edges[first]))]
        while waiting:
            node, following = waiting[-1]
            for to in following:
                if to not in self.number:
                    self._begin(to)
                    waiting.append((to, iter(self.edges[to])))
                    break
                if to in self.on_path:
                    self.low[node] = min(self.low[node], self.number[to])
            else:
                waiting.pop()
                self._end(node)
                if waiting:
                    before = waiting[-1][0]
                    self.low[before] = min(self.low[before], self.low[node])

    def _begin(self, node: PageOffset) -> None:
        self.low[node] = self.number[node] = len(self.number)
        self.path.append(node)
        self.on_path.add(node)

    def _end(self, node: PageOffset) -> None:
        """The component is whole if nothing in it leads to what was visited before."""
        if self.low[node] != self.number[node]:
            return
        start = self.path.index(node)
        component = self.path[start:]
        del self.path[start:]
        self.on_path.difference_update(component)
        if len(component) > 1 or node in self.edges[node]:
            self.loops.append(component)
