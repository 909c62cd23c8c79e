target triple = "x86_64-pc-linux-gnu"
define preserve_nonecc void @page(ptr noalias %hart, ptr noalias %ip, i64 %running, ptr noalias %frame, ptr noalias %origin, i64 %block, i64 %to_pc) #0 {
entry:
%count = alloca i64
%next = alloca i64
%hart_x1 = getelementptr i8, ptr %hart, i64 8
%x1 = alloca i64
%hart_x10 = getelementptr i8, ptr %hart, i64 80
%x10 = alloca i64
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
%p11 = getelementptr i8, ptr %frame, i64 24
%p12 = load ptr, ptr %p11, !tbaa !2
%p13 = getelementptr i8, ptr %p12, i64 0
%function0 = load ptr, ptr %p13, !tbaa !2
%p14 = getelementptr i8, ptr %p12, i64 8
%data0 = load i64, ptr %p14, !tbaa !2
%p15 = getelementptr i8, ptr %p12, i64 8
%table0 = load ptr, ptr %p15, !tbaa !2
store i64 %running, ptr %count, !tbaa !2
%base = and i64 %to_pc, -4096
%v70 = sub i64 %to_pc, %base
%v71 = lshr i64 %v70, 1
store i64 %v71, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v72 = load i64, ptr %next, !tbaa !1
switch i64 %v72, label %out [
i64 0, label %e_0
]
e_0:
%v73 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v73, ptr %x1, !tbaa !1
%v74 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v74, ptr %x10, !tbaa !1
br label %r_0
d_8:
%v75 = load i64, ptr %x10, !tbaa !1
store i64 %v75, ptr %hart_x10, !tbaa !1
br label %dispatch
out:
%v76 = load i64, ptr %next, !tbaa !1
%v77 = shl i64 %v76, 1
%v78 = add i64 %v77, %base
%v79 = sub i64 %v78, 2147483648
%t17 = icmp ult i64 %v79, 1048576
br i1 %t17, label %inside19, label %away, !prof !8
inside19:
%v80 = lshr i64 %v79, 12
%v81 = shl i64 %v80, 3
%p16 = getelementptr i8, ptr %frame, i64 16
%p17 = load ptr, ptr %p16, !tbaa !2
%p18 = getelementptr i8, ptr %p17, i64 %v81
%p19 = load ptr, ptr %p18, !tbaa !2
%v82 = and i64 %v78, 4095
%v83 = shl i64 %v82, 2
%p20 = getelementptr i8, ptr %p19, i64 %v83
%p21 = load ptr, ptr %p20, !tbaa !2
%v84 = ptrtoint ptr %p21 to i64
%t18 = icmp ne i64 %v84, 0
br i1 %t18, label %found20, label %away, !prof !8
found20:
%v85 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p21(ptr %hart, ptr poison, i64 %v85, ptr %frame, ptr %origin, i64 poison, i64 %v78)
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
br label %r_0_1
f_0:
%v2 = load i64, ptr %count, !tbaa !2
%v3 = add i64 %v2, -1
store i64 %v3, ptr %count, !tbaa !2
%p0 = getelementptr i8, ptr %table0, i64 49152
%v4 = load i64, ptr %p0, !tbaa !2
%v5 = add i64 %v4, -1
store i64 %v5, ptr %p0, !tbaa !2
br label %c_0
r_0_1:
br label %c_0
c_0:
%v6 = load i64, ptr %x10, !tbaa !1
%v7 = add i64 %v6, -1
store i64 %v7, ptr %x10, !tbaa !1
%t1 = icmp ne i64 %v7, 0
%v8 = zext i1 %t1 to i64
%t2 = icmp ne i64 %v8, 0
br i1 %t2, label %yes3, label %no4
yes3:
br label %r_0_2
no4:
%v9 = load i64, ptr %count, !tbaa !2
%v10 = add i64 %v9, 2097153
store i64 %v10, ptr %count, !tbaa !2
%p1 = getelementptr i8, ptr %table0, i64 49152
%v11 = load i64, ptr %p1, !tbaa !2
%v12 = add i64 %v11, 1
store i64 %v12, ptr %p1, !tbaa !2
br label %b_8
r_0_2:
%v13 = add i64 %v7, -1
store i64 %v13, ptr %x10, !tbaa !1
%t3 = icmp ne i64 %v13, 0
%v14 = zext i1 %t3 to i64
%t4 = icmp ne i64 %v14, 0
br i1 %t4, label %yes5, label %no6
yes5:
br label %r_0_3
no6:
%v15 = load i64, ptr %count, !tbaa !2
%v16 = add i64 %v15, 4194306
store i64 %v16, ptr %count, !tbaa !2
%p2 = getelementptr i8, ptr %table0, i64 49152
%v17 = load i64, ptr %p2, !tbaa !2
%v18 = add i64 %v17, 2
store i64 %v18, ptr %p2, !tbaa !2
br label %b_8
r_0_3:
%v19 = add i64 %v13, -1
store i64 %v19, ptr %x10, !tbaa !1
%t5 = icmp ne i64 %v19, 0
%v20 = zext i1 %t5 to i64
%t6 = icmp ne i64 %v20, 0
br i1 %t6, label %yes7, label %no8
yes7:
br label %r_0_4
no8:
%v21 = load i64, ptr %count, !tbaa !2
%v22 = add i64 %v21, 6291459
store i64 %v22, ptr %count, !tbaa !2
%p3 = getelementptr i8, ptr %table0, i64 49152
%v23 = load i64, ptr %p3, !tbaa !2
%v24 = add i64 %v23, 3
store i64 %v24, ptr %p3, !tbaa !2
br label %b_8
r_0_4:
%v25 = add i64 %v19, -1
store i64 %v25, ptr %x10, !tbaa !1
%t7 = icmp ne i64 %v25, 0
%v26 = zext i1 %t7 to i64
%t8 = icmp ne i64 %v26, 0
br i1 %t8, label %yes9, label %no10
yes9:
br label %r_0_5
no10:
%v27 = load i64, ptr %count, !tbaa !2
%v28 = add i64 %v27, 8388612
store i64 %v28, ptr %count, !tbaa !2
%p4 = getelementptr i8, ptr %table0, i64 49152
%v29 = load i64, ptr %p4, !tbaa !2
%v30 = add i64 %v29, 4
store i64 %v30, ptr %p4, !tbaa !2
br label %b_8
r_0_5:
%v31 = add i64 %v25, -1
store i64 %v31, ptr %x10, !tbaa !1
%t9 = icmp ne i64 %v31, 0
%v32 = zext i1 %t9 to i64
%t10 = icmp ne i64 %v32, 0
br i1 %t10, label %yes11, label %no12
yes11:
br label %r_0_6
no12:
%v33 = load i64, ptr %count, !tbaa !2
%v34 = add i64 %v33, 10485765
store i64 %v34, ptr %count, !tbaa !2
%p5 = getelementptr i8, ptr %table0, i64 49152
%v35 = load i64, ptr %p5, !tbaa !2
%v36 = add i64 %v35, 5
store i64 %v36, ptr %p5, !tbaa !2
br label %b_8
r_0_6:
%v37 = add i64 %v31, -1
store i64 %v37, ptr %x10, !tbaa !1
%t11 = icmp ne i64 %v37, 0
%v38 = zext i1 %t11 to i64
%t12 = icmp ne i64 %v38, 0
br i1 %t12, label %yes13, label %no14
yes13:
br label %r_0_7
no14:
%v39 = load i64, ptr %count, !tbaa !2
%v40 = add i64 %v39, 12582918
store i64 %v40, ptr %count, !tbaa !2
%p6 = getelementptr i8, ptr %table0, i64 49152
%v41 = load i64, ptr %p6, !tbaa !2
%v42 = add i64 %v41, 6
store i64 %v42, ptr %p6, !tbaa !2
br label %b_8
r_0_7:
%v43 = add i64 %v37, -1
store i64 %v43, ptr %x10, !tbaa !1
%t13 = icmp ne i64 %v43, 0
%v44 = zext i1 %t13 to i64
%t14 = icmp ne i64 %v44, 0
br i1 %t14, label %yes15, label %no16
yes15:
br label %r_0_8
no16:
%v45 = load i64, ptr %count, !tbaa !2
%v46 = add i64 %v45, 14680071
store i64 %v46, ptr %count, !tbaa !2
%p7 = getelementptr i8, ptr %table0, i64 49152
%v47 = load i64, ptr %p7, !tbaa !2
%v48 = add i64 %v47, 7
store i64 %v48, ptr %p7, !tbaa !2
br label %b_8
r_0_8:
%v49 = add i64 %v43, -1
store i64 %v49, ptr %x10, !tbaa !1
%t15 = icmp ne i64 %v49, 0
%v50 = zext i1 %t15 to i64
%t16 = icmp ne i64 %v50, 0
br i1 %t16, label %yes17, label %no18
yes17:
%v51 = load i64, ptr %count, !tbaa !2
%v52 = add i64 %v51, 16777224
store i64 %v52, ptr %count, !tbaa !2
%p8 = getelementptr i8, ptr %table0, i64 49152
%v53 = load i64, ptr %p8, !tbaa !2
%v54 = add i64 %v53, 8
store i64 %v54, ptr %p8, !tbaa !2
br label %r_0
no18:
%v55 = load i64, ptr %count, !tbaa !2
%v56 = add i64 %v55, 16777224
store i64 %v56, ptr %count, !tbaa !2
%p9 = getelementptr i8, ptr %table0, i64 49152
%v57 = load i64, ptr %p9, !tbaa !2
%v58 = add i64 %v57, 8
store i64 %v58, ptr %p9, !tbaa !2
br label %b_8
r_8:
br label %b_8
b_8:
%v59 = load i64, ptr %count, !tbaa !2
%v60 = add i64 %v59, 1048577
store i64 %v60, ptr %count, !tbaa !2
%v61 = add i64 %base, 8
%p10 = getelementptr i8, ptr %table0, i64 49184
%v62 = load i64, ptr %p10, !tbaa !2
%v63 = add i64 %v62, 1
store i64 %v63, ptr %p10, !tbaa !2
%v64 = load i64, ptr %x1, !tbaa !1
%v65 = add i64 %v64, 0
%v66 = and i64 %v65, -2
%v67 = add i64 %base, 10
%v68 = sub i64 %v66, %base
%v69 = lshr i64 %v68, 1
store i64 %v69, ptr %next, !tbaa !1
br label %d_8
off2:
%v1 = add i64 %base, 0
store i64 %v1, ptr %pc, !tbaa !2
store i64 %v1, ptr %block_pc, !tbaa !2
br label %l_0
l_0:
%v86 = load i64, ptr %x10, !tbaa !1
store i64 %v86, ptr %hart_x10, !tbaa !1
br label %leave
away:
%v87 = load i64, ptr %next, !tbaa !1
%v88 = shl i64 %v87, 1
%v89 = add i64 %v88, %base
%p22 = getelementptr i8, ptr %frame, i64 208
%p23 = load ptr, ptr %p22, !tbaa !2
%v90 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p23(ptr %hart, ptr poison, i64 %v90, ptr %frame, ptr %origin, i64 poison, i64 %v89)
ret void
leave:
%v91 = load i64, ptr %count, !tbaa !2
%v92 = load i64, ptr %since, !tbaa !2
%v93 = sub i64 %v91, %v92
%v94 = ashr i64 %v93, 20
%v95 = and i64 %v93, 1048575
%v96 = load i64, ptr %instructions, !tbaa !2
%v97 = add i64 %v96, %v94
store i64 %v97, ptr %instructions, !tbaa !2
%v98 = load i64, ptr %blocks, !tbaa !2
%v99 = add i64 %v98, %v95
store i64 %v99, ptr %blocks, !tbaa !2
store i64 %v91, ptr %since, !tbaa !2
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
