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
%since = getelementptr i8, ptr %frame, i64 112
%p0 = getelementptr i8, ptr %frame, i64 24
%p1 = load ptr, ptr %p0
%v27 = load i64, ptr %since
store i64 %v27, ptr %count
%v28 = load i64, ptr %pc
%base = and i64 %v28, -4096
%half_base = lshr i64 %base, 1
%v29 = lshr i64 %v28, 1
%v30 = sub i64 %v29, %half_base
store i64 %v30, ptr %next
br label %dispatch
dispatch:
%v31 = load i64, ptr %next
switch i64 %v31, label %out [
i64 0, label %r_0
]
out:
%v32 = load i64, ptr %next
%v33 = shl i64 %v32, 1
%v34 = add i64 %v33, %base
store i64 %v34, ptr %pc
br label %leave
look:
%v35 = load i64, ptr %next
%v36 = shl i64 %v35, 1
%v37 = add i64 %v36, %base
%v38 = load i64, ptr %count
%v39 = load i64, ptr %since
%v40 = sub i64 %v38, %v39
%v41 = ashr i64 %v40, 20
%v42 = and i64 %v40, 1048575
%v43 = load i64, ptr %instructions
%v44 = add i64 %v43, %v41
store i64 %v44, ptr %instructions
%v45 = load i64, ptr %blocks
%v46 = add i64 %v45, %v42
store i64 %v46, ptr %blocks
store i64 -17179869184, ptr %count
store i64 %v37, ptr %block_pc
store i64 -17179869184, ptr %since
%v47 = load atomic volatile i64, ptr %request monotonic, align 8
%t4 = icmp eq i64 %v47, 0
br i1 %t4, label %go11, label %stop12
stop12:
store i64 1, ptr %exit
store i64 %v37, ptr %pc
br label %leave
go11:
%p2 = getelementptr i8, ptr %frame, i64 96
%p3 = load ptr, ptr %p2
%p4 = getelementptr i8, ptr %p3, i64 64
%v48 = load i64, ptr %p4
%v49 = and i64 %v48, 4095
%v50 = shl i64 %v49, 3
%p5 = getelementptr i8, ptr %p3, i64 %v50
%p6 = getelementptr i8, ptr %p5, i64 128
store i64 %v37, ptr %p6
%v51 = add i64 %v48, 1
store i64 %v51, ptr %p4
%p7 = getelementptr i8, ptr %frame, i64 176
%p8 = load ptr, ptr %p7
%v52 = load atomic volatile i64, ptr %p8 monotonic, align 8
%t5 = icmp ne i64 %v52, 0
br i1 %t5, label %wake13, label %dispatch
wake13:
store i64 10, ptr %exit
store i64 %v37, ptr %pc
br label %leave
leave:
%v53 = load i64, ptr %count
%v54 = load i64, ptr %since
%v55 = sub i64 %v53, %v54
%v56 = ashr i64 %v55, 20
%v57 = and i64 %v55, 1048575
%v58 = load i64, ptr %instructions
%v59 = add i64 %v58, %v56
store i64 %v59, ptr %instructions
%v60 = load i64, ptr %blocks
%v61 = add i64 %v60, %v57
store i64 %v61, ptr %blocks
store i64 %v53, ptr %since
ret void
never:
unreachable
r_0:
%v0 = load i64, ptr %count
%t0 = icmp slt i64 %v0, 0
br i1 %t0, label %on1, label %off2
on1:
br label %b_0
b_0:
%v1 = load i64, ptr %count
%v2 = add i64 %v1, 2097153
store i64 %v2, ptr %count
br label %c_0
f_0:
%v3 = load i64, ptr %count
%v4 = add i64 %v3, 2097152
store i64 %v4, ptr %count
br label %c_0
c_0:
%v5 = load i64, ptr %status
%v6 = and i64 %v5, 24576
%t1 = icmp ne i64 %v6, 0
br i1 %t1, label %on3, label %off4
on3:
%v11 = load i64, ptr %float_control
%v12 = lshr i64 %v11, 5
%t2 = icmp ule i64 %v12, 3
br i1 %t2, label %on5, label %off6
on5:
%v17 = load i64, ptr %f10
%v18 = load i64, ptr %f11
%double_0 = bitcast i64 %v17 to double
%double_1 = bitcast i64 %v18 to double
%double_2 = call double @llvm.experimental.constrained.fadd.f64(double %double_0, double %double_1, metadata !"round.dynamic", metadata !"fpexcept.strict")
%v19 = bitcast double %double_2 to i64
%t3 = call i1 @llvm.experimental.constrained.fcmp.f64(double %double_2, double %double_2, metadata !"ord", metadata !"fpexcept.strict")
br label %at7
at7:
br i1 %t3, label %on10, label %nan8
nan8:
br label %from9
from9:
br label %on10
on10:
%v20 = phi i64 [ %v19, %at7 ], [ 9221120237041090560, %from9 ]
store i64 %v20, ptr %f10
%v21 = load i64, ptr %x1
%v22 = add i64 %v21, 0
%v23 = and i64 %v22, -2
%v24 = add i64 %base, 6
%v25 = lshr i64 %v23, 1
%v26 = sub i64 %v25, %half_base
store i64 %v26, ptr %next
br label %dispatch
off2:
store i64 0, ptr %next
br label %look
off4:
%v7 = load i64, ptr %count
%v8 = add i64 %v7, -1048576
store i64 %v8, ptr %count
store i64 45446483, ptr %detail
store i64 3, ptr %exit
%v9 = add i64 %base, 0
store i64 %v9, ptr %pc
%v10 = add i64 %base, 0
store i64 %v10, ptr %block_pc
br label %leave
off6:
%v13 = load i64, ptr %count
%v14 = add i64 %v13, -1048576
store i64 %v14, ptr %count
store i64 45446483, ptr %detail
store i64 11, ptr %exit
%v15 = add i64 %base, 0
store i64 %v15, ptr %pc
%v16 = add i64 %base, 0
store i64 %v16, ptr %block_pc
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
