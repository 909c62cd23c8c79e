"""The loop that chains translated pages: native code, one copy in the arena for all vCPUs."""

from mttcg.engine.llvm.frame import JUMP_CACHE_BITS, Reason, Word
from mttcg.isa.riscv64.hart import OFFSET

ROW_BYTES = 16
RUN_KEY = 1
"""Key of the loop in the arena."""

TEXT = f"""
target triple = "x86_64-pc-linux-gnu"
define void @run(ptr noalias %hart, ptr noalias %frame, ptr noalias %ram) #0 {{
entry:
  %pc_at = getelementptr i8, ptr %hart, i64 {OFFSET["pc"]}
  %exit_at = getelementptr i8, ptr %frame, i64 {8 * Word.EXIT}
  %cache_at = getelementptr i8, ptr %frame, i64 {8 * Word.JUMP_CACHE}
  %cache = load ptr, ptr %cache_at
  %request_at = getelementptr i8, ptr %hart, i64 {OFFSET["request"]}
  br label %next
next:
  %request = load atomic i64, ptr %request_at monotonic, align 8
  %asked = icmp ne i64 %request, 0
  br i1 %asked, label %stop, label %look
stop:
  store i64 {int(Reason.REQUEST)}, ptr %exit_at
  br label %leave
look:
  %pc = load i64, ptr %pc_at
  %shifted = lshr i64 %pc, 1
  %index = and i64 %shifted, {(1 << JUMP_CACHE_BITS) - 1}
  %offset = mul i64 %index, {ROW_BYTES}
  %row = getelementptr i8, ptr %cache, i64 %offset
  %known = load i64, ptr %row
  %hit = icmp eq i64 %known, %pc
  br i1 %hit, label %go, label %miss
go:
  %code_at = getelementptr i8, ptr %row, i64 8
  %code = load ptr, ptr %code_at
  call void %code(ptr %hart, ptr %frame, ptr %ram)
  %exit = load i64, ptr %exit_at
  %on = icmp eq i64 %exit, 0
  br i1 %on, label %next, label %leave
miss:
  store i64 {int(Reason.MISS)}, ptr %exit_at
  br label %leave
leave:
  ret void
}}
attributes #0 = {{ nounwind }}
"""
