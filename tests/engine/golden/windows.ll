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
%p20 = getelementptr i8, ptr %frame, i64 640
%rows = load ptr, ptr %p20, !tbaa !2
%here = ptrtoint ptr %origin to i64
%window_before0 = alloca i64
store i64 0, ptr %window_before0, !tbaa !1
%window_width0 = alloca i64
store i64 0, ptr %window_width0, !tbaa !1
%window_host0 = alloca i64
store i64 0, ptr %window_host0, !tbaa !1
%p21 = getelementptr i8, ptr %frame, i64 24
%p22 = load ptr, ptr %p21, !tbaa !2
store i64 %running, ptr %count, !tbaa !2
%base = and i64 %to_pc, -4096
%v90 = sub i64 %to_pc, %base
%v91 = lshr i64 %v90, 1
store i64 %v91, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v92 = load i64, ptr %next, !tbaa !1
switch i64 %v92, label %out [
i64 0, label %e_0
]
e_0:
%v93 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v93, ptr %x1, !tbaa !1
%v94 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v94, ptr %x10, !tbaa !1
%v95 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v95, ptr %x11, !tbaa !1
br label %r_0
d_10:
br label %d_out33
d_out33:
%v96 = load i64, ptr %x10, !tbaa !1
store i64 %v96, ptr %hart_x10, !tbaa !1
br label %dispatch
out:
%v97 = load i64, ptr %next, !tbaa !1
%v98 = shl i64 %v97, 1
%v99 = add i64 %v98, %base
%p23 = getelementptr i8, ptr %frame, i64 632
%p24 = load ptr, ptr %p23, !tbaa !2
%v100 = lshr i64 %v99, 7
%v101 = and i64 %v100, 65504
%p25 = getelementptr i8, ptr %p24, i64 %v101
%p26 = getelementptr i8, ptr %p25, i64 0
%v102 = load i64, ptr %p26
%v103 = or i64 %v99, 4095
%t21 = icmp eq i64 %v102, %v103
br i1 %t21, label %inside34, label %away, !prof !8
inside34:
%p27 = getelementptr i8, ptr %p25, i64 16
%v104 = load i64, ptr %p27
%p28 = getelementptr i8, ptr %frame, i64 16
%p29 = load ptr, ptr %p28, !tbaa !2
%p30 = getelementptr i8, ptr %p29, i64 %v104
%p31 = load ptr, ptr %p30, !tbaa !2
%v105 = and i64 %v99, 4095
%v106 = shl i64 %v105, 2
%p32 = getelementptr i8, ptr %p31, i64 16384
%p33 = getelementptr i8, ptr %p32, i64 %v106
%p34 = load ptr, ptr %p33, !tbaa !2
%v107 = ptrtoint ptr %p34 to i64
%t22 = icmp ne i64 %v107, 0
br i1 %t22, label %found35, label %away, !prof !8
found35:
%v108 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p34(ptr %hart, ptr poison, i64 %v108, ptr %frame, ptr %origin, i64 poison, i64 %v99)
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
br label %c_0
r_0_1:
br label %c_0
c_0:
%v3 = load i64, ptr %x11, !tbaa !1
%v4 = add i64 %v3, 0
%v5 = add i64 %v3, 0
%v6 = load i64, ptr %window_before0, !tbaa !1
%v7 = add i64 %v5, %v6
%v8 = load i64, ptr %window_width0, !tbaa !1
%t1 = icmp ult i64 %v7, %v8
br i1 %t1, label %on10, label %off11, !prof !8
on10:
%v9 = load i64, ptr %window_host0, !tbaa !1
%p0 = inttoptr i64 %v9 to ptr
%p1 = getelementptr i8, ptr %p0, i64 %v4
%v10 = load volatile i64, ptr %p1, align 1, !tbaa !3
store i64 %v10, ptr %x10, !tbaa !1
%v11 = add i64 %v3, 16
%p2 = getelementptr i8, ptr %p0, i64 %v11
store volatile i64 %v10, ptr %p2, align 1, !tbaa !3
%v12 = add i64 %v10, -1
store i64 %v12, ptr %x10, !tbaa !1
%t2 = icmp ne i64 %v12, 0
%v13 = zext i1 %t2 to i64
%t3 = icmp ne i64 %v13, 0
br i1 %t3, label %yes12, label %no13
yes12:
br label %r_0_2
no13:
%v14 = load i64, ptr %count, !tbaa !2
%v15 = add i64 %v14, 4194305
store i64 %v15, ptr %count, !tbaa !2
br label %b_10
r_0_2:
%v16 = add i64 %v3, 0
%p3 = getelementptr i8, ptr %p0, i64 %v16
%v17 = load volatile i64, ptr %p3, align 1, !tbaa !3
store i64 %v17, ptr %x10, !tbaa !1
%v18 = add i64 %v3, 16
%p4 = getelementptr i8, ptr %p0, i64 %v18
store volatile i64 %v17, ptr %p4, align 1, !tbaa !3
%v19 = add i64 %v17, -1
store i64 %v19, ptr %x10, !tbaa !1
%t4 = icmp ne i64 %v19, 0
%v20 = zext i1 %t4 to i64
%t5 = icmp ne i64 %v20, 0
br i1 %t5, label %yes14, label %no15
yes14:
br label %r_0_3
no15:
%v21 = load i64, ptr %count, !tbaa !2
%v22 = add i64 %v21, 8388610
store i64 %v22, ptr %count, !tbaa !2
br label %b_10
r_0_3:
%v23 = add i64 %v3, 0
%p5 = getelementptr i8, ptr %p0, i64 %v23
%v24 = load volatile i64, ptr %p5, align 1, !tbaa !3
store i64 %v24, ptr %x10, !tbaa !1
%v25 = add i64 %v3, 16
%p6 = getelementptr i8, ptr %p0, i64 %v25
store volatile i64 %v24, ptr %p6, align 1, !tbaa !3
%v26 = add i64 %v24, -1
store i64 %v26, ptr %x10, !tbaa !1
%t6 = icmp ne i64 %v26, 0
%v27 = zext i1 %t6 to i64
%t7 = icmp ne i64 %v27, 0
br i1 %t7, label %yes16, label %no17
yes16:
br label %r_0_4
no17:
%v28 = load i64, ptr %count, !tbaa !2
%v29 = add i64 %v28, 12582915
store i64 %v29, ptr %count, !tbaa !2
br label %b_10
r_0_4:
%v30 = add i64 %v3, 0
%p7 = getelementptr i8, ptr %p0, i64 %v30
%v31 = load volatile i64, ptr %p7, align 1, !tbaa !3
store i64 %v31, ptr %x10, !tbaa !1
%v32 = add i64 %v3, 16
%p8 = getelementptr i8, ptr %p0, i64 %v32
store volatile i64 %v31, ptr %p8, align 1, !tbaa !3
%v33 = add i64 %v31, -1
store i64 %v33, ptr %x10, !tbaa !1
%t8 = icmp ne i64 %v33, 0
%v34 = zext i1 %t8 to i64
%t9 = icmp ne i64 %v34, 0
br i1 %t9, label %yes18, label %no19
yes18:
br label %r_0_5
no19:
%v35 = load i64, ptr %count, !tbaa !2
%v36 = add i64 %v35, 16777220
store i64 %v36, ptr %count, !tbaa !2
br label %b_10
r_0_5:
%v37 = add i64 %v3, 0
%p9 = getelementptr i8, ptr %p0, i64 %v37
%v38 = load volatile i64, ptr %p9, align 1, !tbaa !3
store i64 %v38, ptr %x10, !tbaa !1
%v39 = add i64 %v3, 16
%p10 = getelementptr i8, ptr %p0, i64 %v39
store volatile i64 %v38, ptr %p10, align 1, !tbaa !3
%v40 = add i64 %v38, -1
store i64 %v40, ptr %x10, !tbaa !1
%t10 = icmp ne i64 %v40, 0
%v41 = zext i1 %t10 to i64
%t11 = icmp ne i64 %v41, 0
br i1 %t11, label %yes20, label %no21
yes20:
br label %r_0_6
no21:
%v42 = load i64, ptr %count, !tbaa !2
%v43 = add i64 %v42, 20971525
store i64 %v43, ptr %count, !tbaa !2
br label %b_10
r_0_6:
%v44 = add i64 %v3, 0
%p11 = getelementptr i8, ptr %p0, i64 %v44
%v45 = load volatile i64, ptr %p11, align 1, !tbaa !3
store i64 %v45, ptr %x10, !tbaa !1
%v46 = add i64 %v3, 16
%p12 = getelementptr i8, ptr %p0, i64 %v46
store volatile i64 %v45, ptr %p12, align 1, !tbaa !3
%v47 = add i64 %v45, -1
store i64 %v47, ptr %x10, !tbaa !1
%t12 = icmp ne i64 %v47, 0
%v48 = zext i1 %t12 to i64
%t13 = icmp ne i64 %v48, 0
br i1 %t13, label %yes22, label %no23
yes22:
br label %r_0_7
no23:
%v49 = load i64, ptr %count, !tbaa !2
%v50 = add i64 %v49, 25165830
store i64 %v50, ptr %count, !tbaa !2
br label %b_10
r_0_7:
%v51 = add i64 %v3, 0
%p13 = getelementptr i8, ptr %p0, i64 %v51
%v52 = load volatile i64, ptr %p13, align 1, !tbaa !3
store i64 %v52, ptr %x10, !tbaa !1
%v53 = add i64 %v3, 16
%p14 = getelementptr i8, ptr %p0, i64 %v53
store volatile i64 %v52, ptr %p14, align 1, !tbaa !3
%v54 = add i64 %v52, -1
store i64 %v54, ptr %x10, !tbaa !1
%t14 = icmp ne i64 %v54, 0
%v55 = zext i1 %t14 to i64
%t15 = icmp ne i64 %v55, 0
br i1 %t15, label %yes24, label %no25
yes24:
br label %r_0_8
no25:
%v56 = load i64, ptr %count, !tbaa !2
%v57 = add i64 %v56, 29360135
store i64 %v57, ptr %count, !tbaa !2
br label %b_10
r_0_8:
%v58 = add i64 %v3, 0
%p15 = getelementptr i8, ptr %p0, i64 %v58
%v59 = load volatile i64, ptr %p15, align 1, !tbaa !3
store i64 %v59, ptr %x10, !tbaa !1
%v60 = add i64 %v3, 16
%p16 = getelementptr i8, ptr %p0, i64 %v60
store volatile i64 %v59, ptr %p16, align 1, !tbaa !3
%v61 = add i64 %v59, -1
store i64 %v61, ptr %x10, !tbaa !1
%t16 = icmp ne i64 %v61, 0
%v62 = zext i1 %t16 to i64
%t17 = icmp ne i64 %v62, 0
br i1 %t17, label %yes26, label %no27
yes26:
%v63 = load i64, ptr %count, !tbaa !2
%v64 = add i64 %v63, 33554440
store i64 %v64, ptr %count, !tbaa !2
br label %r_0
no27:
%v65 = load i64, ptr %count, !tbaa !2
%v66 = add i64 %v65, 33554440
store i64 %v66, ptr %count, !tbaa !2
br label %b_10
s_0:
%v67 = load i64, ptr %count, !tbaa !2
%v68 = add i64 %v67, 4194305
store i64 %v68, ptr %count, !tbaa !2
%v69 = load i64, ptr %x11, !tbaa !1
%v70 = add i64 %v69, 0
%v71 = add i64 %v69, 0
%v72 = load i64, ptr %window_before0, !tbaa !1
%v73 = add i64 %v71, %v72
%v74 = load i64, ptr %window_width0, !tbaa !1
%t18 = icmp ult i64 %v73, %v74
br i1 %t18, label %on28, label %ask30, !prof !8
on28:
%v77 = load i64, ptr %window_host0, !tbaa !1
%p17 = inttoptr i64 %v77 to ptr
%p18 = getelementptr i8, ptr %p17, i64 %v70
%v78 = load volatile i64, ptr %p18, align 1, !tbaa !3
store i64 %v78, ptr %x10, !tbaa !1
%v79 = add i64 %v69, 16
%p19 = getelementptr i8, ptr %p17, i64 %v79
store volatile i64 %v78, ptr %p19, align 1, !tbaa !3
%v80 = add i64 %v78, -1
store i64 %v80, ptr %x10, !tbaa !1
%t19 = icmp ne i64 %v80, 0
%v81 = zext i1 %t19 to i64
%t20 = icmp ne i64 %v81, 0
br i1 %t20, label %yes31, label %no32
yes31:
br label %r_0
no32:
br label %b_10
r_10:
br label %b_10
b_10:
%v82 = load i64, ptr %count, !tbaa !2
%v83 = add i64 %v82, 1048577
store i64 %v83, ptr %count, !tbaa !2
%v84 = load i64, ptr %x1, !tbaa !1
%v85 = add i64 %v84, 0
%v86 = and i64 %v85, -2
%v87 = add i64 %base, 18
%v88 = sub i64 %v86, %base
%v89 = lshr i64 %v88, 1
store i64 %v89, ptr %next, !tbaa !1
br label %d_10
off2:
store i64 0, ptr %next, !tbaa !1
br label %l_0
off11:
br label %s_0
off29:
%v75 = load i64, ptr %count, !tbaa !2
%v76 = add i64 %v75, -4194304
store i64 %v76, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
ask30:
%v109 = add i64 %v71, 23
%v110 = lshr i64 %v71, 7
%v111 = and i64 %v110, 131040
%p35 = getelementptr i8, ptr %rows, i64 %v111
%v112 = or i64 %v109, 4095
%p36 = getelementptr i8, ptr %p35, i64 8
%v113 = load i64, ptr %p36, !tbaa !5
%t23 = icmp eq i64 %v113, %v112
br i1 %t23, label %found37, label %other36, !prof !8
found37:
%v114 = sub i64 4095, %v112
store i64 %v114, ptr %window_before0, !tbaa !1
store i64 4073, ptr %window_width0, !tbaa !1
%p37 = getelementptr i8, ptr %p35, i64 16
%v115 = load i64, ptr %p37, !tbaa !5
%v116 = add i64 %v115, %here
store i64 %v116, ptr %window_host0, !tbaa !1
br label %on28
other36:
%v117 = call preserve_mostcc i64 @ask_rows(ptr %rows, i64 %v71, i64 2071)
store i64 0, ptr %window_width0, !tbaa !1
%v118 = add i64 %v117, %here
store i64 %v118, ptr %window_host0, !tbaa !1
%t24 = icmp ne i64 %v117, -1
br i1 %t24, label %on28, label %off29, !prof !8
l_0:
br label %l_out38
l_out38:
%v119 = load i64, ptr %x10, !tbaa !1
store i64 %v119, ptr %hart_x10, !tbaa !1
br label %to_look
t_0:
%v120 = add i64 %base, 0
store i64 %v120, ptr %block_pc, !tbaa !2
br label %t_out39
t_out39:
%v121 = load i64, ptr %x10, !tbaa !1
store i64 %v121, ptr %hart_x10, !tbaa !1
br label %take
take:
%v122 = load i64, ptr %next, !tbaa !1
%v123 = shl i64 %v122, 1
%v124 = add i64 %v123, %base
%p38 = getelementptr i8, ptr %frame, i64 336
%p39 = load ptr, ptr %p38, !tbaa !2
%v125 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p39(ptr %hart, ptr poison, i64 %v125, ptr %frame, ptr %origin, i64 poison, i64 %v124)
ret void
away:
%v126 = load i64, ptr %next, !tbaa !1
%v127 = shl i64 %v126, 1
%v128 = add i64 %v127, %base
%p40 = getelementptr i8, ptr %frame, i64 208
%p41 = load ptr, ptr %p40, !tbaa !2
%v129 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p41(ptr %hart, ptr poison, i64 %v129, ptr %frame, ptr %origin, i64 poison, i64 %v128)
ret void
to_look:
%v130 = load i64, ptr %next, !tbaa !1
%v131 = shl i64 %v130, 1
%v132 = add i64 %v131, %base
store i64 %v132, ptr %pc, !tbaa !2
store i64 %v132, ptr %block_pc, !tbaa !2
br label %leave
leave:
%v133 = load i64, ptr %count, !tbaa !2
%v134 = load i64, ptr %since, !tbaa !2
%v135 = sub i64 %v133, %v134
%v136 = ashr i64 %v135, 20
%v137 = and i64 %v135, 1048575
%v138 = load i64, ptr %instructions, !tbaa !2
%v139 = add i64 %v138, %v136
store i64 %v139, ptr %instructions, !tbaa !2
%v140 = load i64, ptr %blocks, !tbaa !2
%v141 = add i64 %v140, %v137
store i64 %v141, ptr %blocks, !tbaa !2
store i64 %v133, ptr %since, !tbaa !2
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
define internal preserve_mostcc i64 @ask_rows(ptr %rows, i64 %first, i64 %question) noinline #0 {
entry1:
%v0 = lshr i64 %question, 8
%v1 = and i64 %question, 255
%v2 = add i64 %first, %v1
%v3 = lshr i64 %first, 7
%v4 = and i64 %v3, 131040
%p0 = getelementptr i8, ptr %rows, i64 %v4
%v5 = or i64 %first, 4095
%p1 = getelementptr i8, ptr %p0, i64 %v0
%v6 = load i64, ptr %p1
%t0 = icmp eq i64 %v6, %v5
%v7 = lshr i64 %v2, 7
%v8 = and i64 %v7, 131040
%p2 = getelementptr i8, ptr %rows, i64 %v8
%v9 = or i64 %v2, 4095
%p3 = getelementptr i8, ptr %p2, i64 %v0
%v10 = load i64, ptr %p3
%t1 = icmp eq i64 %v10, %v9
%p4 = getelementptr i8, ptr %p0, i64 16
%v11 = load i64, ptr %p4
%p5 = getelementptr i8, ptr %p2, i64 16
%v12 = load i64, ptr %p5
%t2 = and i1 %t0, %t1
%t3 = icmp eq i64 %v11, %v12
%t4 = and i1 %t2, %t3
%v13 = select i1 %t4, i64 %v11, i64 -1
ret i64 %v13
}
