"""The code of a page, or as much of it as is translated at a time, as one LLVM function.

LLVM takes longer than twice as long for twice as much. So a straight line is divided into pieces,
and what is left when the text has so many lines is for other functions. Where that is in the middle
of a block, which was entered and counted here, the interpreter goes on with it.
"""

from mttcg.engine.llvm.discovery import Discovery, Instruction
from mttcg.engine.llvm.emit import SegmentWriter
from mttcg.engine.llvm.frame import ONE_BLOCK, ONE_INSTRUCTION
from mttcg.engine.llvm.ir import verify
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.ir.function import Function
from mttcg.engine.llvm.ir.values import BasicBlock
from mttcg.engine.llvm.llvm_isa import LlvmIsa
from mttcg.engine.llvm.looks import Looks
from mttcg.engine.llvm.observed import Entries
from mttcg.engine.llvm.page_windows import ASK_NAME, ask_function
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.rounding import CALL_OUT_NAME
from mttcg.engine.llvm.segment import Pending, Place
from mttcg.engine.llvm.signature import CONVENTION, PARAMETERS
from mttcg.engine.llvm.surroundings import ROW_CLASS, TAIL, TARGET, Surroundings
from mttcg.engine.llvm.weave import Sites
from mttcg.engine.llvm.window_sites import window_sites
from mttcg.isa.kind import Kind
from mttcg.memory.address import PageOffset
from mttcg.memory.page import PAGE


