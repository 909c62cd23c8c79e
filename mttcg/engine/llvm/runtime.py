"""The loop from which native code is entered, one copy in the arena for all vCPUs."""

from hashlib import blake2b

from mttcg.engine.llvm.compile import OPTIMISED, compile_text
from mttcg.engine.llvm.frame import (
    COUNT_START,
    Reason,
    Word,
)
from mttcg.engine.llvm.ir.builder import Builder, Elsewhere
from mttcg.engine.llvm.ir.function import Function, Section
from mttcg.engine.llvm.jump_table import ROW_SHIFT
from mttcg.engine.llvm.places import FLOAT_CONTROL, HART
from mttcg.engine.llvm.rounding import HostFloat
from mttcg.engine.llvm.signature import CONVENTION
from mttcg.instrument.native.native_cache import use_native_cache
from mttcg.instrument.native.native_functions import kept_or_made
from mttcg.instrument.native.native_host import made_for
from mttcg.memory.page import PAGE, PAGE_SHIFT
from mttcg.state.vcpu_state import VcpuState
from mttcg.state.words import offsets_of

OFFSET = offsets_of(VcpuState)
GIVEN = "ptr %hart, ptr null, i64 %since, ptr %frame, ptr %origin, i64 0, i64 %here"
"""`signature.PARAMETERS` of what is entered at a pc, whose record is not known."""
UNREAD = -1
"""In place of nanoseconds: the clock was not read."""
RUN_KEY = 1
"""Key of the loop in the arena."""

FRAME = {
    "exit": Word.EXIT,
    "jumps": Word.JUMPS,
    "ram": Word.FETCH_BASE,
    "ram_bytes": Word.FETCH_BYTES,
    "since": Word.SINCE,
    "inside": Word.INSIDE,
    "generation": Word.GENERATION,
    "known": Word.KNOWN_GENERATION,
    "first": Word.FIRST,
    "interpreter": Word.ENTER,
    "attend": Word.ATTEND,
    "turns": Word.TURNS,
    "resume": Word.RESUME,
    "seconds": Word.SECONDS,
    "nanoseconds": Word.NANOSECONDS,
    "looked": Word.LOOKED_AT,
    "passed_over": Word.PASSED_OVER,
    "pass_over": Word.PASS_OVER,
}
SHORT_NS, LONG_NS, MOST_PASSED_OVER = 5_000, 20_000, 7
"""Time between two looks at the clock: less is too often, more too seldom; and how often it may
be time to look without one."""
PLACES = "\n".join(
    f"  %{name}_at = getelementptr i8, ptr %frame, i64 {8 * word}" for name, word in FRAME.items()
)


def _fragments(host: HostFloat) -> list[str]:
    """The text to have the guest's rounding mode, and the host's."""
    build = Builder(Function("", ()))
    enter, leave = Section(), Section()
    with Elsewhere(build, enter):
        if host.control is not None:
            build.offset(HART, host.control.offset, FLOAT_CONTROL)
        host.enter(build)
    with Elsewhere(build, leave):
        host.leave(build)
    return [section.lines(advice=False) for section in (enter, leave)]


def machine_code(host: HostFloat) -> bytes:
    """The loop's, compiled once and kept in a file."""
    loop = text(host)
    digest = blake2b(f"{loop}{OPTIMISED}".encode(), digest_size=8).hexdigest()
    file = use_native_cache() / f"loop-{digest}-{made_for()}.bin"
    return kept_or_made(file, lambda: compile_text(loop, OPTIMISED))


def text(host: HostFloat) -> str:
    """The loop's; `host` keeps its floating-point control meanwhile."""
    enter, leave = _fragments(host)
    return HEAD + enter + BODY + leave + TAIL


