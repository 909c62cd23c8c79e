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
%p2 = getelementptr i8, ptr %frame, i64 24
%p3 = load ptr, ptr %p2, !tbaa !2
store i64 %running, ptr %count, !tbaa !2
%base = and i64 %to_pc, -4096
%v48 = sub i64 %to_pc, %base
%v49 = lshr i64 %v48, 1
store i64 %v49, ptr %next, !tbaa !1
br label %dispatch
dispatch:
%v50 = load i64, ptr %next, !tbaa !1
switch i64 %v50, label %out [
i64 0, label %e_0
i64 2, label %e_4
i64 4, label %e_8
]
e_0:
%v51 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v51, ptr %x1, !tbaa !1
%v52 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v52, ptr %x11, !tbaa !1
%v53 = load i64, ptr %hart_x12, !tbaa !1
store i64 %v53, ptr %x12, !tbaa !1
br label %r_0
e_4:
%v54 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v54, ptr %x1, !tbaa !1
%v55 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v55, ptr %x10, !tbaa !1
%v56 = load i64, ptr %hart_x11, !tbaa !1
store i64 %v56, ptr %x11, !tbaa !1
%v57 = load i64, ptr %hart_x12, !tbaa !1
store i64 %v57, ptr %x12, !tbaa !1
br label %r_4
e_8:
%v58 = load i64, ptr %hart_x1, !tbaa !1
store i64 %v58, ptr %x1, !tbaa !1
%v59 = load i64, ptr %hart_x10, !tbaa !1
store i64 %v59, ptr %x10, !tbaa !1
br label %r_8
d_8:
%v60 = load i64, ptr %x10, !tbaa !1
store i64 %v60, ptr %hart_x10, !tbaa !1
br label %dispatch
out:
%v61 = load i64, ptr %next, !tbaa !1
%v62 = shl i64 %v61, 1
%v63 = add i64 %v62, %base
%v64 = sub i64 %v63, 2147483648
%t11 = icmp ult i64 %v64, 1048576
br i1 %t11, label %inside17, label %away, !prof !8
inside17:
%v65 = lshr i64 %v64, 12
%v66 = shl i64 %v65, 3
%p4 = getelementptr i8, ptr %frame, i64 16
%p5 = load ptr, ptr %p4, !tbaa !2
%p6 = getelementptr i8, ptr %p5, i64 %v66
%p7 = load ptr, ptr %p6, !tbaa !2
%v67 = and i64 %v63, 4095
%v68 = shl i64 %v67, 2
%p8 = getelementptr i8, ptr %p7, i64 %v68
%p9 = load ptr, ptr %p8, !tbaa !2
%v69 = ptrtoint ptr %p9 to i64
%t12 = icmp ne i64 %v69, 0
br i1 %t12, label %found18, label %away, !prof !8
found18:
%v70 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p9(ptr %hart, ptr poison, i64 %v70, ptr %frame, ptr %origin, i64 poison, i64 %v63)
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
%v3 = add i64 %v2, 1048577
store i64 %v3, ptr %count, !tbaa !2
br label %c_0
f_0:
%v4 = load i64, ptr %count, !tbaa !2
%v5 = add i64 %v4, 1048576
store i64 %v5, ptr %count, !tbaa !2
br label %c_0
c_0:
%v6 = load i64, ptr %x12, !tbaa !1
%v7 = load i64, ptr %x11, !tbaa !1
%v8 = and i64 %v6, 7
%t1 = icmp eq i64 %v8, 0
br i1 %t1, label %on3, label %off4, !prof !8
on3:
%v13 = sub i64 %v6, 2147483648
%t2 = icmp ult i64 %v13, 1048569
br i1 %t2, label %on5, label %off6, !prof !8
on5:
%p0 = getelementptr i8, ptr %origin, i64 %v6
%v18 = atomicrmw volatile add ptr %p0, i64 %v7 seq_cst
store i64 %v18, ptr %x10, !tbaa !1
br label %b_4
r_4:
%v19 = load i64, ptr %count, !tbaa !2
%t3 = icmp slt i64 %v19, 0
br i1 %t3, label %on7, label %off8, !prof !8
on7:
br label %b_4
b_4:
%v21 = load i64, ptr %count, !tbaa !2
%v22 = add i64 %v21, 1048577
store i64 %v22, ptr %count, !tbaa !2
%v23 = load i64, ptr %x12, !tbaa !1
%v24 = load i64, ptr %x11, !tbaa !1
%v25 = and i64 %v23, 7
%t4 = icmp eq i64 %v25, 0
br i1 %t4, label %on9, label %off10, !prof !8
on9:
%v30 = sub i64 %v23, 2147483648
%t5 = icmp ult i64 %v30, 1048569
br i1 %t5, label %on11, label %off12, !prof !8
on11:
%p1 = getelementptr i8, ptr %origin, i64 %v23
%v35 = load i64, ptr %reservation, !tbaa !2
store i64 -1, ptr %reservation, !tbaa !2
%t6 = icmp eq i64 %v35, %v23
br i1 %t6, label %try13, label %no14
try13:
%v36 = load i64, ptr %reserved, !tbaa !2
%exchanged64_0 = cmpxchg volatile ptr %p1, i64 %v36, i64 %v24 seq_cst seq_cst
%t7 = extractvalue { i64, i1 } %exchanged64_0, 1
br label %no14
no14:
%t8 = phi i1 [ %t7, %try13 ], [ false, %on11 ]
%t9 = xor i1 %t8, true
%v37 = zext i1 %t9 to i64
store i64 %v37, ptr %x10, !tbaa !1
br label %b_8
r_8:
%v38 = load i64, ptr %count, !tbaa !2
%t10 = icmp slt i64 %v38, 0
br i1 %t10, label %on15, label %off16, !prof !8
on15:
br label %b_8
b_8:
%v40 = load i64, ptr %count, !tbaa !2
%v41 = add i64 %v40, 1048577
store i64 %v41, ptr %count, !tbaa !2
%v42 = load i64, ptr %x1, !tbaa !1
%v43 = add i64 %v42, 0
%v44 = and i64 %v43, -2
%v45 = add i64 %base, 10
%v46 = sub i64 %v44, %base
%v47 = lshr i64 %v46, 1
store i64 %v47, ptr %next, !tbaa !1
br label %d_8
off2:
%v1 = add i64 %base, 0
store i64 %v1, ptr %pc, !tbaa !2
store i64 %v1, ptr %block_pc, !tbaa !2
br label %l_0
off4:
%v9 = load i64, ptr %count, !tbaa !2
%v10 = add i64 %v9, -1048576
store i64 %v10, ptr %count, !tbaa !2
store i64 %v6, ptr %detail, !tbaa !2
store i64 6, ptr %exit, !tbaa !2
%v11 = add i64 %base, 0
store i64 %v11, ptr %pc, !tbaa !2
%v12 = add i64 %base, 0
store i64 %v12, ptr %block_pc, !tbaa !2
br label %l_0
off6:
%v14 = load i64, ptr %count, !tbaa !2
%v15 = add i64 %v14, -1048576
store i64 %v15, ptr %count, !tbaa !2
store i64 %v6, ptr %detail, !tbaa !2
store i64 7, ptr %exit, !tbaa !2
%v16 = add i64 %base, 0
store i64 %v16, ptr %pc, !tbaa !2
%v17 = add i64 %base, 0
store i64 %v17, ptr %block_pc, !tbaa !2
br label %l_0
off8:
%v20 = add i64 %base, 4
store i64 %v20, ptr %pc, !tbaa !2
store i64 %v20, ptr %block_pc, !tbaa !2
br label %l_4
off10:
%v26 = load i64, ptr %count, !tbaa !2
%v27 = add i64 %v26, -1048576
store i64 %v27, ptr %count, !tbaa !2
store i64 %v23, ptr %detail, !tbaa !2
store i64 6, ptr %exit, !tbaa !2
%v28 = add i64 %base, 4
store i64 %v28, ptr %pc, !tbaa !2
%v29 = add i64 %base, 4
store i64 %v29, ptr %block_pc, !tbaa !2
br label %l_4
off12:
%v31 = load i64, ptr %count, !tbaa !2
%v32 = add i64 %v31, -1048576
store i64 %v32, ptr %count, !tbaa !2
store i64 %v23, ptr %detail, !tbaa !2
store i64 7, ptr %exit, !tbaa !2
%v33 = add i64 %base, 4
store i64 %v33, ptr %pc, !tbaa !2
%v34 = add i64 %base, 4
store i64 %v34, ptr %block_pc, !tbaa !2
br label %l_4
off16:
%v39 = add i64 %base, 8
store i64 %v39, ptr %pc, !tbaa !2
store i64 %v39, ptr %block_pc, !tbaa !2
br label %l_8
l_0:
br label %leave
l_4:
%v71 = load i64, ptr %x10, !tbaa !1
store i64 %v71, ptr %hart_x10, !tbaa !1
br label %leave
l_8:
br label %l_4
away:
%v72 = load i64, ptr %next, !tbaa !1
%v73 = shl i64 %v72, 1
%v74 = add i64 %v73, %base
%p10 = getelementptr i8, ptr %frame, i64 208
%p11 = load ptr, ptr %p10, !tbaa !2
%v75 = load i64, ptr %count, !tbaa !2
musttail call preserve_nonecc void %p11(ptr %hart, ptr poison, i64 %v75, ptr %frame, ptr %origin, i64 poison, i64 %v74)
ret void
leave:
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
