"""The loop that calls translated pages: native code, one copy in the arena for all vCPUs."""

from hashlib import blake2b

from mttcg.engine.llvm.compile import OPTIMISED, compile_text
from mttcg.engine.llvm.frame import (
    CHAINS_PER_SAMPLE,
    JUMP_CACHE_ENTRIES,
    NOWHERE,
    PC_SHIFTS,
    Reason,
    Word,
)
from mttcg.engine.llvm.ir.builder import Builder, Elsewhere
from mttcg.engine.llvm.ir.forms import UNKNOWN
from mttcg.engine.llvm.ir.function import Function, Section
from mttcg.engine.llvm.ir.values import I64, BasicBlock, Pointer
from mttcg.engine.llvm.places import FLOAT_CONTROL, HART
from mttcg.engine.llvm.rounding import HostFloat
from mttcg.engine.llvm.sampling import add_sample
from mttcg.instrument.native.native_cache import use_native_cache
from mttcg.instrument.native.native_functions import host_digest, keep, read_kept
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of

OFFSET = offsets_of(VcpuState)
ROW_BYTES = 16
RUN_KEY = 1
"""Key of the loop in the arena."""

FRAME = {
    "exit": Word.EXIT,
    "cache": Word.JUMP_CACHE,
    "inside": Word.INSIDE,
    "generation": Word.GENERATION,
    "known": Word.KNOWN_GENERATION,
    "first": Word.FIRST,
    "chains": Word.CHAINS,
    "interpreter": Word.ENTER,
}
PLACES = "\n".join(
    f"  %{name}_at = getelementptr i8, ptr %frame, i64 {8 * word}" for name, word in FRAME.items()
)


def _fragments(host: HostFloat) -> list[str]:
    """The text to have the guest's rounding mode, to take a sample, and to have the host's mode."""
    build = Builder(Function("", ()))
    enter, sample, leave = Section(), Section(), Section()
    with Elsewhere(build, enter):
        if host.control is not None:
            build.offset(HART, host.control.offset, FLOAT_CONTROL)
        host.enter(build)
    with Elsewhere(build, sample):
        wakes = add_sample(build, build.load(Pointer("%pc_at"), UNKNOWN, I64))
        build.branch(wakes, BasicBlock("wake"), BasicBlock("look"))
    with Elsewhere(build, leave):
        host.leave(build)
    return [section.lines(advice=False) for section in (enter, sample, leave)]


def machine_code(host: HostFloat) -> bytes:
    """The loop's, compiled once and kept in a file."""
    loop = text(host)
    digest = blake2b(f"{loop}{OPTIMISED}".encode(), digest_size=8).hexdigest()
    file = use_native_cache() / f"loop-{digest}-{host_digest()}.bin"
    kept = read_kept(file)
    if kept is None:
        kept = compile_text(loop, OPTIMISED)
        keep(file, kept)
    return kept


def text(host: HostFloat) -> str:
    """The loop's; `host` keeps its floating-point control meanwhile."""
    enter, sample, leave = _fragments(host)
    return HEAD + enter + BODY + sample + REST + leave + TAIL


HEAD = f"""
target triple = "x86_64-pc-linux-gnu"
define void @run(ptr noalias %hart, ptr noalias %frame, ptr noalias %origin) #0 {{
entry:
{PLACES}
  %pc_at = getelementptr i8, ptr %hart, i64 {OFFSET["pc"]}
  %request_at = getelementptr i8, ptr %hart, i64 {OFFSET["request"]}
  %cache = load ptr, ptr %cache_at
  %inside = load ptr, ptr %inside_at
  %generation = load ptr, ptr %generation_at
  %known = load i64, ptr %known_at
"""
BODY = f"""
  %entered = add i64 %known, 1
  %before = atomicrmw xchg ptr %inside, i64 %entered seq_cst
  %newest = load atomic i64, ptr %generation seq_cst, align 8
  %same = icmp eq i64 %newest, %known
  br i1 %same, label %begin, label %stale
stale:
  store i64 {int(Reason.STALE)}, ptr %exit_at
  br label %leave
begin:
  %first = load ptr, ptr %first_at
  %none = icmp eq ptr %first, null
  br i1 %none, label %next, label %call
next:
  %request = load atomic i64, ptr %request_at monotonic, align 8
  %asked = icmp ne i64 %request, 0
  br i1 %asked, label %stop, label %count
stop:
  store i64 {int(Reason.REQUEST)}, ptr %exit_at
  br label %leave
count:
  %left = load i64, ptr %chains_at
  %fewer = sub i64 %left, 1
  store i64 %fewer, ptr %chains_at
  %spent = icmp eq i64 %fewer, 0
  br i1 %spent, label %sample, label %look, !prof !2
sample:
  store i64 {CHAINS_PER_SAMPLE}, ptr %chains_at
"""
REST = f"""
wake:
  store i64 {int(Reason.HOT)}, ptr %exit_at
  br label %leave
look:
  %pc = load i64, ptr %pc_at
  %half = lshr i64 %pc, {PC_SHIFTS[0]}
  %page = lshr i64 %pc, {PC_SHIFTS[1]}
  %mixed = xor i64 %half, %page
  br label %probe
probe:
  %place = phi i64 [ %mixed, %look ], [ %after, %other ]
  %index = and i64 %place, {JUMP_CACHE_ENTRIES - 1}
  %offset = mul i64 %index, {ROW_BYTES}
  %row = getelementptr i8, ptr %cache, i64 %offset
  %found = load i64, ptr %row
  %hit = icmp eq i64 %found, %pc
  br i1 %hit, label %go, label %other, !prof !1
other:
  %after = add i64 %place, 1
  %free = icmp eq i64 %found, {NOWHERE - (1 << 64)}
  br i1 %free, label %interpret, label %probe
interpret:
  %interpreter = load ptr, ptr %interpreter_at
  %no_interpreter = icmp eq ptr %interpreter, null
  br i1 %no_interpreter, label %miss, label %call
go:
  %code_at = getelementptr i8, ptr %row, i64 8
  %target = load ptr, ptr %code_at
  br label %call
call:
  %code = phi ptr [ %first, %begin ], [ %target, %go ], [ %interpreter, %interpret ]
  call void %code(ptr %hart, ptr %frame, ptr %origin)
  %exit = load i64, ptr %exit_at
  %on = icmp eq i64 %exit, 0
  br i1 %on, label %next, label %over
over:
  %goes_on = icmp eq i64 %exit, {int(Reason.GOES_ON)}
  br i1 %goes_on, label %within, label %leave
within:
  store i64 0, ptr %exit_at
  br label %look
miss:
  store i64 {int(Reason.MISS)}, ptr %exit_at
  br label %leave
leave:
"""
TAIL = """
  store atomic i64 0, ptr %inside release, align 8
  ret void
}
attributes #0 = { nounwind }
!1 = !{!"branch_weights", i32 1000, i32 1}
!2 = !{!"branch_weights", i32 1, i32 1000000}
"""
