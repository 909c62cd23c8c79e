"""What tells the supervisor of a hart that gets nowhere."""

from collections.abc import Callable

from mttcg.memory.address import Virtual
from mttcg.vcpu.nowhere.spins import Spin, Spins
from mttcg.vcpu.nowhere.zeros import Zeros
from mttcg.vcpu.protocol.message import ProcessMessage
from mttcg.vcpu.protocol.vcpu_messages import SpinFound, ZerosFound
from mttcg.vcpu.vcpu import Vcpu


def look_for_progress(
    vcpu: Vcpu,
    read: Callable[[Virtual, int], bytes],
    send: Callable[[ProcessMessage], None],
    text_at: Callable[[Virtual], str],
) -> None:
    """Have a vCPU look; `text_at` gives the instruction at a pc."""

    def tell(spin: Spin) -> None:
        send(SpinFound(spin.pc, spin.instructions, spin.loads, text_at(spin.pc)))

    vcpu.spins = Spins(vcpu.hart, vcpu.system, vcpu.isa.code, read, tell)
    vcpu.zeros = Zeros(vcpu.system, read, lambda pc: send(ZerosFound(pc)))
