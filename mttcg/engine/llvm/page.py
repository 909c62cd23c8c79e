"""The code of a page, or as much of it as is translated at a time, as one LLVM function.

LLVM takes longer than twice as long for twice as much. So a straight line is divided into pieces,
and what is left when the text has so many lines is for other functions. A block may end up in
several: it is entered, and counted, in the first, which goes on in the others.
"""

from mttcg.engine.llvm import rounding as mxcsr
from mttcg.engine.llvm.calls import PUBLISH, RELOAD
from mttcg.engine.llvm.emit import Emitter
from mttcg.engine.llvm.frame import ONE_BLOCK, ONE_INSTRUCTION
from mttcg.engine.llvm.looks import Looks
from mttcg.engine.llvm.observed import Entries
from mttcg.engine.llvm.piece import Pending, Place
from mttcg.engine.llvm.ram import Ram
from mttcg.engine.llvm.surroundings import TAIL, Surroundings
from mttcg.engine.llvm.sweep import Instruction, Sweep, is_call
from mttcg.engine.llvm.text import Text, without_advice
from mttcg.engine.llvm.weave import Sites
from mttcg.engine.llvm.windows import SHOW
from mttcg.isa.kind import Kind
from mttcg.memory.page import PAGE


class PageFunction:
    """The text of a page's function: `void page(ptr hart, ptr frame, ptr origin)`.

    `origin` is the host address at which the guest's address 0 would lie.

    It begins at hart.pc, which has to be one of the entries, and comes back with hart.pc where to
    go on.

    Args:
        sweep: the page's code.
        ram: guest RAM.
        sites: what the plan has for it.
        slot: of the page in the block cache, for block tables.
        held: keep registers in host registers from block to block, with fewer ways in.
        resumed: a leader that goes on with a block which was entered, and counted, before.
        uncovered: names of instructions to come back for, as if the table lacked them.

    Attributes:
        entries: the leaders at which it can begin; once there is the source, those that are in it.
        emitted: the leaders that are in the source.
    """

    def __init__(
        self,
        sweep: Sweep,
        ram: Ram,
        sites: Sites,
        slot: int,
        held: bool = False,
        resumed: int | None = None,
        uncovered: frozenset[str] = frozenset(),
    ) -> None:
        self.sweep, self.sites, self.slot, self.resumed = sweep, sites, slot, resumed
        self.held, self.uncovered = held, uncovered
        self.entries = sweep.entries() if held else frozenset(sweep.leaders)
        self.text = Text()
        # a jump to where a block was resumed enters one that begins there, whose code is elsewhere
        labels = frozenset(sweep.leaders - {resumed})
        self.emitter = Emitter(self.text, ram, labels, sites, slot, held)
        self.looks = Looks(self.text, held, self.emitter.prompt)
        self.surroundings = Surroundings(self.emitter, self.looks)
        self.fallen: set[int] = set()
        self.emitted: set[int] = set()

    def source(self) -> str:
        """The whole module."""
        for leader in self._order():
            if self._is_full():
                break
            self._block(leader)
            self.emitted.add(leader)
        self.entries &= self.emitted
        self._leave_to_others()
        lines = [*self.surroundings.head(self.entries), *self.text.lines, *self.text.cold]
        markers = {
            PUBLISH: self.surroundings.publish,
            RELOAD: self.surroundings.reload,
            SHOW: self.emitter.woven.windows.show,
        }
        for marker, meant in markers.items():
            if marker in lines:
                lines = [part for line in lines for part in (meant() if line == marker else [line])]
        probes = [self.sites.probes[name] for name in sorted(self.emitter.woven.calls.probes)]
        module = "\n".join([*lines, *TAIL, *probes])
        if mxcsr.CALL_OUT_NAME in module:
            module += "\n" + mxcsr.CALL_OUT
        return module if self.held else without_advice(module)

    def _order(self) -> list[int]:
        """The leaders to be emitted, from the first entry on."""
        first = self.sweep.first
        return sorted(self.sweep.leaders - self.sweep.elsewhere, key=lambda pc: (pc < first, pc))

    @property
    def left(self) -> frozenset[int]:
        """The leaders that are gone to, and are not in the source."""
        return frozenset((self.emitter.reached | self.fallen) - self.emitted)

    def _is_full(self) -> bool:
        state = COUNT_LINES
        if self.held:
            written, held = self.emitter.registers.written, self.surroundings.held_registers()
            state += 2 * len(written) + 2 * len(held)
        lines = len(self.text.lines) + len(self.text.cold)
        return lines + state * self.emitter.woven.calls.python_calls > MOST_LINES

    def _leave_to_others(self) -> None:
        """Where leaders are gone to that are not in the source, go on in other code."""
        for leader in sorted(self.left):
            self.text.do(f"r{leader:x}:")
            self.text.do(f"br label %b{leader:x}")
            self.text.do(f"b{leader:x}:")
            self.emitter.leave_to(leader)
            if leader in self.fallen:
                self.text.do(f"f{leader:x}:")
                self.text.lines += self.emitter.go_on(leader)

    def _line(self, leader: int) -> list[Instruction]:
        """The instructions from a leader to the next, or to the end of its block.

        The rest of a block is taken up to a certain address, if that comes first: blocks may be
        resumed at many places, and the lines meet there.
        """
        instructions, leaders = self.sweep.instructions, self.sweep.leaders
        line = [instructions[leader]]
        until = (leader // MEETING + 1) * MEETING if leader == self.resumed else leader + PAGE
        while not line[-1].kind.ends_block:
            pc = line[-1].following
            if pc in leaders or pc >= until or pc not in instructions:
                break
            line.append(instructions[pc])
        return line

    def _block(self, leader: int) -> None:
        """A block: r looks for requests first, b counts it as entered, f goes on with its code.

        One that is resumed does not look, as it has been entered already.
        """
        text = self.text
        segment = self._line(leader)
        text.do(f"r{leader:x}:")
        if leader != self.resumed:
            self.looks.check(leader)
        text.do(f"br label %b{leader:x}")
        text.do(f"b{leader:x}:")
        rounds = self._rounds(leader, segment)
        if rounds > 1:
            self._loop(leader, segment, rounds)
            return
        blocks = 0 if leader == self.resumed else ONE_BLOCK
        self._count(len(segment) * ONE_INSTRUCTION + blocks)
        if blocks:
            self._enter(leader, len(segment))
        if leader in self.fallen or leader == self.sweep.first:
            text.do(f"br label %c{leader:x}")
            text.do(f"f{leader:x}:")
            self._count(len(segment) * ONE_INSTRUCTION)
            text.do(f"br label %c{leader:x}")
            text.do(f"c{leader:x}:")
        self._segment(segment)

    def _rounds(self, leader: int, segment: list[Instruction]) -> int:
        """How many rounds of a loop that is one block are emitted one after the other."""
        if not self.held or self.emitter.prompt or leader == self.resumed:
            return 1
        loops = segment[-1].kind is Kind.BRANCH and self.sweep.targets(segment[-1]) == [leader]
        return min(ROUNDS, LONGEST_LOOP // len(segment)) if loops else 1

    def _loop(self, leader: int, segment: list[Instruction], rounds: int) -> None:
        """A loop that is one block, several rounds of it, which are counted where they end.

        One by itself stands behind them, for where the several would leave RAM.
        """
        text, emitter, woven = self.text, self.emitter, self.emitter.woven
        amount = len(segment) * ONE_INSTRUCTION + ONE_BLOCK
        entries = Entries(leader, self.slot, 1) if woven.counts_only(leader) else None
        text.do(f"br label %r{leader:x}_1")
        text.do(f"f{leader:x}:")
        uncounted = Pending(-ONE_BLOCK, entries and entries.times(-1))
        emitter.settle(text.lines, uncounted)
        text.do(f"br label %c{leader:x}")
        for number in range(1, rounds + 1):
            text.do(f"r{leader:x}_{number}:")
            emitter.pending = Pending(number * amount, entries and entries.times(number))
            emitter.next_round = f"r{leader:x}_{number + 1}" if number < rounds else ""
            if entries is None:
                self._enter(leader, len(segment), number > 1)
            if number == 1:
                text.do(f"br label %c{leader:x}")
                text.do(f"c{leader:x}:")
            retreat = f"s{leader:x}" if number == 1 and self._can_retreat(segment, entries) else ""
            self._segment(segment, number > 1, retreat)
        emitter.pending, emitter.next_round = Pending(), ""
        if emitter.spans.retreated:
            emitter.spans.retreated = False
            text.do(f"s{leader:x}:")
            emitter.settle(text.lines, Pending(amount, entries))
            self._segment(segment)

    def _can_retreat(self, segment: list[Instruction], entries: Entries | None) -> bool:
        """Whether a round that is begun again leaves no trace of the first time."""
        sites = self.sites
        at = any(sites.at_instruction(instruction.pc) for instruction in segment)
        quiet = not sites.every_retired and not at and self.emitter.woven.accesses_only_recorded()
        return entries is not None and quiet

    def _enter(self, leader: int, counted: int, again: bool = False) -> None:
        """Run what the plan has for the block; `again`: it has just run."""
        if not self.sites.at_block(leader):
            return
        self.emitter.registers.forget()
        self.emitter.leader = leader
        self.emitter.place = Place(self.sweep.instructions[leader], counted)
        instructions, size = self.sweep.extents[leader]
        self.emitter.woven.at_block(leader, instructions, size, again)

    def _segment(self, segment: list[Instruction], again: bool = False, retreat: str = "") -> None:
        """The instructions of a segment, as `Emitter.begin` has the arguments."""
        emitter = self.emitter
        emitter.begin(segment[0].pc, again, retreat)
        for index, instruction in enumerate(segment):
            if index and index % LONGEST_PIECE == 0:
                if self._is_full():
                    emitter.next_round = ""
                    emitter.end()
                    emitter.settle(self.text.lines, emitter.pending, len(segment) - index)
                    self.text.lines += emitter.go_on(instruction.pc)
                    return
                emitter.divide()
            emitter.place = Place(instruction, len(segment) - index)
            emitter.calls_out = not self.held and is_call(instruction)
            emitter.woven.at_instruction(instruction.pc, instruction.facts.length)
            decoded = self.sweep.code.decode(instruction.word)
            if decoded is None or decoded.name in self.uncovered:
                emitter.illegal(instruction.word)
            else:
                decoded.row.semantics(emitter, decoded, instruction.pc)
            if emitter.ended:
                return
            emitter.retire()
        if not emitter.ended:
            emitter.end()
            self._fall(segment[-1])

    def _fall(self, last: Instruction) -> None:
        """Go on after an instruction that does not jump."""
        following = last.following
        if last.kind.ends_block or not self.sweep.inside(following):
            self.emitter.goto(following)
        elif following in self.sweep.leaders:
            self.fallen.add(following)
            self.text.do(f"br label %f{following:x}")
        else:
            self.text.lines += self.emitter.go_on(following)

    def _count(self, amount: int) -> None:
        self.text.count(self.text.lines, amount)


ROUNDS, LONGEST_LOOP = 8, 64
"""Of a loop that is one block: rounds emitted, and instructions in all of them, at most."""
LONGEST_PIECE = 64
"""Instructions of straight-line code that LLVM sees as one."""
MOST_LINES = 16_000
"""Of text: with more, what is left is for another function; a tenth of a second for LLVM."""
COUNT_LINES = 11
"""Of text, to add what was counted to the hart's counters."""
MEETING = 256
"""Bytes between two addresses at which rests of blocks meet."""
