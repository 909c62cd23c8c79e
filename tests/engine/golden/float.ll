target triple = "x86_64-pc-linux-gnu"
define preserve_nonecc void @page(ptr noalias %hart, ptr noalias %ip, i64 %running, ptr noalias %frame, ptr noalias %origin, i64 %block, i64 %to_pc) strictfp #0 {
entry:
%count = alloca i64
%next = alloca i64
%hart_f10 = getelementptr i8, ptr %hart, i64 336
%f10 = alloca i64
%hart_f11 = getelementptr i8, ptr %hart, i64 344
%f11 = alloca i64
%hart_x1 = getelementptr i8, ptr %hart, i64 8
%x1 = alloca i64
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
%since = getelementptr i8, ptr %frame, i64 104
%p0 = getelementptr i8, ptr %frame, i64 24
%p1 = load ptr, ptr %p0, !tbaa !2
store i64 %running, ptr %count, !tbaa !2
%base = and i64 %to_pc, -4096
%v28 = sub i64 %to_pc, %base
%v29 = lshr i64 %v28, 1
store i64 %v29, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v30 = load i64, ptr %next, !tbaa !1
switch i64 %v30, label %out [
i64 0, label %e_0
]
e_0:
%v31 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v31, ptr %x1, !tbaa !1
%v32 = load i64, ptr %hart_f10, !tbaa !1
store i64 %v32, ptr %f10, !tbaa !1
%v33 = load i64, ptr %hart_f11, !tbaa !1
store i64 %v33, ptr %f11, !tbaa !1
br label %r_0
d_0:
%v34 = load i64, ptr %f10, !tbaa !1
store i64 %v34, ptr %hart_f10, !tbaa !1
br label %dispatch
out:
%v35 = load i64, ptr %next, !tbaa !1
%v36 = shl i64 %v35, 1
%v37 = add i64 %v36, %base
%v38 = sub i64 %v37, 2147483648
%t4 = icmp ult i64 %v38, 1048576
br i1 %t4, label %inside11, label %away, !prof !8
inside11:
%v39 = lshr i64 %v38, 12
%v40 = shl i64 %v39, 3
%p2 = getelementptr i8, ptr %frame, i64 16
%p3 = load ptr, ptr %p2, !tbaa !2
%p4 = getelementptr i8, ptr %p3, i64 %v40
%p5 = load ptr, ptr %p4, !tbaa !2
%v41 = and i64 %v37, 4095
%v42 = shl i64 %v41, 2
%p6 = getelementptr i8, ptr %p5, i64 %v42
%p7 = load ptr, ptr %p6, !tbaa !2
%v43 = ptrtoint ptr %p7 to i64
%t5 = icmp ne i64 %v43, 0
br i1 %t5, label %found12, label %away, !prof !8
found12:
%v44 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p7(ptr %hart, ptr poison, i64 %v44, ptr %frame, ptr %origin, i64 poison, i64 %v37)
ret void
never:
unreachable
r_0:
%v0 = load i64, ptr %count, !tbaa !2
%t0 = icmp slt i64 %v0, 0
br i1 %t0, label %on1, label %off2, !prof !8
on1:
br label %b_0
b_0:
%v2 = load i64, ptr %count, !tbaa !2
%v3 = add i64 %v2, 2097153
store i64 %v3, ptr %count, !tbaa !2
br label %c_0
f_0:
%v4 = load i64, ptr %count, !tbaa !2
%v5 = add i64 %v4, 2097152
store i64 %v5, ptr %count, !tbaa !2
br label %c_0
c_0:
%v6 = load i64, ptr %status, !tbaa !2
%v7 = and i64 %v6, 24576
%t1 = icmp ne i64 %v7, 0
br i1 %t1, label %on3, label %off4, !prof !8
on3:
%v12 = load i64, ptr %float_control, !tbaa !2
%v13 = lshr i64 %v12, 5
%t2 = icmp ule i64 %v13, 3
br i1 %t2, label %on5, label %off6, !prof !8
on5:
%v18 = load i64, ptr %f10, !tbaa !1
%v19 = load i64, ptr %f11, !tbaa !1
%double_0 = bitcast i64 %v18 to double
%double_1 = bitcast i64 %v19 to double
%double_2 = call double @llvm.experimental.constrained.fadd.f64(double %double_0, double %double_1, metadata !"round.dynamic", metadata !"fpexcept.strict")
%v20 = bitcast double %double_2 to i64
%t3 = call i1 @llvm.experimental.constrained.fcmp.f64(double %double_2, double %double_2, metadata !"ord", metadata !"fpexcept.strict")
br label %at7
at7:
br i1 %t3, label %on10, label %nan8, !prof !8
nan8:
br label %from9
from9:
br label %on10
on10:
%v21 = phi i64 [ %v20, %at7 ], [ 9221120237041090560, %from9 ]
store i64 %v21, ptr %f10, !tbaa !1
%v22 = load i64, ptr %x1, !tbaa !1
%v23 = add i64 %v22, 0
%v24 = and i64 %v23, -2
%v25 = add i64 %base, 6
%v26 = sub i64 %v24, %base
%v27 = lshr i64 %v26, 1
store i64 %v27, ptr %next, !tbaa !1
br label %d_0
off2:
%v1 = add i64 %base, 0
store i64 %v1, ptr %pc, !tbaa !2
store i64 %v1, ptr %block_pc, !tbaa !2
br label %l_0
off4:
%v8 = load i64, ptr %count, !tbaa !2
%v9 = add i64 %v8, -1048576
store i64 %v9, ptr %count, !tbaa !2
store i64 45446483, ptr %detail, !tbaa !2
store i64 3, ptr %exit, !tbaa !2
%v10 = add i64 %base, 0
store i64 %v10, ptr %pc, !tbaa !2
%v11 = add i64 %base, 0
store i64 %v11, ptr %block_pc, !tbaa !2
br label %l_0
off6:
%v14 = load i64, ptr %count, !tbaa !2
%v15 = add i64 %v14, -1048576
store i64 %v15, ptr %count, !tbaa !2
store i64 45446483, ptr %detail, !tbaa !2
store i64 11, ptr %exit, !tbaa !2
%v16 = add i64 %base, 0
store i64 %v16, ptr %pc, !tbaa !2
%v17 = add i64 %base, 0
store i64 %v17, ptr %block_pc, !tbaa !2
br label %l_0
l_0:
br label %leave
away:
%v45 = load i64, ptr %next, !tbaa !1
%v46 = shl i64 %v45, 1
%v47 = add i64 %v46, %base
%p8 = getelementptr i8, ptr %frame, i64 208
%p9 = load ptr, ptr %p8, !tbaa !2
%v48 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p9(ptr %hart, ptr poison, i64 %v48, ptr %frame, ptr %origin, i64 poison, i64 %v47)
ret void
leave:
%v49 = load i64, ptr %count, !tbaa !2
%v50 = load i64, ptr %since, !tbaa !2
%v51 = sub i64 %v49, %v50
%v52 = ashr i64 %v51, 20
%v53 = and i64 %v51, 1048575
%v54 = load i64, ptr %instructions, !tbaa !2
%v55 = add i64 %v54, %v52
store i64 %v55, ptr %instructions, !tbaa !2
%v56 = load i64, ptr %blocks, !tbaa !2
%v57 = add i64 %v56, %v53
store i64 %v57, ptr %blocks, !tbaa !2
store i64 %v49, ptr %since, !tbaa !2
ret void
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
