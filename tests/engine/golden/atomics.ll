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
%p2 = getelementptr i8, ptr %frame, i64 24
%p3 = load ptr, ptr %p2, !tbaa !2
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
i64 2, label %e_4
i64 4, label %e_8
]
e_0:
%v40 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v40, ptr %x1, !tbaa !1
%v41 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v41, ptr %x11, !tbaa !1
%v42 = load i64, ptr %hart_x12, !tbaa !1
store i64 %v42, ptr %x12, !tbaa !1
br label %r_0
e_4:
%v43 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v43, ptr %x1, !tbaa !1
%v44 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v44, ptr %x10, !tbaa !1
%v45 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v45, ptr %x11, !tbaa !1
%v46 = load i64, ptr %hart_x12, !tbaa !1
store i64 %v46, ptr %x12, !tbaa !1
br label %r_4
e_8:
%v47 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v47, ptr %x1, !tbaa !1
%v48 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v48, ptr %x10, !tbaa !1
br label %r_8
d_8:
br label %d_out17
d_out17:
%v49 = load i64, ptr %x10, !tbaa !1
store i64 %v49, ptr %hart_x10, !tbaa !1
br label %dispatch
out:
%v50 = load i64, ptr %next, !tbaa !1
%v51 = shl i64 %v50, 1
%v52 = add i64 %v51, %base
%v53 = sub i64 %v52, 2147483648
%t11 = icmp ult i64 %v53, 1048576
br i1 %t11, label %inside18, label %away, !prof !8
inside18:
%v54 = lshr i64 %v53, 12
%v55 = shl i64 %v54, 3
%p4 = getelementptr i8, ptr %frame, i64 16
%p5 = load ptr, ptr %p4, !tbaa !2
%p6 = getelementptr i8, ptr %p5, i64 %v55
%p7 = load ptr, ptr %p6, !tbaa !2
%v56 = and i64 %v52, 4095
%v57 = shl i64 %v56, 2
%p8 = getelementptr i8, ptr %p7, i64 %v57
%p9 = load ptr, ptr %p8, !tbaa !2
%v58 = ptrtoint ptr %p9 to i64
%t12 = icmp ne i64 %v58, 0
br i1 %t12, label %found19, label %away, !prof !8
found19:
%v59 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p9(ptr %hart, ptr poison, i64 %v59, ptr %frame, ptr %origin, i64 poison, i64 %v52)
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
%v2 = add i64 %v1, 1048577
store i64 %v2, ptr %count, !tbaa !2
br label %c_0
f_0:
%v3 = load i64, ptr %count, !tbaa !2
%v4 = add i64 %v3, 1048576
store i64 %v4, ptr %count, !tbaa !2
br label %c_0
c_0:
%v5 = load i64, ptr %x12, !tbaa !1
%v6 = load i64, ptr %x11, !tbaa !1
%v7 = and i64 %v5, 7
%t1 = icmp eq i64 %v7, 0
br i1 %t1, label %on3, label %off4, !prof !8
on3:
%v10 = sub i64 %v5, 2147483648
%t2 = icmp ult i64 %v10, 1048569
br i1 %t2, label %on5, label %off6, !prof !8
on5:
%p0 = getelementptr i8, ptr %origin, i64 %v5
%v13 = atomicrmw volatile add ptr %p0, i64 %v6 seq_cst
store i64 %v13, ptr %x10, !tbaa !1
br label %b_4
r_4:
%v14 = load i64, ptr %count, !tbaa !2
%t3 = icmp slt i64 %v14, 0
br i1 %t3, label %on7, label %off8, !prof !8
on7:
br label %b_4
b_4:
%v15 = load i64, ptr %count, !tbaa !2
%v16 = add i64 %v15, 1048577
store i64 %v16, ptr %count, !tbaa !2
%v17 = load i64, ptr %x12, !tbaa !1
%v18 = load i64, ptr %x11, !tbaa !1
%v19 = and i64 %v17, 7
%t4 = icmp eq i64 %v19, 0
br i1 %t4, label %on9, label %off10, !prof !8
on9:
%v22 = sub i64 %v17, 2147483648
%t5 = icmp ult i64 %v22, 1048569
br i1 %t5, label %on11, label %off12, !prof !8
on11:
%p1 = getelementptr i8, ptr %origin, i64 %v17
%v25 = load i64, ptr %reservation, !tbaa !2
store i64 -1, ptr %reservation, !tbaa !2
%t6 = icmp eq i64 %v25, %v17
br i1 %t6, label %try13, label %no14
try13:
%v26 = load i64, ptr %reserved, !tbaa !2
%exchanged64_0 = cmpxchg volatile ptr %p1, i64 %v26, i64 %v18 seq_cst seq_cst
%t7 = extractvalue { i64, i1 } %exchanged64_0, 1
br label %no14
no14:
%t8 = phi i1 [ %t7, %try13 ], [ false, %on11 ]
%t9 = xor i1 %t8, true
%v27 = zext i1 %t9 to i64
store i64 %v27, ptr %x10, !tbaa !1
br label %b_8
r_8:
%v28 = load i64, ptr %count, !tbaa !2
%t10 = icmp slt i64 %v28, 0
br i1 %t10, label %on15, label %off16, !prof !8
on15:
br label %b_8
b_8:
%v29 = load i64, ptr %count, !tbaa !2
%v30 = add i64 %v29, 1048577
store i64 %v30, ptr %count, !tbaa !2
%v31 = load i64, ptr %x1, !tbaa !1
%v32 = add i64 %v31, 0
%v33 = and i64 %v32, -2
%v34 = add i64 %base, 10
%v35 = sub i64 %v33, %base
%v36 = lshr i64 %v35, 1
store i64 %v36, ptr %next, !tbaa !1
br label %d_8
off2:
store i64 0, ptr %next, !tbaa !1
br label %l_0
off4:
%v8 = load i64, ptr %count, !tbaa !2
%v9 = add i64 %v8, -1048576
store i64 %v9, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
off6:
%v11 = load i64, ptr %count, !tbaa !2
%v12 = add i64 %v11, -1048576
store i64 %v12, ptr %count, !tbaa !2
store i64 0, ptr %next, !tbaa !1
br label %t_0
off8:
store i64 2, ptr %next, !tbaa !1
br label %l_4
off10:
%v20 = load i64, ptr %count, !tbaa !2
%v21 = add i64 %v20, -1048576
store i64 %v21, ptr %count, !tbaa !2
store i64 2, ptr %next, !tbaa !1
br label %t_4
off12:
%v23 = load i64, ptr %count, !tbaa !2
%v24 = add i64 %v23, -1048576
store i64 %v24, ptr %count, !tbaa !2
store i64 2, ptr %next, !tbaa !1
br label %t_4
off16:
store i64 4, ptr %next, !tbaa !1
br label %l_8
l_0:
br label %to_look
l_4:
br label %l_out20
l_out20:
%v60 = load i64, ptr %x10, !tbaa !1
store i64 %v60, ptr %hart_x10, !tbaa !1
br label %to_look
l_8:
br label %l_out20
t_0:
%v61 = add i64 %base, 0
store i64 %v61, ptr %block_pc, !tbaa !2
br label %take
t_4:
%v62 = add i64 %base, 4
store i64 %v62, ptr %block_pc, !tbaa !2
br label %t_out21
t_out21:
%v63 = load i64, ptr %x10, !tbaa !1
store i64 %v63, ptr %hart_x10, !tbaa !1
br label %take
take:
%v64 = load i64, ptr %next, !tbaa !1
%v65 = shl i64 %v64, 1
%v66 = add i64 %v65, %base
%p10 = getelementptr i8, ptr %frame, i64 336
%p11 = load ptr, ptr %p10, !tbaa !2
%v67 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p11(ptr %hart, ptr poison, i64 %v67, ptr %frame, ptr %origin, i64 poison, i64 %v66)
ret void
away:
%v68 = load i64, ptr %next, !tbaa !1
%v69 = shl i64 %v68, 1
%v70 = add i64 %v69, %base
%p12 = getelementptr i8, ptr %frame, i64 208
%p13 = load ptr, ptr %p12, !tbaa !2
%v71 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p13(ptr %hart, ptr poison, i64 %v71, ptr %frame, ptr %origin, i64 poison, i64 %v70)
ret void
to_look:
%v72 = load i64, ptr %next, !tbaa !1
%v73 = shl i64 %v72, 1
%v74 = add i64 %v73, %base
store i64 %v74, ptr %pc, !tbaa !2
store i64 %v74, ptr %block_pc, !tbaa !2
br label %leave
leave:
%v75 = load i64, ptr %count, !tbaa !2
%v76 = load i64, ptr %since, !tbaa !2
%v77 = sub i64 %v75, %v76
%v78 = ashr i64 %v77, 20
%v79 = and i64 %v77, 1048575
%v80 = load i64, ptr %instructions, !tbaa !2
%v81 = add i64 %v80, %v78
store i64 %v81, ptr %instructions, !tbaa !2
%v82 = load i64, ptr %blocks, !tbaa !2
%v83 = add i64 %v82, %v79
store i64 %v83, ptr %blocks, !tbaa !2
store i64 %v75, ptr %since, !tbaa !2
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
