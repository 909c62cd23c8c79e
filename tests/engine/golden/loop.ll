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
%v92 = sub i64 %to_pc, %base
%v93 = lshr i64 %v92, 1
store i64 %v93, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v94 = load i64, ptr %next, !tbaa !1
switch i64 %v94, label %out [
i64 0, label %e_0
]
e_0:
%v95 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v95, ptr %x1, !tbaa !1
%v96 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v96, ptr %x10, !tbaa !1
br label %r_0
d_8:
%v97 = load i64, ptr %x10, !tbaa !1
store i64 %v97, ptr %hart_x10, !tbaa !1
br label %dispatch
out:
%v98 = load i64, ptr %next, !tbaa !1
%v99 = shl i64 %v98, 1
%v100 = add i64 %v99, %base
%v101 = sub i64 %v100, 2147483648
%t20 = icmp ult i64 %v101, 1048576
br i1 %t20, label %inside25, label %away, !prof !8
inside25:
%p16 = getelementptr i8, ptr %frame, i64 16
%p17 = load ptr, ptr %p16, !tbaa !2
%v102 = lshr i64 %v101, 12
%v103 = shl i64 %v102, 3
%p18 = getelementptr i8, ptr %p17, i64 %v103
%p19 = load ptr, ptr %p18, !tbaa !2
%v104 = and i64 %v100, 4095
%v105 = shl i64 %v104, 2
%p20 = getelementptr i8, ptr %p19, i64 %v105
%p21 = load ptr, ptr %p20, !tbaa !2
%v106 = ptrtoint ptr %p21 to i64
%t21 = icmp ne i64 %v106, 0
br i1 %t21, label %found26, label %away, !prof !8
found26:
%v107 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p21(ptr %hart, ptr poison, i64 %v107, ptr %frame, ptr %origin, i64 poison, i64 %v100)
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
%v12 = load i64, ptr %count, !tbaa !2
%v13 = add i64 %v12, -1
store i64 %v13, ptr %count, !tbaa !2
%p0 = getelementptr i8, ptr %table0, i64 49152
%v14 = load i64, ptr %p0, !tbaa !2
%v15 = add i64 %v14, -1
store i64 %v15, ptr %p0, !tbaa !2
br label %c_0
r_0_1:
br label %c_0
c_0:
%v16 = load i64, ptr %x10, !tbaa !1
%v17 = add i64 %v16, -1
store i64 %v17, ptr %x10, !tbaa !1
%t2 = icmp ne i64 %v17, 0
%v18 = zext i1 %t2 to i64
%t3 = icmp ne i64 %v18, 0
br i1 %t3, label %yes5, label %no6
yes5:
br label %r_0_2
no6:
%v19 = load i64, ptr %count, !tbaa !2
%v20 = add i64 %v19, 2097153
store i64 %v20, ptr %count, !tbaa !2
%p1 = getelementptr i8, ptr %table0, i64 49152
%v21 = load i64, ptr %p1, !tbaa !2
%v22 = add i64 %v21, 1
store i64 %v22, ptr %p1, !tbaa !2
br label %b_8
r_0_2:
%v23 = add i64 %v17, -1
store i64 %v23, ptr %x10, !tbaa !1
%t4 = icmp ne i64 %v23, 0
%v24 = zext i1 %t4 to i64
%t5 = icmp ne i64 %v24, 0
br i1 %t5, label %yes7, label %no8
yes7:
br label %r_0_3
no8:
%v25 = load i64, ptr %count, !tbaa !2
%v26 = add i64 %v25, 4194306
store i64 %v26, ptr %count, !tbaa !2
%p2 = getelementptr i8, ptr %table0, i64 49152
%v27 = load i64, ptr %p2, !tbaa !2
%v28 = add i64 %v27, 2
store i64 %v28, ptr %p2, !tbaa !2
br label %b_8
r_0_3:
%v29 = add i64 %v23, -1
store i64 %v29, ptr %x10, !tbaa !1
%t6 = icmp ne i64 %v29, 0
%v30 = zext i1 %t6 to i64
%t7 = icmp ne i64 %v30, 0
br i1 %t7, label %yes9, label %no10
yes9:
br label %r_0_4
no10:
%v31 = load i64, ptr %count, !tbaa !2
%v32 = add i64 %v31, 6291459
store i64 %v32, ptr %count, !tbaa !2
%p3 = getelementptr i8, ptr %table0, i64 49152
%v33 = load i64, ptr %p3, !tbaa !2
%v34 = add i64 %v33, 3
store i64 %v34, ptr %p3, !tbaa !2
br label %b_8
r_0_4:
%v35 = add i64 %v29, -1
store i64 %v35, ptr %x10, !tbaa !1
%t8 = icmp ne i64 %v35, 0
%v36 = zext i1 %t8 to i64
%t9 = icmp ne i64 %v36, 0
br i1 %t9, label %yes11, label %no12
yes11:
br label %r_0_5
no12:
%v37 = load i64, ptr %count, !tbaa !2
%v38 = add i64 %v37, 8388612
store i64 %v38, ptr %count, !tbaa !2
%p4 = getelementptr i8, ptr %table0, i64 49152
%v39 = load i64, ptr %p4, !tbaa !2
%v40 = add i64 %v39, 4
store i64 %v40, ptr %p4, !tbaa !2
br label %b_8
r_0_5:
%v41 = add i64 %v35, -1
store i64 %v41, ptr %x10, !tbaa !1
%t10 = icmp ne i64 %v41, 0
%v42 = zext i1 %t10 to i64
%t11 = icmp ne i64 %v42, 0
br i1 %t11, label %yes13, label %no14
yes13:
br label %r_0_6
no14:
%v43 = load i64, ptr %count, !tbaa !2
%v44 = add i64 %v43, 10485765
store i64 %v44, ptr %count, !tbaa !2
%p5 = getelementptr i8, ptr %table0, i64 49152
%v45 = load i64, ptr %p5, !tbaa !2
%v46 = add i64 %v45, 5
store i64 %v46, ptr %p5, !tbaa !2
br label %b_8
r_0_6:
%v47 = add i64 %v41, -1
store i64 %v47, ptr %x10, !tbaa !1
%t12 = icmp ne i64 %v47, 0
%v48 = zext i1 %t12 to i64
%t13 = icmp ne i64 %v48, 0
br i1 %t13, label %yes15, label %no16
yes15:
br label %r_0_7
no16:
%v49 = load i64, ptr %count, !tbaa !2
%v50 = add i64 %v49, 12582918
store i64 %v50, ptr %count, !tbaa !2
%p6 = getelementptr i8, ptr %table0, i64 49152
%v51 = load i64, ptr %p6, !tbaa !2
%v52 = add i64 %v51, 6
store i64 %v52, ptr %p6, !tbaa !2
br label %b_8
r_0_7:
%v53 = add i64 %v47, -1
store i64 %v53, ptr %x10, !tbaa !1
%t14 = icmp ne i64 %v53, 0
%v54 = zext i1 %t14 to i64
%t15 = icmp ne i64 %v54, 0
br i1 %t15, label %yes17, label %no18
yes17:
br label %r_0_8
no18:
%v55 = load i64, ptr %count, !tbaa !2
%v56 = add i64 %v55, 14680071
store i64 %v56, ptr %count, !tbaa !2
%p7 = getelementptr i8, ptr %table0, i64 49152
%v57 = load i64, ptr %p7, !tbaa !2
%v58 = add i64 %v57, 7
store i64 %v58, ptr %p7, !tbaa !2
br label %b_8
r_0_8:
%v59 = add i64 %v53, -1
store i64 %v59, ptr %x10, !tbaa !1
%t16 = icmp ne i64 %v59, 0
%v60 = zext i1 %t16 to i64
%t17 = icmp ne i64 %v60, 0
br i1 %t17, label %yes19, label %no20
yes19:
%v61 = load i64, ptr %count, !tbaa !2
%v62 = add i64 %v61, 16777224
store i64 %v62, ptr %count, !tbaa !2
%p8 = getelementptr i8, ptr %table0, i64 49152
%v63 = load i64, ptr %p8, !tbaa !2
%v64 = add i64 %v63, 8
store i64 %v64, ptr %p8, !tbaa !2
br label %r_0
no20:
%v65 = load i64, ptr %count, !tbaa !2
%v66 = add i64 %v65, 16777224
store i64 %v66, ptr %count, !tbaa !2
%p9 = getelementptr i8, ptr %table0, i64 49152
%v67 = load i64, ptr %p9, !tbaa !2
%v68 = add i64 %v67, 8
store i64 %v68, ptr %p9, !tbaa !2
br label %b_8
r_8:
%v69 = load i64, ptr %count, !tbaa !2
%t18 = icmp slt i64 %v69, 0
br i1 %t18, label %on21, label %off22, !prof !8
on21:
br label %b_8
b_8:
%v81 = load i64, ptr %count, !tbaa !2
%v82 = add i64 %v81, 1048577
store i64 %v82, ptr %count, !tbaa !2
%v83 = add i64 %base, 8
%p10 = getelementptr i8, ptr %table0, i64 49184
%v84 = load i64, ptr %p10, !tbaa !2
%v85 = add i64 %v84, 1
store i64 %v85, ptr %p10, !tbaa !2
%v86 = load i64, ptr %x1, !tbaa !1
%v87 = add i64 %v86, 0
%v88 = and i64 %v87, -2
%v89 = add i64 %base, 10
%v90 = sub i64 %v88, %base
%v91 = lshr i64 %v90, 1
store i64 %v91, ptr %next, !tbaa !1
br label %d_8
off2:
%v1 = add i64 %base, 0
%v2 = load i64, ptr %count, !tbaa !2
%v3 = load i64, ptr %since, !tbaa !2
%v4 = sub i64 %v2, %v3
%v5 = ashr i64 %v4, 20
%v6 = and i64 %v4, 1048575
%v7 = load i64, ptr %instructions, !tbaa !2
%v8 = add i64 %v7, %v5
store i64 %v8, ptr %instructions, !tbaa !2
%v9 = load i64, ptr %blocks, !tbaa !2
%v10 = add i64 %v9, %v6
store i64 %v10, ptr %blocks, !tbaa !2
store i64 -17179869184, ptr %count, !tbaa !2
store i64 %v1, ptr %block_pc, !tbaa !2
store i64 -17179869184, ptr %since, !tbaa !2
%v11 = call i64 @asked(ptr %hart, ptr %frame)
%t1 = icmp eq i64 %v11, 0
br i1 %t1, label %go3, label %stop4
stop4:
store i64 1, ptr %exit, !tbaa !2
store i64 %v1, ptr %pc, !tbaa !2
br label %l_0
go3:
br label %on1
off22:
%v70 = add i64 %base, 8
%v71 = load i64, ptr %count, !tbaa !2
%v72 = load i64, ptr %since, !tbaa !2
%v73 = sub i64 %v71, %v72
%v74 = ashr i64 %v73, 20
%v75 = and i64 %v73, 1048575
%v76 = load i64, ptr %instructions, !tbaa !2
%v77 = add i64 %v76, %v74
store i64 %v77, ptr %instructions, !tbaa !2
%v78 = load i64, ptr %blocks, !tbaa !2
%v79 = add i64 %v78, %v75
store i64 %v79, ptr %blocks, !tbaa !2
store i64 -17179869184, ptr %count, !tbaa !2
store i64 %v70, ptr %block_pc, !tbaa !2
store i64 -17179869184, ptr %since, !tbaa !2
%v80 = call i64 @asked(ptr %hart, ptr %frame)
%t19 = icmp eq i64 %v80, 0
br i1 %t19, label %go23, label %stop24
stop24:
store i64 1, ptr %exit, !tbaa !2
store i64 %v70, ptr %pc, !tbaa !2
br label %l_8
go23:
br label %on21
l_0:
%v108 = load i64, ptr %x10, !tbaa !1
store i64 %v108, ptr %hart_x10, !tbaa !1
br label %leave
l_8:
br label %l_0
away:
%v109 = load i64, ptr %next, !tbaa !1
%v110 = shl i64 %v109, 1
%v111 = add i64 %v110, %base
%p22 = getelementptr i8, ptr %frame, i64 208
%p23 = load ptr, ptr %p22, !tbaa !2
%v112 = ptrtoint ptr %p23 to i64
%t22 = icmp ne i64 %v112, 0
br i1 %t22, label %interpreter27, label %none28
interpreter27:
%v113 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p23(ptr %hart, ptr poison, i64 %v113, ptr %frame, ptr %origin, i64 poison, i64 %v111)
ret void
none28:
store i64 %v111, ptr %pc, !tbaa !2
br label %leave
leave:
%v114 = load i64, ptr %count, !tbaa !2
%v115 = load i64, ptr %since, !tbaa !2
%v116 = sub i64 %v114, %v115
%v117 = ashr i64 %v116, 20
%v118 = and i64 %v116, 1048575
%v119 = load i64, ptr %instructions, !tbaa !2
%v120 = add i64 %v119, %v117
store i64 %v120, ptr %instructions, !tbaa !2
%v121 = load i64, ptr %blocks, !tbaa !2
%v122 = add i64 %v121, %v118
store i64 %v122, ptr %blocks, !tbaa !2
store i64 %v114, ptr %since, !tbaa !2
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
