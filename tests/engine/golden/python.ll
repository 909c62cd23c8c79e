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
%v37 = sub i64 %to_pc, %base
%v38 = lshr i64 %v37, 1
store i64 %v38, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v39 = load i64, ptr %next, !tbaa !1
switch i64 %v39, label %out [
i64 0, label %e_0
]
e_0:
%v40 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v40, ptr %x1, !tbaa !1
%v41 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v41, ptr %x10, !tbaa !1
%v42 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v42, ptr %x11, !tbaa !1
br label %r_0
d_0:
%v43 = load i64, ptr %x1, !tbaa !1
store i64 %v43, ptr %hart_x1, !tbaa !1
%v44 = load i64, ptr %x10, !tbaa !1
store i64 %v44, ptr %hart_x10, !tbaa !1
%v45 = load i64, ptr %x11, !tbaa !1
store i64 %v45, ptr %hart_x11, !tbaa !1
br label %dispatch
out:
%v46 = load i64, ptr %next, !tbaa !1
%v47 = shl i64 %v46, 1
%v48 = add i64 %v47, %base
%v49 = sub i64 %v48, 2147483648
%t6 = icmp ult i64 %v49, 1048576
br i1 %t6, label %inside9, label %away, !prof !8
inside9:
%p6 = getelementptr i8, ptr %frame, i64 16
%p7 = load ptr, ptr %p6, !tbaa !2
%v50 = lshr i64 %v49, 12
%v51 = shl i64 %v50, 3
%p8 = getelementptr i8, ptr %p7, i64 %v51
%p9 = load ptr, ptr %p8, !tbaa !2
%v52 = and i64 %v48, 4095
%v53 = shl i64 %v52, 2
%p10 = getelementptr i8, ptr %p9, i64 %v53
%p11 = load ptr, ptr %p10, !tbaa !2
%v54 = ptrtoint ptr %p11 to i64
%t7 = icmp ne i64 %v54, 0
br i1 %t7, label %found10, label %away, !prof !8
found10:
%v55 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p11(ptr %hart, ptr poison, i64 %v55, ptr %frame, ptr %origin, i64 poison, i64 %v48)
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
%v13 = load i64, ptr %count, !tbaa !2
%v14 = add i64 %v13, 2097153
store i64 %v14, ptr %count, !tbaa !2
%v15 = add i64 %base, 0
%v73 = load i64, ptr %count, !tbaa !2
%v74 = load i64, ptr %since, !tbaa !2
%v75 = sub i64 %v73, %v74
%v76 = ashr i64 %v75, 20
%v77 = and i64 %v75, 1048575
%v78 = load i64, ptr %instructions, !tbaa !2
%v79 = add i64 %v78, %v76
store i64 %v79, ptr %instructions, !tbaa !2
%v80 = load i64, ptr %blocks, !tbaa !2
%v81 = add i64 %v80, %v77
store i64 %v81, ptr %blocks, !tbaa !2
store i64 %v73, ptr %since, !tbaa !2
%v82 = load i64, ptr %x10, !tbaa !1
store i64 %v82, ptr %hart_x10, !tbaa !1
call void @call_out(ptr %float_control, ptr %frame, ptr %function0, i64 %data0, i64 %v15, i64 2, i64 3, i64 0, i64 6)
%v83 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v83, ptr %x1, !tbaa !1
%v84 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v84, ptr %x10, !tbaa !1
%v85 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v85, ptr %x11, !tbaa !1
%v16 = load atomic volatile i64, ptr %exit monotonic, align 8
%t4 = icmp eq i64 %v16, 0
br i1 %t4, label %on5, label %off6, !prof !8
on5:
br label %c_0
f_0:
%v21 = load i64, ptr %count, !tbaa !2
%v22 = add i64 %v21, 2097152
store i64 %v22, ptr %count, !tbaa !2
br label %c_0
c_0:
%v23 = load i64, ptr %x11, !tbaa !1
%v24 = add i64 %v23, 0
%v25 = add i64 %v23, -2147483648
%t5 = icmp ult i64 %v25, 1048569
br i1 %t5, label %on7, label %off8, !prof !8
on7:
%p0 = getelementptr i8, ptr %origin, i64 %v24
%v30 = load volatile i64, ptr %p0, align 1, !tbaa !3
store i64 %v30, ptr %x10, !tbaa !1
%v31 = load i64, ptr %x1, !tbaa !1
%v32 = add i64 %v31, 0
%v33 = and i64 %v32, -2
%v34 = add i64 %base, 6
%v35 = sub i64 %v33, %base
%v36 = lshr i64 %v35, 1
store i64 %v36, ptr %next, !tbaa !1
br label %d_0
off2:
%v2 = add i64 %base, 0
%v3 = load i64, ptr %count, !tbaa !2
%v4 = load i64, ptr %since, !tbaa !2
%v5 = sub i64 %v3, %v4
%v6 = ashr i64 %v5, 20
%v7 = and i64 %v5, 1048575
%v8 = load i64, ptr %instructions, !tbaa !2
%v9 = add i64 %v8, %v6
store i64 %v9, ptr %instructions, !tbaa !2
%v10 = load i64, ptr %blocks, !tbaa !2
%v11 = add i64 %v10, %v7
store i64 %v11, ptr %blocks, !tbaa !2
store i64 -17179869184, ptr %count, !tbaa !2
store i64 %v2, ptr %block_pc, !tbaa !2
store i64 -17179869184, ptr %since, !tbaa !2
%v12 = call i64 @asked(ptr %hart, ptr %frame)
%t3 = icmp eq i64 %v12, 0
br i1 %t3, label %go3, label %stop4
stop4:
store i64 1, ptr %exit, !tbaa !2
store i64 %v2, ptr %pc, !tbaa !2
br label %l_0
go3:
br label %on1
off6:
%v17 = load i64, ptr %count, !tbaa !2
%v18 = add i64 %v17, -2097152
store i64 %v18, ptr %count, !tbaa !2
store i64 0, ptr %detail, !tbaa !2
store i64 8, ptr %exit, !tbaa !2
%v19 = add i64 %base, 0
store i64 %v19, ptr %pc, !tbaa !2
%v20 = add i64 %base, 0
store i64 %v20, ptr %block_pc, !tbaa !2
br label %l_0
off8:
%v26 = load i64, ptr %count, !tbaa !2
%v27 = add i64 %v26, -2097152
store i64 %v27, ptr %count, !tbaa !2
store i64 %v24, ptr %detail, !tbaa !2
store i64 4, ptr %exit, !tbaa !2
%v28 = add i64 %base, 0
store i64 %v28, ptr %pc, !tbaa !2
%v29 = add i64 %base, 0
store i64 %v29, ptr %block_pc, !tbaa !2
br label %l_0
l_0:
%v56 = load i64, ptr %x1, !tbaa !1
store i64 %v56, ptr %hart_x1, !tbaa !1
%v57 = load i64, ptr %x10, !tbaa !1
store i64 %v57, ptr %hart_x10, !tbaa !1
%v58 = load i64, ptr %x11, !tbaa !1
store i64 %v58, ptr %hart_x11, !tbaa !1
br label %leave
away:
%v59 = load i64, ptr %next, !tbaa !1
%v60 = shl i64 %v59, 1
%v61 = add i64 %v60, %base
%p12 = getelementptr i8, ptr %frame, i64 208
%p13 = load ptr, ptr %p12, !tbaa !2
%v62 = ptrtoint ptr %p13 to i64
%t8 = icmp ne i64 %v62, 0
br i1 %t8, label %interpreter11, label %none12
interpreter11:
%v63 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p13(ptr %hart, ptr poison, i64 %v63, ptr %frame, ptr %origin, i64 poison, i64 %v61)
ret void
none12:
store i64 %v61, ptr %pc, !tbaa !2
br label %leave
leave:
%v64 = load i64, ptr %count, !tbaa !2
%v65 = load i64, ptr %since, !tbaa !2
%v66 = sub i64 %v64, %v65
%v67 = ashr i64 %v66, 20
%v68 = and i64 %v66, 1048575
%v69 = load i64, ptr %instructions, !tbaa !2
%v70 = add i64 %v69, %v67
store i64 %v70, ptr %instructions, !tbaa !2
%v71 = load i64, ptr %blocks, !tbaa !2
%v72 = add i64 %v71, %v68
store i64 %v72, ptr %blocks, !tbaa !2
store i64 %v64, ptr %since, !tbaa !2
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
define internal i64 @asked(ptr noalias %hart, ptr noalias %frame) noinline #0 {
entry:
%request = getelementptr i8, ptr %hart, i64 1536
%v0 = load atomic volatile i64, ptr %request monotonic, align 8
%p0 = getelementptr i8, ptr %hart, i64 1544
%v1 = load atomic volatile i64, ptr %p0 monotonic, align 8
%v2 = or i64 %v0, %v1
%p1 = getelementptr i8, ptr %hart, i64 1920
%v3 = load atomic volatile i64, ptr %p1 monotonic, align 8
%t0 = icmp ne i64 %v3, -1
%p2 = getelementptr i8, ptr %frame, i64 320
%v4 = load i64, ptr %p2
%t1 = icmp ne i64 %v4, 0
%t2 = and i1 %t0, %t1
br i1 %t2, label %clock1, label %plain2
plain2:
ret i64 %v2
clock1:
%p3 = inttoptr i64 %v4 to ptr
%v5 = call i64 %p3(ptr %hart, ptr %frame)
%v6 = or i64 %v2, %v5
ret i64 %v6
}
