target triple = "x86_64-pc-linux-gnu"
define void @page(ptr noalias %hart, ptr noalias %frame, ptr noalias %origin) strictfp #0 {
entry:
%count = alloca i64
%next = alloca i64
%f10 = getelementptr i8, ptr %hart, i64 336
%f11 = getelementptr i8, ptr %hart, i64 344
%x1 = getelementptr i8, ptr %hart, i64 8
%pc = getelementptr i8, ptr %hart, i64 512
%instructions = getelementptr i8, ptr %hart, i64 1024
%blocks = getelementptr i8, ptr %hart, i64 1032
%block_pc = getelementptr i8, ptr %hart, i64 1040
%request = getelementptr i8, ptr %hart, i64 1536
%reservation = getelementptr i8, ptr %hart, i64 624
%reserved = getelementptr i8, ptr %hart, i64 632
%status = getelementptr i8, ptr %hart, i64 536
%float_control = getelementptr i8, ptr %hart, i64 520
%exit = getelementptr i8, ptr %frame, i64 0
%detail = getelementptr i8, ptr %frame, i64 8
%heat = getelementptr i8, ptr %frame, i64 96
%since = getelementptr i8, ptr %frame, i64 112
%p0 = getelementptr i8, ptr %frame, i64 24
%p1 = load ptr, ptr %p0
%v20 = load i64, ptr %since
store i64 %v20, ptr %count
%v21 = load i64, ptr %pc
store i64 %v21, ptr %next
br label %dispatch
dispatch:
%v22 = load i64, ptr %next
switch i64 %v22, label %out [
i64 2147483648, label %r80000000
]
out:
%v23 = load i64, ptr %next
store i64 %v23, ptr %pc
br label %leave
look:
%v24 = load i64, ptr %next
%v25 = load i64, ptr %count
%v26 = load i64, ptr %since
%v27 = sub i64 %v25, %v26
%v28 = ashr i64 %v27, 20
%v29 = and i64 %v27, 1048575
%v30 = load i64, ptr %instructions
%v31 = add i64 %v30, %v28
store i64 %v31, ptr %instructions
%v32 = load i64, ptr %blocks
%v33 = add i64 %v32, %v29
store i64 %v33, ptr %blocks
store i64 -274877906944, ptr %count
store i64 %v24, ptr %block_pc
store i64 -274877906944, ptr %since
%v34 = load atomic volatile i64, ptr %request monotonic, align 8
%t4 = icmp eq i64 %v34, 0
br i1 %t4, label %go11, label %stop12
stop12:
store i64 1, ptr %exit
store i64 %v24, ptr %pc
br label %leave
go11:
%v35 = load i64, ptr %heat
%v36 = sub i64 %v35, 1
store i64 %v36, ptr %heat
%t5 = icmp eq i64 %v36, 0
br i1 %t5, label %sample13, label %dispatch
sample13:
store i64 10, ptr %exit
store i64 %v24, ptr %pc
br label %leave
leave:
%v37 = load i64, ptr %count
%v38 = load i64, ptr %since
%v39 = sub i64 %v37, %v38
%v40 = ashr i64 %v39, 20
%v41 = and i64 %v39, 1048575
%v42 = load i64, ptr %instructions
%v43 = add i64 %v42, %v40
store i64 %v43, ptr %instructions
%v44 = load i64, ptr %blocks
%v45 = add i64 %v44, %v41
store i64 %v45, ptr %blocks
store i64 %v37, ptr %since
ret void
never:
unreachable
r80000000:
%v0 = load i64, ptr %count
%t0 = icmp slt i64 %v0, 0
br i1 %t0, label %on1, label %off2
on1:
br label %b80000000
b80000000:
%v1 = load i64, ptr %count
%v2 = add i64 %v1, 2097153
store i64 %v2, ptr %count
br label %c80000000
f80000000:
%v3 = load i64, ptr %count
%v4 = add i64 %v3, 2097152
store i64 %v4, ptr %count
br label %c80000000
c80000000:
%v5 = load i64, ptr %status
%v6 = and i64 %v5, 24576
%t1 = icmp ne i64 %v6, 0
br i1 %t1, label %on3, label %off4
on3:
%v9 = load i64, ptr %float_control
%v10 = lshr i64 %v9, 5
%t2 = icmp ule i64 %v10, 3
br i1 %t2, label %on5, label %off6
on5:
%v13 = load i64, ptr %f10
%v14 = load i64, ptr %f11
%double_0 = bitcast i64 %v13 to double
%double_1 = bitcast i64 %v14 to double
%double_2 = call double @llvm.experimental.constrained.fadd.f64(double %double_0, double %double_1, metadata !"round.dynamic", metadata !"fpexcept.strict")
%v15 = bitcast double %double_2 to i64
%t3 = call i1 @llvm.experimental.constrained.fcmp.f64(double %double_2, double %double_2, metadata !"ord", metadata !"fpexcept.strict")
br label %at7
at7:
br i1 %t3, label %on10, label %nan8
nan8:
br label %from9
from9:
br label %on10
on10:
%v16 = phi i64 [ %v15, %at7 ], [ 9221120237041090560, %from9 ]
store i64 %v16, ptr %f10
%v17 = load i64, ptr %x1
%v18 = add i64 %v17, 0
%v19 = and i64 %v18, -2
store i64 %v19, ptr %next
br label %dispatch
off2:
store i64 2147483648, ptr %next
br label %look
off4:
%v7 = load i64, ptr %count
%v8 = add i64 %v7, -1048576
store i64 %v8, ptr %count
store i64 45446483, ptr %detail
store i64 3, ptr %exit
store i64 2147483648, ptr %pc
store i64 2147483648, ptr %block_pc
br label %leave
off6:
%v11 = load i64, ptr %count
%v12 = add i64 %v11, -1048576
store i64 %v12, ptr %count
store i64 45446483, ptr %detail
store i64 11, ptr %exit
store i64 2147483648, ptr %pc
store i64 2147483648, ptr %block_pc
br label %leave
}
declare i32 @llvm.ctlz.i32(i32, i1)
declare i64 @llvm.ctlz.i64(i64, i1)
declare i32 @llvm.cttz.i32(i32, i1)
declare i64 @llvm.cttz.i64(i64, i1)
declare i32 @llvm.ctpop.i32(i32)
declare i64 @llvm.ctpop.i64(i64)
declare i64 @llvm.bswap.i64(i64)
declare i64 @llvm.umin.i64(i64, i64)
declare i64 @llvm.readcyclecounter()
declare {i64, i32} @llvm.x86.rdtscp()
attributes #0 = { nounwind }
!10 = !{!"root"}
!1 = !{!11, !11, i64 0}
!11 = !{!"register", !10, i64 0}
!2 = !{!12, !12, i64 0}
!12 = !{!"counter", !10, i64 0}
!3 = !{!13, !13, i64 0}
!13 = !{!"memory", !10, i64 0}
!4 = !{!14, !14, i64 0}
!14 = !{!"record", !10, i64 0}
!8 = !{!"branch_weights", i32 1000000, i32 1}