HEAD = f"""
target triple = "x86_64-pc-linux-gnu"
define void @run(ptr noalias %hart, ptr noalias %frame, ptr noalias %origin) #0 {{
entry:
{PLACES}
  %pc_at = getelementptr i8, ptr %hart, i64 {OFFSET["pc"]}
  %request_at = getelementptr i8, ptr %hart, i64 {OFFSET["request"]}
  %alert_at = getelementptr i8, ptr %hart, i64 {OFFSET["alert"]}
  %attend = load ptr, ptr %attend_at
  %turns = load i64, ptr %turns_at
  %resume = load ptr, ptr %resume_at
  %interpreter = load ptr, ptr %interpreter_at
  %jumps = load ptr, ptr %jumps_at
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
  %alert = load atomic i64, ptr %alert_at monotonic, align 8
  %either = or i64 %request, %alert
  %asked = icmp ne i64 %either, 0
  br i1 %asked, label %stop, label %looked
stop:
  store i64 {int(Reason.REQUEST)}, ptr %exit_at
  br label %ask
looked:
  %running = load i64, ptr %since_at
  %is_time = icmp sge i64 %running, 0
  br i1 %is_time, label %anew, label %look
anew:
  store i64 {COUNT_START}, ptr %since_at
  %attends = icmp ne ptr %attend, null
  br i1 %attends, label %at_look, label %look
at_look:
  %left = load i64, ptr %pass_over_at
  %passes = icmp sgt i64 %left, 0
  br i1 %passes, label %pass, label %attend_now
pass:
  %fewer = sub i64 %left, 1
  store i64 %fewer, ptr %pass_over_at
  br label %look
attend_now:
  store i64 {UNREAD}, ptr %nanoseconds_at
  %wanted = call i64 %attend(ptr %hart, ptr %frame)
  %unwanted = icmp eq i64 %wanted, 0
  br i1 %unwanted, label %pace, label %found_wanted
found_wanted:
  store i64 {int(Reason.REQUEST)}, ptr %exit_at
  br label %leave
pace:
  %nanoseconds = load i64, ptr %nanoseconds_at
  %unread = icmp eq i64 %nanoseconds, {UNREAD}
  %seconds = load i64, ptr %seconds_at
  %whole = mul i64 %seconds, 1000000000
  %now = add i64 %whole, %nanoseconds
  %before_now = load i64, ptr %looked_at
  store i64 %now, ptr %looked_at
  %took = sub i64 %now, %before_now
  %passed_over = load i64, ptr %passed_over_at
  %double = shl i64 %passed_over, 1
  %more = or i64 %double, 1
  %many = icmp ugt i64 %more, {MOST_PASSED_OVER}
  %most = select i1 %many, i64 {MOST_PASSED_OVER}, i64 %more
  %is_short = icmp ult i64 %took, {SHORT_NS}
  %is_long = icmp ugt i64 %took, {LONG_NS}
  %kept = select i1 %is_long, i64 0, i64 %passed_over
  %paced = select i1 %is_short, i64 %most, i64 %kept
  %to_pass = select i1 %unread, i64 0, i64 %paced
  store i64 %to_pass, ptr %passed_over_at
  store i64 %to_pass, ptr %pass_over_at
  br label %next
look:
  %ram = load i64, ptr %ram_at
  %ram_bytes = load i64, ptr %ram_bytes_at
  %pc = load i64, ptr %pc_at
  %distance = sub i64 %pc, %ram
  %in_ram = icmp ult i64 %distance, %ram_bytes
  br i1 %in_ram, label %inside_ram, label %interpret
inside_ram:
  %page = lshr i64 %distance, {PAGE_SHIFT}
  %row_at = getelementptr ptr, ptr %jumps, i64 %page
  %row = load ptr, ptr %row_at
  %offset = and i64 %pc, {PAGE - 1}
  %place = shl i64 %offset, {ROW_SHIFT}
  %code_at = getelementptr i8, ptr %row, i64 %place
  %found = load ptr, ptr %code_at
  %unknown = icmp eq ptr %found, null
  br i1 %unknown, label %interpret, label %call
interpret:
  br label %call
call:
  %code = phi ptr [ %first, %begin ], [ %found, %inside_ram ],
                  [ %interpreter, %interpret ], [ %resume, %within ]
  %here = load i64, ptr %pc_at
  %since = load i64, ptr %since_at
  call {CONVENTION} void %code({GIVEN})
  br label %back
back:
  %exit = load i64, ptr %exit_at
  %on = icmp eq i64 %exit, 0
  br i1 %on, label %next, label %over
over:
  switch i64 %exit, label %leave [
    i64 {int(Reason.GOES_ON)}, label %within
    i64 {int(Reason.REQUEST)}, label %ask
  ]
ask:
  %system_is_native = icmp ne ptr %attend, null
  %no_turns = icmp eq i64 %turns, 0
  %answers = and i1 %system_is_native, %no_turns
  br i1 %answers, label %look_at_inputs, label %leave
look_at_inputs:
  %needed = call i64 %attend(ptr %hart, ptr %frame)
  %attended = icmp eq i64 %needed, 0
  br i1 %attended, label %clear, label %leave
clear:
  store i64 0, ptr %exit_at
  br label %next
within:
  store i64 0, ptr %exit_at
  br label %call
leave:
"""
TAIL = """
  store atomic i64 0, ptr %inside release, align 8
  ret void
}
attributes #0 = { nounwind }
"""
