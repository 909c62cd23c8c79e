target triple = "x86_64-pc-linux-gnu"
define preserve_nonecc void @page(ptr noalias %hart, ptr noalias %ip, i64 %running, ptr noalias %frame, ptr noalias %origin, i64 %block, i64 %to_pc) #0 {
entry:
%count = alloca i64
%next = alloca i64
%hart_x1 = getelementptr i8, ptr %hart, i64 8
%x1 = alloca i64
%hart_x10 = getelementptr i8, ptr %hart, i64 80
%x10 = alloca i64
%hart_x11 = getelementptr i8, ptr %hart, i64 88
%x11 = alloca i64
%hart_x12 = getelementptr i8, ptr %hart, i64 96
%x12 = alloca i64
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
%p3 = getelementptr i8, ptr %frame, i64 24
%p4 = load ptr, ptr %p3, !tbaa !2
store i64 %running, ptr %count, !tbaa !2
%base = and i64 %to_pc, -4096
%v24 = sub i64 %to_pc, %base
%v25 = lshr i64 %v24, 1
store i64 %v25, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v26 = load i64, ptr %next, !tbaa !1
switch i64 %v26, label %out [
i64 0, label %e_0
]
e_0:
%v27 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v27, ptr %x1, !tbaa !1
%v28 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v28, ptr %x11, !tbaa !1
br label %r_0
d_0:
%v29 = load i64, ptr %x10, !tbaa !1
store i64 %v29, ptr %hart_x10, !tbaa !1
%v30 = load i64, ptr %x12, !tbaa !1
store i64 %v30, ptr %hart_x12, !tbaa !1
br label %dispatch
out:
%v31 = load i64, ptr %next, !tbaa !1
%v32 = shl i64 %v31, 1
%v33 = add i64 %v32, %base
%v34 = sub i64 %v33, 2147483648
%t2 = icmp ult i64 %v34, 1048576
br i1 %t2, label %inside5, label %away, !prof !8
inside5:
%v35 = lshr i64 %v34, 12
%v36 = shl i64 %v35, 3
%p5 = getelementptr i8, ptr %frame, i64 16
%p6 = load ptr, ptr %p5, !tbaa !2
%p7 = getelementptr i8, ptr %p6, i64 %v36
%p8 = load ptr, ptr %p7, !tbaa !2
%v37 = and i64 %v33, 4095
%v38 = shl i64 %v37, 2
%p9 = getelementptr i8, ptr %p8, i64 %v38
%p10 = load ptr, ptr %p9, !tbaa !2
%v39 = ptrtoint ptr %p10 to i64
%t3 = icmp ne i64 %v39, 0
br i1 %t3, label %found6, label %away, !prof !8
found6:
%v40 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p10(ptr %hart, ptr poison, i64 %v40, ptr %frame, ptr %origin, i64 poison, i64 %v33)
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
%v3 = add i64 %v2, 4194305
store i64 %v3, ptr %count, !tbaa !2
br label %c_0
f_0:
%v4 = load i64, ptr %count, !tbaa !2
%v5 = add i64 %v4, 4194304
store i64 %v5, ptr %count, !tbaa !2
br label %c_0
c_0:
%v6 = load i64, ptr %x11, !tbaa !1
%v7 = add i64 %v6, 0
%v8 = add i64 %v6, -2147483648
%t1 = icmp ult i64 %v8, 1048553
br i1 %t1, label %on3, label %off4, !prof !8
on3:
%p0 = getelementptr i8, ptr %origin, i64 %v7
%v13 = load volatile i64, ptr %p0, align 1, !tbaa !3
store i64 %v13, ptr %x10, !tbaa !1
%v14 = add i64 %v6, 8
%p1 = getelementptr i8, ptr %origin, i64 %v14
%i32_0 = load volatile i32, ptr %p1, align 1, !tbaa !3
%v15 = zext i32 %i32_0 to i64
%i32_1 = trunc i64 %v15 to i32
%v16 = sext i32 %i32_1 to i64
store i64 %v16, ptr %x12, !tbaa !1
%v17 = add i64 %v6, 16
%p2 = getelementptr i8, ptr %origin, i64 %v17
store volatile i64 %v13, ptr %p2, align 1, !tbaa !3
%v18 = load i64, ptr %x1, !tbaa !1
%v19 = add i64 %v18, 0
%v20 = and i64 %v19, -2
%v21 = add i64 %base, 14
%v22 = sub i64 %v20, %base
%v23 = lshr i64 %v22, 1
store i64 %v23, ptr %next, !tbaa !1
br label %d_0
off2:
%v1 = add i64 %base, 0
store i64 %v1, ptr %pc, !tbaa !2
store i64 %v1, ptr %block_pc, !tbaa !2
br label %l_0
off4:
%v9 = load i64, ptr %count, !tbaa !2
%v10 = add i64 %v9, -4194304
store i64 %v10, ptr %count, !tbaa !2
store i64 %v7, ptr %detail, !tbaa !2
store i64 4, ptr %exit, !tbaa !2
%v11 = add i64 %base, 0
store i64 %v11, ptr %pc, !tbaa !2
%v12 = add i64 %base, 0
store i64 %v12, ptr %block_pc, !tbaa !2
br label %l_0
l_0:
br label %leave
away:
%v41 = load i64, ptr %next, !tbaa !1
%v42 = shl i64 %v41, 1
%v43 = add i64 %v42, %base
%p11 = getelementptr i8, ptr %frame, i64 208
%p12 = load ptr, ptr %p11, !tbaa !2
%v44 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p12(ptr %hart, ptr poison, i64 %v44, ptr %frame, ptr %origin, i64 poison, i64 %v43)
ret void
leave:
%v45 = load i64, ptr %count, !tbaa !2
%v46 = load i64, ptr %since, !tbaa !2
%v47 = sub i64 %v45, %v46
%v48 = ashr i64 %v47, 20
%v49 = and i64 %v47, 1048575
%v50 = load i64, ptr %instructions, !tbaa !2
%v51 = add i64 %v50, %v48
store i64 %v51, ptr %instructions, !tbaa !2
%v52 = load i64, ptr %blocks, !tbaa !2
%v53 = add i64 %v52, %v49
store i64 %v53, ptr %blocks, !tbaa !2
store i64 %v45, ptr %since, !tbaa !2
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
