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
%p1 = getelementptr i8, ptr %frame, i64 24
%p2 = load ptr, ptr %p1, !tbaa !2
%p3 = getelementptr i8, ptr %p2, i64 0
%function0 = load ptr, ptr %p3, !tbaa !2
%p4 = getelementptr i8, ptr %p2, i64 8
%data0 = load i64, ptr %p4, !tbaa !2
%p5 = getelementptr i8, ptr %p2, i64 8
%table0 = load ptr, ptr %p5, !tbaa !2
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
%v31 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v31, ptr %x10, !tbaa !1
%v32 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v32, ptr %x11, !tbaa !1
br label %r_0
d_0:
br label %d_out7
d_out7:
%v33 = load i64, ptr %x1, !tbaa !1
store i64 %v33, ptr %hart_x1, !tbaa !1
%v34 = load i64, ptr %x10, !tbaa !1
store i64 %v34, ptr %hart_x10, !tbaa !1
%v35 = load i64, ptr %x11, !tbaa !1
store i64 %v35, ptr %hart_x11, !tbaa !1
br label %dispatch
out:
%v36 = load i64, ptr %next, !tbaa !1
%v37 = shl i64 %v36, 1
%v38 = add i64 %v37, %base
%v39 = sub i64 %v38, 2147483648
%t6 = icmp ult i64 %v39, 1048576
br i1 %t6, label %inside8, label %away, !prof !8
inside8:
%v40 = lshr i64 %v39, 12
%v41 = shl i64 %v40, 3
%p6 = getelementptr i8, ptr %frame, i64 16
%p7 = load ptr, ptr %p6, !tbaa !2
%p8 = getelementptr i8, ptr %p7, i64 %v41
%p9 = load ptr, ptr %p8, !tbaa !2
%v42 = and i64 %v38, 4095
%v43 = shl i64 %v42, 2
%p10 = getelementptr i8, ptr %p9, i64 %v43
%p11 = load ptr, ptr %p10, !tbaa !2
%v44 = ptrtoint ptr %p11 to i64
%t7 = icmp ne i64 %v44, 0
br i1 %t7, label %found9, label %away, !prof !8
found9:
%v45 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p11(ptr %hart, ptr poison, i64 %v45, ptr %frame, ptr %origin, i64 poison, i64 %v38)
ret void
never:
unreachable
r_0:
%v0 = load i64, ptr %count, !tbaa !2
%t0 = icmp slt i64 %v0, 0
%v1 = load atomic volatile i64, ptr %request monotonic, align 8
%t1 = icmp eq i64 %v1, 0
%t2 = and i1 %t0, %t1
br i1 %t2, label %on1, label %off2, !prof !8
on1:
br label %b_0
b_0:
%v2 = load i64, ptr %count, !tbaa !2
%v3 = add i64 %v2, 2097153
store i64 %v3, ptr %count, !tbaa !2
%v4 = add i64 %base, 0
%v76 = load i64, ptr %count, !tbaa !2
%v77 = load i64, ptr %since, !tbaa !2
%v78 = sub i64 %v76, %v77
%v79 = ashr i64 %v78, 20
%v80 = and i64 %v78, 1048575
%v81 = load i64, ptr %instructions, !tbaa !2
%v82 = add i64 %v81, %v79
store i64 %v82, ptr %instructions, !tbaa !2
%v83 = load i64, ptr %blocks, !tbaa !2
%v84 = add i64 %v83, %v80
store i64 %v84, ptr %blocks, !tbaa !2
store i64 %v76, ptr %since, !tbaa !2
%v85 = load i64, ptr %x10, !tbaa !1
store i64 %v85, ptr %hart_x10, !tbaa !1
call void @call_out(ptr %float_control, ptr %frame, ptr %function0, i64 %data0, i64 %v4, i64 2, i64 ptrtoint (ptr @slot to i64), i64 0, i64 6)
%v86 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v86, ptr %x1, !tbaa !1
%v87 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v87, ptr %x10, !tbaa !1
%v88 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v88, ptr %x11, !tbaa !1
%v5 = load atomic volatile i64, ptr %request monotonic, align 8
%t3 = icmp eq i64 %v5, 0
%v6 = load i64, ptr %count, !tbaa !2
%v7 = select i1 %t3, i64 %v6, i64 0
store i64 %v7, ptr %count, !tbaa !2
store i64 %v7, ptr %since, !tbaa !2
%v8 = load atomic volatile i64, ptr %exit monotonic, align 8
%t4 = icmp eq i64 %v8, 0
br i1 %t4, label %on3, label %off4, !prof !8
on3:
br label %c_0
f_0:
%v13 = load i64, ptr %count, !tbaa !2
%v14 = add i64 %v13, 2097152
store i64 %v14, ptr %count, !tbaa !2
br label %c_0
c_0:
%v15 = load i64, ptr %x11, !tbaa !1
%v16 = add i64 %v15, 0
%v17 = add i64 %v15, -2147483648
%t5 = icmp ult i64 %v17, 1048569
br i1 %t5, label %on5, label %off6, !prof !8
on5:
%p0 = getelementptr i8, ptr %origin, i64 %v16
%v20 = load volatile i64, ptr %p0, align 1, !tbaa !3
store i64 %v20, ptr %x10, !tbaa !1
%v21 = load i64, ptr %x1, !tbaa !1
%v22 = add i64 %v21, 0
%v23 = and i64 %v22, -2
%v24 = add i64 %base, 6
%v25 = sub i64 %v23, %base
%v26 = lshr i64 %v25, 1
store i64 %v26, ptr %next, !tbaa !1
br label %d_0
off2:
store i64 0, ptr %next, !tbaa !1
br label %l_0
off4:
%v9 = load i64, ptr %count, !tbaa !2
%v10 = add i64 %v9, -2097152
store i64 %v10, ptr %count, !tbaa !2
store i64 8, ptr %exit, !tbaa !2
%v11 = add i64 %base, 0
store i64 %v11, ptr %pc, !tbaa !2
%v12 = add i64 %base, 0
store i64 %v12, ptr %block_pc, !tbaa !2
br label %h_0
off6:
%v18 = load i64, ptr %count, !tbaa !2
%v19 = add i64 %v18, -2097152
store i64 %v19, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
h_0:
br label %h_out10
h_out10:
%v46 = load i64, ptr %x1, !tbaa !1
store i64 %v46, ptr %hart_x1, !tbaa !1
%v47 = load i64, ptr %x10, !tbaa !1
store i64 %v47, ptr %hart_x10, !tbaa !1
%v48 = load i64, ptr %x11, !tbaa !1
store i64 %v48, ptr %hart_x11, !tbaa !1
br label %leave
l_0:
br label %l_out11
l_out11:
%v49 = load i64, ptr %x1, !tbaa !1
store i64 %v49, ptr %hart_x1, !tbaa !1
%v50 = load i64, ptr %x10, !tbaa !1
store i64 %v50, ptr %hart_x10, !tbaa !1
%v51 = load i64, ptr %x11, !tbaa !1
store i64 %v51, ptr %hart_x11, !tbaa !1
br label %to_look
t_0:
%v52 = add i64 %base, 0
store i64 %v52, ptr %block_pc, !tbaa !2
br label %t_out12
t_out12:
%v53 = load i64, ptr %x1, !tbaa !1
store i64 %v53, ptr %hart_x1, !tbaa !1
%v54 = load i64, ptr %x10, !tbaa !1
store i64 %v54, ptr %hart_x10, !tbaa !1
%v55 = load i64, ptr %x11, !tbaa !1
store i64 %v55, ptr %hart_x11, !tbaa !1
br label %take
take:
%v56 = load i64, ptr %next, !tbaa !1
%v57 = shl i64 %v56, 1
%v58 = add i64 %v57, %base
%p12 = getelementptr i8, ptr %frame, i64 336
%p13 = load ptr, ptr %p12, !tbaa !2
%v59 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p13(ptr %hart, ptr poison, i64 %v59, ptr %frame, ptr %origin, i64 poison, i64 %v58)
ret void
away:
%v60 = load i64, ptr %next, !tbaa !1
%v61 = shl i64 %v60, 1
%v62 = add i64 %v61, %base
%p14 = getelementptr i8, ptr %frame, i64 208
%p15 = load ptr, ptr %p14, !tbaa !2
%v63 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p15(ptr %hart, ptr poison, i64 %v63, ptr %frame, ptr %origin, i64 poison, i64 %v62)
ret void
to_look:
%v64 = load i64, ptr %next, !tbaa !1
%v65 = shl i64 %v64, 1
%v66 = add i64 %v65, %base
store i64 %v66, ptr %pc, !tbaa !2
store i64 %v66, ptr %block_pc, !tbaa !2
br label %leave
leave:
%v67 = load i64, ptr %count, !tbaa !2
%v68 = load i64, ptr %since, !tbaa !2
%v69 = sub i64 %v67, %v68
%v70 = ashr i64 %v69, 20
%v71 = and i64 %v69, 1048575
%v72 = load i64, ptr %instructions, !tbaa !2
%v73 = add i64 %v72, %v70
store i64 %v73, ptr %instructions, !tbaa !2
%v74 = load i64, ptr %blocks, !tbaa !2
%v75 = add i64 %v74, %v71
store i64 %v75, ptr %blocks, !tbaa !2
store i64 %v67, ptr %since, !tbaa !2
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
define internal void @call_out(ptr %float_control, ptr %frame, ptr %function, i64 %data, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e) noinline #0 {
%p0 = getelementptr i8, ptr %frame, i64 40
call void @llvm.x86.sse.stmxcsr(ptr %p0)
%i32_0 = load i32, ptr %p0
%v0 = zext i32 %i32_0 to i64
%v1 = load i64, ptr %float_control
%v2 = lshr i64 %v0, 5
%v3 = and i64 %v2, 1
%v4 = or i64 %v1, %v3
%v5 = lshr i64 %v0, 3
%v6 = and i64 %v5, 2
%v7 = or i64 %v4, %v6
%v8 = lshr i64 %v0, 1
%v9 = and i64 %v8, 4
%v10 = or i64 %v7, %v9
%v11 = shl i64 %v0, 1
%v12 = and i64 %v11, 8
%v13 = or i64 %v10, %v12
%v14 = shl i64 %v0, 4
%v15 = and i64 %v14, 16
%v16 = or i64 %v13, %v15
store i64 %v16, ptr %float_control
%p1 = getelementptr i8, ptr %frame, i64 40
store i32 8064, ptr %p1
call void @llvm.x86.sse.ldmxcsr(ptr %p1)
call void %function(i64 %data, i64 %a, i64 %b, i64 %c, i64 %d, i64 %e)
%v17 = load i64, ptr %float_control
%v18 = lshr i64 %v17, 5
%v19 = and i64 %v18, 7
%v20 = shl i64 %v19, 1
%v21 = lshr i64 156, %v20
%v22 = and i64 %v21, 3
%v23 = shl i64 %v22, 13
%v24 = or i64 %v23, 8064
%i32_1 = trunc i64 %v24 to i32
%p2 = getelementptr i8, ptr %frame, i64 40
store i32 %i32_1, ptr %p2
call void @llvm.x86.sse.ldmxcsr(ptr %p2)
ret void
}