class PageFunction:
    """The text of a page's function, which takes the parameters of the interpreter's handlers.

    It begins a block at the pc that it is given in the place of `TO_PC`, which has to be one of the
    entries in the page, wherever that is. It goes on in other code, or comes back with hart.pc
    where to go on. Registers are kept in host registers from block to block.

    Args:
        isa: the guest's.
        discovery: the page's code.
        ram: guest RAM.
        sites: what the plan has for it.
        uncovered: names of instructions to come back for, as if the table lacked them.
        translated: whether it is for translated addresses: what goes over the page's end is left to
            the interpreter then, which sees what page comes behind.

    Attributes:
        entries: the leaders at which it can begin; once there is the source, those that are in it.
        emitted: the leaders that are in the source.
    """

    def __init__(
        self,
        isa: LlvmIsa,
        discovery: Discovery,
        ram: Ram,
        sites: Sites,
        uncovered: frozenset[str] = frozenset(),
        translated: bool = False,
    ) -> None:
        self.isa, self.translated = isa, translated
        self.discovery, self.sites = discovery, sites
        self.uncovered = uncovered
        self.entries = discovery.entries()
        self.function = Function(f"{CONVENTION} void @page", PARAMETERS)
        self.builder = Builder(self.function)
        leaders = frozenset(discovery.leaders)
        where = window_sites(discovery) if translated else {}
        self.writer = SegmentWriter(isa, self.builder, ram, leaders, sites, translated, where)
        self.labels, self.segment = self.writer.labels, self.writer.segment
        parts = self.builder, self.labels
        self.looks = Looks(*parts, self.writer.polls_every_block, self.entries)
        self.surroundings = Surroundings(isa, self.writer, ram, translated)
        self.at_instructions = bool(sites.every_instruction or sites.instructions)
        self.fallen: set[PageOffset] = set()
        self.emitted: set[PageOffset] = set()

    def source(self) -> str:
        """The whole module."""
        for leader in self._order():
            if self._is_full():
                break
            if not self._is_foreign(self.discovery.instructions[leader]):
                self._block(leader)
                self.emitted.add(leader)
        self.entries &= self.emitted
        self._leave_to_others()
        verify.check(self.function, complete=False)
        self.surroundings.head(self.emitted | self.left, self.entries)
        self.surroundings.supply_pieces()
        verify.check(self.function, complete=True)
        self.function.join()
        if self.writer.floats is not None and self.writer.floats.used:
            self.function.attributes = "strictfp #0"
        others = [self.sites.probes[name] for name in sorted(self.writer.calls.probes)]
        lines = self.function.text(advice=True)
        if CALL_OUT_NAME in self.function.called:
            others.append(self.isa.host_float.call_out_function)
        tail = [*TAIL, ROW_CLASS] if self.translated else TAIL
        if ASK_NAME in self.function.called:
            others.append(ask_function())
        return "\n".join([TARGET, *lines, *tail, *others])

    def _is_foreign(self, instruction: Instruction) -> bool:
        """Whether an instruction ends in a page that may be another one each time."""
        return self.translated and instruction.following > PAGE

    def _order(self) -> list[PageOffset]:
        """The leaders to be emitted, from the first entry on."""
        first = self.discovery.first
        return sorted(
            self.discovery.leaders - self.discovery.elsewhere,
            key=lambda leader: (leader < first, leader),
        )

    @property
    def left(self) -> frozenset[PageOffset]:
        """The leaders that are gone to, and are not in the source."""
        return frozenset({to for _, to in self.writer.flow.edges} - self.emitted)

    def _is_full(self) -> bool:
        written, kept = self.writer.registers.written, self.surroundings.kept_registers()
        state = COUNT_LINES + 2 * len(written) + 2 * len(kept)
        return self.function.lines() + state * self.writer.calls.python_calls > MOST_LINES

    def _leave_to_others(self) -> None:
        """Where leaders are gone to that are not in the source, go on in other code."""
        build, labels = self.builder, self.labels
        for leader in sorted(self.left):
            self.writer.begin(leader, again=False)
            build.begin(labels["r", leader])
            build.goto(labels["b", leader])
            build.begin(labels["b", leader])
            self.writer.exits.go_to(leader)
            if leader in self.fallen:
                build.begin(labels["f", leader])
                self.writer.exits.go_on(leader)

    def _line(self, leader: PageOffset) -> list[Instruction]:
        """The instructions from a leader to the next, or to the end of its block."""
        instructions, leaders = self.discovery.instructions, self.discovery.leaders
        line = [instructions[leader]]
        while not line[-1].kind.ends_block:
            offset = line[-1].following
            if offset in leaders or offset not in instructions:
                break
            line.append(instructions[offset])
        return line

    def _block(self, leader: PageOffset) -> None:
        """A block: r looks for requests first, b counts it as entered, f goes on with its code."""
        build, labels = self.builder, self.labels
        segment = self._line(leader)
        build.begin(labels["r", leader])
        self.looks.check(leader)
        build.goto(labels["b", leader])
        build.begin(labels["b", leader])
        rounds = self._rounds(leader, segment)
        if rounds > 1:
            self._loop(leader, segment, rounds)
            return
        self.writer.counts.add(len(segment) * ONE_INSTRUCTION + ONE_BLOCK)
        self._enter(leader, len(segment))
        if leader in self.fallen or leader == self.discovery.first:
            build.goto(labels["c", leader])
            build.begin(labels["f", leader])
            self.writer.counts.add(len(segment) * ONE_INSTRUCTION)
            build.goto(labels["c", leader])
            build.begin(labels["c", leader])
        self._segment(segment)

    def _rounds(self, leader: PageOffset, segment: list[Instruction]) -> int:
        """How many rounds of a loop that is one block are emitted one after the other."""
        if self.writer.polls_every_block:
            return 1
        loops = segment[-1].kind is Kind.BRANCH and self.discovery.targets(segment[-1]) == [leader]
        return min(ROUNDS, LONGEST_LOOP // len(segment)) if loops else 1

    def _loop(self, leader: PageOffset, segment: list[Instruction], rounds: int) -> None:
        """A loop that is one block, several rounds of it, which are counted where they end.

        One by itself stands behind them, for where the several would leave RAM.
        """
        build, labels, writer = self.builder, self.labels, self.writer
        counts, state = writer.counts, self.segment
        amount = len(segment) * ONE_INSTRUCTION + ONE_BLOCK
        entries = Entries(leader, 1) if counts.only_counts(leader) else None
        behind: dict[int, BasicBlock] = {}
        if self._can_restart_later(segment, entries):
            behind = {number: build.new_block("behind") for number in range(1, rounds)}
        starts = [labels.round(leader, number) for number in range(1, rounds + 1)]
        build.goto(starts[0])
        build.begin(labels["f", leader])
        counts.settle(Pending(-ONE_BLOCK, entries and entries.times(-1)))
        build.goto(labels["c", leader])
        for number, start in enumerate(starts, 1):
            build.begin(start)
            state.pending = Pending(number * amount, entries and entries.times(number))
            state.next_round = starts[number] if number < rounds else None
            if entries is None:
                self._enter(leader, len(segment), number > 1)
            restart = None
            if number == 1:
                build.goto(labels["c", leader])
                build.begin(labels["c", leader])
                if self._can_restart(segment, entries):
                    restart = labels["s", leader]
            else:
                restart = behind.get(number - 1)
            self._segment(segment, number > 1, restart)
        state.pending, state.next_round = Pending(), None
        self._one_round(leader, segment, Pending(amount, entries), behind)

    def _one_round(
        self,
        leader: PageOffset,
        segment: list[Instruction],
        one: Pending,
        behind: dict[int, BasicBlock],
    ) -> None:
        """A round of a loop by itself, if any is begun again; it may be behind others."""
        build, labels, writer = self.builder, self.labels, self.writer
        restarted = writer.spans.restarted
        if not restarted:
            return
        for number, start in behind.items():
            if start in restarted:
                with build.cold():
                    build.begin(start)
                    entries = one.entries and one.entries.times(number)
                    writer.counts.settle(Pending(number * one.amount, entries))
                    build.goto(labels["s", leader])
        restarted.clear()
        build.begin(labels["s", leader])
        writer.counts.settle(one)
        self._segment(segment)

    def _can_restart(self, segment: list[Instruction], entries: Entries | None) -> bool:
        """Whether a round that is begun again leaves no trace of the first time."""
        sites = self.sites
        at = any(sites.at_instruction(instruction.offset) for instruction in segment)
        quiet = not sites.every_retired and not at and self.writer.woven.accesses_only_recorded()
        return entries is not None and quiet

    def _can_restart_later(self, segment: list[Instruction], entries: Entries | None) -> bool:
        """Whether a round behind others can be begun again, too: there are no records of those."""
        quiet = not self.writer.woven.observes_accesses
        return self.translated and quiet and self._can_restart(segment, entries)

    def _enter(self, leader: PageOffset, counted: int, again: bool = False) -> None:
        """Run what the plan has for the block; `again`: it has just run."""
        if not self.sites.at_block(leader):
            return
        self.writer.registers.forget()
        self.segment.leader = leader
        self.segment.place = Place(self.discovery.instructions[leader], counted)
        instructions, size = self.discovery.extents[leader]
        self.writer.woven.at_block(leader, instructions, size, again)

    def _segment(
        self, segment: list[Instruction], again: bool = False, restart: BasicBlock | None = None
    ) -> None:
        """The instructions of a segment, as `SegmentWriter.begin` has the arguments."""
        self.writer.begin(segment[0].offset, again, restart)
        self._instructions(segment)
        needed = self.writer.registers.needed
        self.writer.flow.pass_through(self.segment.leader, needed, self.segment.written)

    def _instructions(self, segment: list[Instruction]) -> None:
        writer, state = self.writer, self.segment
        for index, instruction in enumerate(segment):
            if index and index % LONGEST_PIECE == 0:
                if self._is_full():
                    self._break_off(instruction.offset, len(segment) - index)
                    return
                writer.pieces.divide()
            if index and self._is_foreign(instruction):
                self._break_off(instruction.offset, len(segment) - index)
                return
            state.place = Place(instruction, len(segment) - index)
            if self.at_instructions:
                writer.woven.at_instruction(instruction.offset, instruction.facts.length)
            decoded = self.discovery.code.decode(instruction.word)
            if decoded is None or decoded.name in self.uncovered:
                writer.words.illegal(instruction.word)
            else:
                decoded.row.semantics(writer.words, decoded)
            if state.ended:
                return
            writer.control.retire()
        if not state.ended:
            writer.pieces.end()
            self._fall(segment[-1])

    def _break_off(self, offset: PageOffset, left: int) -> None:
        """Go on at an offset in the interpreter, as the function is full; so many are left."""
        self.segment.next_round = None
        self.writer.pieces.end()
        self.writer.counts.settle(self.segment.pending, left)
        self.writer.exits.go_on(offset)

    def _fall(self, last: Instruction) -> None:
        """Go on after an instruction that does not jump."""
        following = last.following
        if last.kind.ends_block or not self.discovery.inside(following):
            self.writer.control.goto(following)
        elif following in self.discovery.leaders:
            self.fallen.add(following)
            self.writer.flow.lead(self.segment.leader, following)
            self.builder.goto(self.labels["f", following])
        else:
            self.writer.exits.go_on(following)


ROUNDS, LONGEST_LOOP = 8, 64
"""Of a loop that is one block: rounds emitted, and instructions in all of them, at most."""
LONGEST_PIECE = 64
"""Instructions of straight-line code that LLVM sees as one."""
MOST_LINES = 17_000
"""Of text: with more, what is left is for another function; a tenth of a second for LLVM."""
COUNT_LINES = 11
"""Of text, to add what was counted to the hart's counters."""
