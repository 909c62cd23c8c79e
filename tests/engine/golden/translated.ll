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
%p7 = getelementptr i8, ptr %frame, i64 640
%rows = load ptr, ptr %p7, !tbaa !2
%here = ptrtoint ptr %origin to i64
%p8 = getelementptr i8, ptr %frame, i64 24
%p9 = load ptr, ptr %p8, !tbaa !2
store i64 %running, ptr %count, !tbaa !2
%base = and i64 %to_pc, -4096
%v27 = sub i64 %to_pc, %base
%v28 = lshr i64 %v27, 1
store i64 %v28, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v29 = load i64, ptr %next, !tbaa !1
switch i64 %v29, label %out [
i64 0, label %e_0
]
e_0:
%v30 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v30, ptr %x1, !tbaa !1
%v31 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v31, ptr %x11, !tbaa !1
br label %r_0
d_0:
br label %d_out6
d_out6:
%v32 = load i64, ptr %x10, !tbaa !1
store i64 %v32, ptr %hart_x10, !tbaa !1
%v33 = load i64, ptr %x12, !tbaa !1
store i64 %v33, ptr %hart_x12, !tbaa !1
br label %dispatch
out:
%v34 = load i64, ptr %next, !tbaa !1
%v35 = shl i64 %v34, 1
%v36 = add i64 %v35, %base
%p10 = getelementptr i8, ptr %frame, i64 632
%p11 = load ptr, ptr %p10, !tbaa !2
%v37 = lshr i64 %v36, 7
%v38 = and i64 %v37, 65504
%p12 = getelementptr i8, ptr %p11, i64 %v38
%p13 = getelementptr i8, ptr %p12, i64 0
%v39 = load i64, ptr %p13
%v40 = or i64 %v36, 4095
%t2 = icmp eq i64 %v39, %v40
br i1 %t2, label %inside7, label %away, !prof !8
inside7:
%p14 = getelementptr i8, ptr %p12, i64 16
%v41 = load i64, ptr %p14
%p15 = getelementptr i8, ptr %frame, i64 16
%p16 = load ptr, ptr %p15, !tbaa !2
%p17 = getelementptr i8, ptr %p16, i64 %v41
%p18 = load ptr, ptr %p17, !tbaa !2
%v42 = and i64 %v36, 4095
%v43 = shl i64 %v42, 2
%p19 = getelementptr i8, ptr %p18, i64 16384
%p20 = getelementptr i8, ptr %p19, i64 %v43
%p21 = load ptr, ptr %p20, !tbaa !2
%v44 = ptrtoint ptr %p21 to i64
%t3 = icmp ne i64 %v44, 0
br i1 %t3, label %found8, label %away, !prof !8
found8:
%v45 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p21(ptr %hart, ptr poison, i64 %v45, ptr %frame, ptr %origin, i64 poison, i64 %v36)
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
%v7 = add i64 %v5, 0
%v8 = lshr i64 %v7, 7
%v9 = and i64 %v8, 131040
%p0 = getelementptr i8, ptr %rows, i64 %v9
%p1 = getelementptr i8, ptr %p0, i64 8
%v10 = load i64, ptr %p1, !tbaa !5
%v11 = add i64 %v5, 23
%v12 = or i64 %v11, 4095
%t1 = icmp eq i64 %v10, %v12
br i1 %t1, label %found5, label %off4, !prof !8
found5:
%p2 = getelementptr i8, ptr %p0, i64 16
%v13 = load i64, ptr %p2, !tbaa !5
%p3 = getelementptr i8, ptr %origin, i64 %v13
br label %on3
on3:
%p4 = getelementptr i8, ptr %p3, i64 %v6
%v16 = load volatile i64, ptr %p4, align 1, !tbaa !3
store i64 %v16, ptr %x10, !tbaa !1
%v17 = add i64 %v5, 8
%p5 = getelementptr i8, ptr %p3, i64 %v17
%i32_0 = load volatile i32, ptr %p5, align 1, !tbaa !3
%v18 = zext i32 %i32_0 to i64
%i32_1 = trunc i64 %v18 to i32
%v19 = sext i32 %i32_1 to i64
store i64 %v19, ptr %x12, !tbaa !1
%v20 = add i64 %v5, 16
%p6 = getelementptr i8, ptr %p3, i64 %v20
store volatile i64 %v16, ptr %p6, align 1, !tbaa !3
%v21 = load i64, ptr %x1, !tbaa !1
%v22 = add i64 %v21, 0
%v23 = and i64 %v22, -2
%v24 = add i64 %base, 14
%v25 = sub i64 %v23, %base
%v26 = lshr i64 %v25, 1
store i64 %v26, ptr %next, !tbaa !1
br label %d_0
off2:
store i64 0, ptr %next, !tbaa !1
br label %l_0
off4:
%v14 = load i64, ptr %count, !tbaa !2
%v15 = add i64 %v14, -4194304
store i64 %v15, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
l_0:
br label %to_look
t_0:
%v46 = add i64 %base, 0
store i64 %v46, ptr %block_pc, !tbaa !2
br label %take
take:
%v47 = load i64, ptr %next, !tbaa !1
%v48 = shl i64 %v47, 1
%v49 = add i64 %v48, %base
%p22 = getelementptr i8, ptr %frame, i64 336
%p23 = load ptr, ptr %p22, !tbaa !2
%v50 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p23(ptr %hart, ptr poison, i64 %v50, ptr %frame, ptr %origin, i64 poison, i64 %v49)
ret void
away:
%v51 = load i64, ptr %next, !tbaa !1
%v52 = shl i64 %v51, 1
%v53 = add i64 %v52, %base
%p24 = getelementptr i8, ptr %frame, i64 208
%p25 = load ptr, ptr %p24, !tbaa !2
%v54 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p25(ptr %hart, ptr poison, i64 %v54, ptr %frame, ptr %origin, i64 poison, i64 %v53)
ret void
to_look:
%v55 = load i64, ptr %next, !tbaa !1
%v56 = shl i64 %v55, 1
%v57 = add i64 %v56, %base
store i64 %v57, ptr %pc, !tbaa !2
store i64 %v57, ptr %block_pc, !tbaa !2
br label %leave
leave:
%v58 = load i64, ptr %count, !tbaa !2
%v59 = load i64, ptr %since, !tbaa !2
%v60 = sub i64 %v58, %v59
%v61 = ashr i64 %v60, 20
%v62 = and i64 %v60, 1048575
%v63 = load i64, ptr %instructions, !tbaa !2
%v64 = add i64 %v63, %v61
store i64 %v64, ptr %instructions, !tbaa !2
%v65 = load i64, ptr %blocks, !tbaa !2
%v66 = add i64 %v65, %v62
store i64 %v66, ptr %blocks, !tbaa !2
store i64 %v58, ptr %since, !tbaa !2
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
!5 = !{!15, !15, i64 0}
!15 = !{!"row", !10, i64 0}
