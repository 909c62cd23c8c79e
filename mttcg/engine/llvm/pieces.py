"""Where straight-line pieces of code end, and what is then known of them."""

from mttcg.engine.llvm.ir import forms
from mttcg.engine.llvm.ir.builder import Builder
from mttcg.engine.llvm.places import Labels
from mttcg.engine.llvm.ram import Spans
from mttcg.engine.llvm.segment import Segment
from mttcg.engine.llvm.windows import Windows


class Pieces:
    """Ends pieces.

    Args:
        builder: of the function.
        labels: of the function.
        segment: that is being emitted.
        spans: what the piece accesses.
        windows: where its records go.
        joined: whether passes may join what is only divided by a jump.
    """

    def __init__(
        self,
        builder: Builder,
        labels: Labels,
        segment: Segment,
        spans: Spans,
        windows: Windows,
        joined: bool = False,
    ) -> None:
        self.builder, self.labels, self.segment = builder, labels, segment
        self.spans, self.windows, self.joined = spans, windows, joined

    def end(self) -> None:
        """End the straight-line piece, before a jump, or a round before the next of its loop."""
        if self.segment.next_round is not None:
            self.spans.end_round()
        else:
            self.spans.end()
            self.windows.end()

    def divide(self) -> None:
        """End the straight-line piece where none has to end, and begin another."""
        self.end()
        self.divide_block()

    def divide_block(self) -> None:
        """End the basic block, and go on in another, which stays apart."""
        on = self.builder.new_block("on")
        if self.joined:
            self.builder.goto(on)
        else:
            self.builder.add(forms.OPAQUE)
            self.builder.push((on, self.labels.never))
        self.builder.begin(on)
