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
%context = getelementptr i8, ptr %hart, i64 1184
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
%v21 = sub i64 %to_pc, %base
%v22 = lshr i64 %v21, 1
store i64 %v22, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v23 = load i64, ptr %next, !tbaa !1
switch i64 %v23, label %out [
i64 0, label %e_0
]
e_0:
%v24 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v24, ptr %x1, !tbaa !1
%v25 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v25, ptr %x11, !tbaa !1
br label %r_0
d_0:
br label %d_out5
d_out5:
%v26 = load i64, ptr %x10, !tbaa !1
store i64 %v26, ptr %hart_x10, !tbaa !1
%v27 = load i64, ptr %x12, !tbaa !1
store i64 %v27, ptr %hart_x12, !tbaa !1
br label %dispatch
out:
%v28 = load i64, ptr %next, !tbaa !1
%v29 = shl i64 %v28, 1
%v30 = add i64 %v29, %base
%v31 = sub i64 %v30, 2147483648
%t2 = icmp ult i64 %v31, 1048576
br i1 %t2, label %inside6, label %away, !prof !8
inside6:
%v32 = lshr i64 %v31, 12
%v33 = shl i64 %v32, 3
%p5 = getelementptr i8, ptr %frame, i64 16
%p6 = load ptr, ptr %p5, !tbaa !2
%p7 = getelementptr i8, ptr %p6, i64 %v33
%p8 = load ptr, ptr %p7, !tbaa !2
%v34 = and i64 %v30, 4095
%v35 = shl i64 %v34, 2
%p9 = getelementptr i8, ptr %p8, i64 %v35
%p10 = load ptr, ptr %p9, !tbaa !2
%v36 = ptrtoint ptr %p10 to i64
%t3 = icmp ne i64 %v36, 0
br i1 %t3, label %found7, label %away, !prof !8
found7:
%v37 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p10(ptr %hart, ptr poison, i64 %v37, ptr %frame, ptr %origin, i64 poison, i64 %v30)
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
%v2 = add i64 %v1, 4194305
store i64 %v2, ptr %count, !tbaa !2
br label %c_0
f_0:
%v3 = load i64, ptr %count, !tbaa !2
%v4 = add i64 %v3, 4194304
store i64 %v4, ptr %count, !tbaa !2
br label %c_0
c_0:
%v5 = load i64, ptr %x11, !tbaa !1
%v6 = add i64 %v5, 0
%v7 = add i64 %v5, -2147483648
%t1 = icmp ult i64 %v7, 1048553
br i1 %t1, label %on3, label %off4, !prof !8
on3:
%p0 = getelementptr i8, ptr %origin, i64 %v6
%v10 = load volatile i64, ptr %p0, align 1, !tbaa !3
store i64 %v10, ptr %x10, !tbaa !1
%v11 = add i64 %v5, 8
%p1 = getelementptr i8, ptr %origin, i64 %v11
%i32_0 = load volatile i32, ptr %p1, align 1, !tbaa !3
%v12 = zext i32 %i32_0 to i64
%i32_1 = trunc i64 %v12 to i32
%v13 = sext i32 %i32_1 to i64
store i64 %v13, ptr %x12, !tbaa !1
%v14 = add i64 %v5, 16
%p2 = getelementptr i8, ptr %origin, i64 %v14
store volatile i64 %v10, ptr %p2, align 1, !tbaa !3
%v15 = load i64, ptr %x1, !tbaa !1
%v16 = add i64 %v15, 0
%v17 = and i64 %v16, -2
%v18 = add i64 %base, 14
%v19 = sub i64 %v17, %base
%v20 = lshr i64 %v19, 1
store i64 %v20, ptr %next, !tbaa !1
br label %d_0
off2:
store i64 0, ptr %next, !tbaa !1
br label %l_0
off4:
%v8 = load i64, ptr %count, !tbaa !2
%v9 = add i64 %v8, -4194304
store i64 %v9, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
l_0:
br label %to_look
t_0:
%v38 = add i64 %base, 0
store i64 %v38, ptr %block_pc, !tbaa !2
br label %take
take:
%v39 = load i64, ptr %next, !tbaa !1
%v40 = shl i64 %v39, 1
%v41 = add i64 %v40, %base
%p11 = getelementptr i8, ptr %frame, i64 336
%p12 = load ptr, ptr %p11, !tbaa !2
%v42 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p12(ptr %hart, ptr poison, i64 %v42, ptr %frame, ptr %origin, i64 poison, i64 %v41)
ret void
away:
%v43 = load i64, ptr %next, !tbaa !1
%v44 = shl i64 %v43, 1
%v45 = add i64 %v44, %base
%p13 = getelementptr i8, ptr %frame, i64 208
%p14 = load ptr, ptr %p13, !tbaa !2
%v46 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p14(ptr %hart, ptr poison, i64 %v46, ptr %frame, ptr %origin, i64 poison, i64 %v45)
ret void
to_look:
%v47 = load i64, ptr %next, !tbaa !1
%v48 = shl i64 %v47, 1
%v49 = add i64 %v48, %base
store i64 %v49, ptr %pc, !tbaa !2
store i64 %v49, ptr %block_pc, !tbaa !2
br label %leave
leave:
%v50 = load i64, ptr %count, !tbaa !2
%v51 = load i64, ptr %since, !tbaa !2
%v52 = sub i64 %v50, %v51
%v53 = ashr i64 %v52, 20
%v54 = and i64 %v52, 1048575
%v55 = load i64, ptr %instructions, !tbaa !2
%v56 = add i64 %v55, %v53
store i64 %v56, ptr %instructions, !tbaa !2
%v57 = load i64, ptr %blocks, !tbaa !2
%v58 = add i64 %v57, %v54
store i64 %v58, ptr %blocks, !tbaa !2
store i64 %v50, ptr %since, !tbaa !2
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
