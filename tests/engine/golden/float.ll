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
%context = getelementptr i8, ptr %hart, i64 1184
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
%v23 = sub i64 %to_pc, %base
%v24 = lshr i64 %v23, 1
store i64 %v24, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v25 = load i64, ptr %next, !tbaa !1
switch i64 %v25, label %out [
i64 0, label %e_0
]
e_0:
%v26 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v26, ptr %x1, !tbaa !1
%v27 = load i64, ptr %hart_f10, !tbaa !1
store i64 %v27, ptr %f10, !tbaa !1
%v28 = load i64, ptr %hart_f11, !tbaa !1
store i64 %v28, ptr %f11, !tbaa !1
br label %r_0
d_0:
br label %d_out11
d_out11:
%v29 = load i64, ptr %f10, !tbaa !1
store i64 %v29, ptr %hart_f10, !tbaa !1
br label %dispatch
out:
%v30 = load i64, ptr %next, !tbaa !1
%v31 = shl i64 %v30, 1
%v32 = add i64 %v31, %base
%v33 = sub i64 %v32, 2147483648
%t4 = icmp ult i64 %v33, 1048576
br i1 %t4, label %inside12, label %away, !prof !8
inside12:
%v34 = lshr i64 %v33, 12
%v35 = shl i64 %v34, 3
%p2 = getelementptr i8, ptr %frame, i64 16
%p3 = load ptr, ptr %p2, !tbaa !2
%p4 = getelementptr i8, ptr %p3, i64 %v35
%p5 = load ptr, ptr %p4, !tbaa !2
%v36 = and i64 %v32, 4095
%v37 = shl i64 %v36, 2
%p6 = getelementptr i8, ptr %p5, i64 %v37
%p7 = load ptr, ptr %p6, !tbaa !2
%v38 = ptrtoint ptr %p7 to i64
%t5 = icmp ne i64 %v38, 0
br i1 %t5, label %found13, label %away, !prof !8
found13:
%v39 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p7(ptr %hart, ptr poison, i64 %v39, ptr %frame, ptr %origin, i64 poison, i64 %v32)
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
%v1 = load i64, ptr %count, !tbaa !2
%v2 = add i64 %v1, 2097153
store i64 %v2, ptr %count, !tbaa !2
br label %c_0
f_0:
%v3 = load i64, ptr %count, !tbaa !2
%v4 = add i64 %v3, 2097152
store i64 %v4, ptr %count, !tbaa !2
br label %c_0
c_0:
%v5 = load i64, ptr %status, !tbaa !2
%v6 = and i64 %v5, 24576
%t1 = icmp ne i64 %v6, 0
br i1 %t1, label %on3, label %off4, !prof !8
on3:
%v9 = load i64, ptr %float_control, !tbaa !2
%v10 = lshr i64 %v9, 5
%t2 = icmp ule i64 %v10, 3
br i1 %t2, label %on5, label %off6, !prof !8
on5:
%v13 = load i64, ptr %f10, !tbaa !1
%v14 = load i64, ptr %f11, !tbaa !1
%double_0 = bitcast i64 %v13 to double
%double_1 = bitcast i64 %v14 to double
%double_2 = call double @llvm.experimental.constrained.fadd.f64(double %double_0, double %double_1, metadata !"round.dynamic", metadata !"fpexcept.strict")
%v15 = bitcast double %double_2 to i64
%t3 = call i1 @llvm.experimental.constrained.fcmp.f64(double %double_2, double %double_2, metadata !"ord", metadata !"fpexcept.strict")
br label %at7
at7:
br i1 %t3, label %on10, label %nan8, !prof !8
nan8:
br label %from9
from9:
br label %on10
on10:
%v16 = phi i64 [ %v15, %at7 ], [ 9221120237041090560, %from9 ]
store i64 %v16, ptr %f10, !tbaa !1
%v17 = load i64, ptr %x1, !tbaa !1
%v18 = add i64 %v17, 0
%v19 = and i64 %v18, -2
%v20 = add i64 %base, 6
%v21 = sub i64 %v19, %base
%v22 = lshr i64 %v21, 1
store i64 %v22, ptr %next, !tbaa !1
br label %d_0
off2:
store i64 0, ptr %next, !tbaa !1
br label %l_0
off4:
%v7 = load i64, ptr %count, !tbaa !2
%v8 = add i64 %v7, -2097152
store i64 %v8, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
off6:
%v11 = load i64, ptr %count, !tbaa !2
%v12 = add i64 %v11, -2097152
store i64 %v12, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
l_0:
br label %to_look
t_0:
%v40 = add i64 %base, 0
store i64 %v40, ptr %block_pc, !tbaa !2
br label %take
take:
%v41 = load i64, ptr %next, !tbaa !1
%v42 = shl i64 %v41, 1
%v43 = add i64 %v42, %base
%p8 = getelementptr i8, ptr %frame, i64 336
%p9 = load ptr, ptr %p8, !tbaa !2
%v44 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p9(ptr %hart, ptr poison, i64 %v44, ptr %frame, ptr %origin, i64 poison, i64 %v43)
ret void
away:
%v45 = load i64, ptr %next, !tbaa !1
%v46 = shl i64 %v45, 1
%v47 = add i64 %v46, %base
%p10 = getelementptr i8, ptr %frame, i64 208
%p11 = load ptr, ptr %p10, !tbaa !2
%v48 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p11(ptr %hart, ptr poison, i64 %v48, ptr %frame, ptr %origin, i64 poison, i64 %v47)
ret void
to_look:
%v49 = load i64, ptr %next, !tbaa !1
%v50 = shl i64 %v49, 1
%v51 = add i64 %v50, %base
store i64 %v51, ptr %pc, !tbaa !2
store i64 %v51, ptr %block_pc, !tbaa !2
br label %leave
leave:
%v52 = load i64, ptr %count, !tbaa !2
%v53 = load i64, ptr %since, !tbaa !2
%v54 = sub i64 %v52, %v53
%v55 = ashr i64 %v54, 20
%v56 = and i64 %v54, 1048575
%v57 = load i64, ptr %instructions, !tbaa !2
%v58 = add i64 %v57, %v55
store i64 %v58, ptr %instructions, !tbaa !2
%v59 = load i64, ptr %blocks, !tbaa !2
%v60 = add i64 %v59, %v56
store i64 %v60, ptr %blocks, !tbaa !2
store i64 %v52, ptr %since, !tbaa !2
ret void
}
@slot = external hidden global i8, !absolute_symbol !6
@slot_table = external hidden global i8, !absolute_symbol !6
!6 = !{i64 0, i64 2147483647}
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
