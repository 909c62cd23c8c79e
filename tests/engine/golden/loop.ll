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
%context = getelementptr i8, ptr %hart, i64 1184
%reservation = getelementptr i8, ptr %hart, i64 624
%reserved = getelementptr i8, ptr %hart, i64 632
%status = getelementptr i8, ptr %hart, i64 536
%float_control = getelementptr i8, ptr %hart, i64 520
%exit = getelementptr i8, ptr %frame, i64 0
%detail = getelementptr i8, ptr %frame, i64 8
%since = getelementptr i8, ptr %frame, i64 104
%p22 = getelementptr i8, ptr %frame, i64 24
%p23 = load ptr, ptr %p22, !tbaa !2
%p24 = getelementptr i8, ptr %p23, i64 0
%function0 = load ptr, ptr %p24, !tbaa !2
%p25 = getelementptr i8, ptr %p23, i64 8
%data0 = load i64, ptr %p25, !tbaa !2
%p26 = getelementptr i8, ptr %p23, i64 8
%table0 = load ptr, ptr %p26, !tbaa !2
store i64 %running, ptr %count, !tbaa !2
%base = and i64 %to_pc, -4096
%v69 = sub i64 %to_pc, %base
%v70 = lshr i64 %v69, 1
store i64 %v70, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v71 = load i64, ptr %next, !tbaa !1
switch i64 %v71, label %out [
i64 0, label %e_0
]
e_0:
%v72 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v72, ptr %x1, !tbaa !1
%v73 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v73, ptr %x10, !tbaa !1
br label %r_0
d_8:
br label %d_out19
d_out19:
%v74 = load i64, ptr %x10, !tbaa !1
store i64 %v74, ptr %hart_x10, !tbaa !1
br label %dispatch
out:
%v75 = load i64, ptr %next, !tbaa !1
%v76 = shl i64 %v75, 1
%v77 = add i64 %v76, %base
%v78 = sub i64 %v77, 2147483648
%t17 = icmp ult i64 %v78, 1048576
br i1 %t17, label %inside20, label %away, !prof !8
inside20:
%v79 = lshr i64 %v78, 12
%v80 = shl i64 %v79, 3
%p27 = getelementptr i8, ptr %frame, i64 16
%p28 = load ptr, ptr %p27, !tbaa !2
%p29 = getelementptr i8, ptr %p28, i64 %v80
%p30 = load ptr, ptr %p29, !tbaa !2
%v81 = and i64 %v77, 4095
%v82 = shl i64 %v81, 2
%p31 = getelementptr i8, ptr %p30, i64 %v82
%p32 = load ptr, ptr %p31, !tbaa !2
%v83 = ptrtoint ptr %p32 to i64
%t18 = icmp ne i64 %v83, 0
br i1 %t18, label %found21, label %away, !prof !8
found21:
%v84 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p32(ptr %hart, ptr poison, i64 %v84, ptr %frame, ptr %origin, i64 poison, i64 %v77)
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
%v1 = load i64, ptr %count, !tbaa !2
%v2 = add i64 %v1, -1
store i64 %v2, ptr %count, !tbaa !2
%p0 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p1 = getelementptr i8, ptr %p0, i64 0
%v3 = load i64, ptr %p1, !tbaa !2
%v4 = add i64 %v3, -1
store i64 %v4, ptr %p1, !tbaa !2
br label %c_0
r_0_1:
br label %c_0
c_0:
%v5 = load i64, ptr %x10, !tbaa !1
%v6 = add i64 %v5, -1
store i64 %v6, ptr %x10, !tbaa !1
%t1 = icmp ne i64 %v6, 0
%v7 = zext i1 %t1 to i64
%t2 = icmp ne i64 %v7, 0
br i1 %t2, label %yes3, label %no4
yes3:
br label %r_0_2
no4:
%v8 = load i64, ptr %count, !tbaa !2
%v9 = add i64 %v8, 2097153
store i64 %v9, ptr %count, !tbaa !2
%p2 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p3 = getelementptr i8, ptr %p2, i64 0
%v10 = load i64, ptr %p3, !tbaa !2
%v11 = add i64 %v10, 1
store i64 %v11, ptr %p3, !tbaa !2
br label %b_8
r_0_2:
%v12 = add i64 %v6, -1
store i64 %v12, ptr %x10, !tbaa !1
%t3 = icmp ne i64 %v12, 0
%v13 = zext i1 %t3 to i64
%t4 = icmp ne i64 %v13, 0
br i1 %t4, label %yes5, label %no6
yes5:
br label %r_0_3
no6:
%v14 = load i64, ptr %count, !tbaa !2
%v15 = add i64 %v14, 4194306
store i64 %v15, ptr %count, !tbaa !2
%p4 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p5 = getelementptr i8, ptr %p4, i64 0
%v16 = load i64, ptr %p5, !tbaa !2
%v17 = add i64 %v16, 2
store i64 %v17, ptr %p5, !tbaa !2
br label %b_8
r_0_3:
%v18 = add i64 %v12, -1
store i64 %v18, ptr %x10, !tbaa !1
%t5 = icmp ne i64 %v18, 0
%v19 = zext i1 %t5 to i64
%t6 = icmp ne i64 %v19, 0
br i1 %t6, label %yes7, label %no8
yes7:
br label %r_0_4
no8:
%v20 = load i64, ptr %count, !tbaa !2
%v21 = add i64 %v20, 6291459
store i64 %v21, ptr %count, !tbaa !2
%p6 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p7 = getelementptr i8, ptr %p6, i64 0
%v22 = load i64, ptr %p7, !tbaa !2
%v23 = add i64 %v22, 3
store i64 %v23, ptr %p7, !tbaa !2
br label %b_8
r_0_4:
%v24 = add i64 %v18, -1
store i64 %v24, ptr %x10, !tbaa !1
%t7 = icmp ne i64 %v24, 0
%v25 = zext i1 %t7 to i64
%t8 = icmp ne i64 %v25, 0
br i1 %t8, label %yes9, label %no10
yes9:
br label %r_0_5
no10:
%v26 = load i64, ptr %count, !tbaa !2
%v27 = add i64 %v26, 8388612
store i64 %v27, ptr %count, !tbaa !2
%p8 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p9 = getelementptr i8, ptr %p8, i64 0
%v28 = load i64, ptr %p9, !tbaa !2
%v29 = add i64 %v28, 4
store i64 %v29, ptr %p9, !tbaa !2
br label %b_8
r_0_5:
%v30 = add i64 %v24, -1
store i64 %v30, ptr %x10, !tbaa !1
%t9 = icmp ne i64 %v30, 0
%v31 = zext i1 %t9 to i64
%t10 = icmp ne i64 %v31, 0
br i1 %t10, label %yes11, label %no12
yes11:
br label %r_0_6
no12:
%v32 = load i64, ptr %count, !tbaa !2
%v33 = add i64 %v32, 10485765
store i64 %v33, ptr %count, !tbaa !2
%p10 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p11 = getelementptr i8, ptr %p10, i64 0
%v34 = load i64, ptr %p11, !tbaa !2
%v35 = add i64 %v34, 5
store i64 %v35, ptr %p11, !tbaa !2
br label %b_8
r_0_6:
%v36 = add i64 %v30, -1
store i64 %v36, ptr %x10, !tbaa !1
%t11 = icmp ne i64 %v36, 0
%v37 = zext i1 %t11 to i64
%t12 = icmp ne i64 %v37, 0
br i1 %t12, label %yes13, label %no14
yes13:
br label %r_0_7
no14:
%v38 = load i64, ptr %count, !tbaa !2
%v39 = add i64 %v38, 12582918
store i64 %v39, ptr %count, !tbaa !2
%p12 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p13 = getelementptr i8, ptr %p12, i64 0
%v40 = load i64, ptr %p13, !tbaa !2
%v41 = add i64 %v40, 6
store i64 %v41, ptr %p13, !tbaa !2
br label %b_8
r_0_7:
%v42 = add i64 %v36, -1
store i64 %v42, ptr %x10, !tbaa !1
%t13 = icmp ne i64 %v42, 0
%v43 = zext i1 %t13 to i64
%t14 = icmp ne i64 %v43, 0
br i1 %t14, label %yes15, label %no16
yes15:
br label %r_0_8
no16:
%v44 = load i64, ptr %count, !tbaa !2
%v45 = add i64 %v44, 14680071
store i64 %v45, ptr %count, !tbaa !2
%p14 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p15 = getelementptr i8, ptr %p14, i64 0
%v46 = load i64, ptr %p15, !tbaa !2
%v47 = add i64 %v46, 7
store i64 %v47, ptr %p15, !tbaa !2
br label %b_8
r_0_8:
%v48 = add i64 %v42, -1
store i64 %v48, ptr %x10, !tbaa !1
%t15 = icmp ne i64 %v48, 0
%v49 = zext i1 %t15 to i64
%t16 = icmp ne i64 %v49, 0
br i1 %t16, label %yes17, label %no18
yes17:
%v50 = load i64, ptr %count, !tbaa !2
%v51 = add i64 %v50, 16777224
store i64 %v51, ptr %count, !tbaa !2
%p16 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p17 = getelementptr i8, ptr %p16, i64 0
%v52 = load i64, ptr %p17, !tbaa !2
%v53 = add i64 %v52, 8
store i64 %v53, ptr %p17, !tbaa !2
br label %r_0
no18:
%v54 = load i64, ptr %count, !tbaa !2
%v55 = add i64 %v54, 16777224
store i64 %v55, ptr %count, !tbaa !2
%p18 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p19 = getelementptr i8, ptr %p18, i64 0
%v56 = load i64, ptr %p19, !tbaa !2
%v57 = add i64 %v56, 8
store i64 %v57, ptr %p19, !tbaa !2
br label %b_8
r_8:
br label %b_8
b_8:
%v58 = load i64, ptr %count, !tbaa !2
%v59 = add i64 %v58, 1048577
store i64 %v59, ptr %count, !tbaa !2
%v60 = add i64 %base, 8
%p20 = getelementptr i8, ptr %table0, i64 ptrtoint (ptr @slot_table to i64)
%p21 = getelementptr i8, ptr %p20, i64 32
%v61 = load i64, ptr %p21, !tbaa !2
%v62 = add i64 %v61, 1
store i64 %v62, ptr %p21, !tbaa !2
%v63 = load i64, ptr %x1, !tbaa !1
%v64 = add i64 %v63, 0
%v65 = and i64 %v64, -2
%v66 = add i64 %base, 10
%v67 = sub i64 %v65, %base
%v68 = lshr i64 %v67, 1
store i64 %v68, ptr %next, !tbaa !1
br label %d_8
off2:
store i64 0, ptr %next, !tbaa !1
br label %l_0
l_0:
br label %l_out22
l_out22:
%v85 = load i64, ptr %x10, !tbaa !1
store i64 %v85, ptr %hart_x10, !tbaa !1
br label %to_look
take:
%v86 = load i64, ptr %next, !tbaa !1
%v87 = shl i64 %v86, 1
%v88 = add i64 %v87, %base
%p33 = getelementptr i8, ptr %frame, i64 336
%p34 = load ptr, ptr %p33, !tbaa !2
%v89 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p34(ptr %hart, ptr poison, i64 %v89, ptr %frame, ptr %origin, i64 poison, i64 %v88)
ret void
away:
%v90 = load i64, ptr %next, !tbaa !1
%v91 = shl i64 %v90, 1
%v92 = add i64 %v91, %base
%p35 = getelementptr i8, ptr %frame, i64 208
%p36 = load ptr, ptr %p35, !tbaa !2
%v93 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p36(ptr %hart, ptr poison, i64 %v93, ptr %frame, ptr %origin, i64 poison, i64 %v92)
ret void
to_look:
%v94 = load i64, ptr %next, !tbaa !1
%v95 = shl i64 %v94, 1
%v96 = add i64 %v95, %base
store i64 %v96, ptr %pc, !tbaa !2
store i64 %v96, ptr %block_pc, !tbaa !2
br label %leave
leave:
%v97 = load i64, ptr %count, !tbaa !2
%v98 = load i64, ptr %since, !tbaa !2
%v99 = sub i64 %v97, %v98
%v100 = ashr i64 %v99, 20
%v101 = and i64 %v99, 1048575
%v102 = load i64, ptr %instructions, !tbaa !2
%v103 = add i64 %v102, %v100
store i64 %v103, ptr %instructions, !tbaa !2
%v104 = load i64, ptr %blocks, !tbaa !2
%v105 = add i64 %v104, %v101
store i64 %v105, ptr %blocks, !tbaa !2
store i64 %v97, ptr %since, !tbaa !2
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
