target triple = "x86_64-pc-linux-gnu"
define void @page(ptr noalias %hart, ptr noalias %frame, ptr noalias %origin) #0 {
entry:
%count = alloca i64
%next = alloca i64
%x1 = getelementptr i8, ptr %hart, i64 8
%x10 = getelementptr i8, ptr %hart, i64 80
%x11 = getelementptr i8, ptr %hart, i64 88
%x12 = getelementptr i8, ptr %hart, i64 96
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
%since = getelementptr i8, ptr %frame, i64 112
%p2 = getelementptr i8, ptr %frame, i64 24
%p3 = load ptr, ptr %p2
%v45 = load i64, ptr %since
store i64 %v45, ptr %count
%v46 = load i64, ptr %pc
%base = and i64 %v46, -4096
%half_base = lshr i64 %base, 1
%v47 = lshr i64 %v46, 1
%v48 = sub i64 %v47, %half_base
store i64 %v48, ptr %next
br label %dispatch
dispatch:
%v49 = load i64, ptr %next
switch i64 %v49, label %out [
i64 0, label %r_0
i64 2, label %r_4
i64 4, label %r_8
]
out:
%v50 = load i64, ptr %next
%v51 = shl i64 %v50, 1
%v52 = add i64 %v51, %base
store i64 %v52, ptr %pc
br label %leave
look:
%v53 = load i64, ptr %next
%v54 = shl i64 %v53, 1
%v55 = add i64 %v54, %base
%v56 = load i64, ptr %count
%v57 = load i64, ptr %since
%v58 = sub i64 %v56, %v57
%v59 = ashr i64 %v58, 20
%v60 = and i64 %v58, 1048575
%v61 = load i64, ptr %instructions
%v62 = add i64 %v61, %v59
store i64 %v62, ptr %instructions
%v63 = load i64, ptr %blocks
%v64 = add i64 %v63, %v60
store i64 %v64, ptr %blocks
store i64 -17179869184, ptr %count
store i64 %v55, ptr %block_pc
store i64 -17179869184, ptr %since
%v65 = load atomic volatile i64, ptr %request monotonic, align 8
%t11 = icmp eq i64 %v65, 0
br i1 %t11, label %go17, label %stop18
stop18:
store i64 1, ptr %exit
store i64 %v55, ptr %pc
br label %leave
go17:
%p4 = getelementptr i8, ptr %frame, i64 96
%p5 = load ptr, ptr %p4
%p6 = getelementptr i8, ptr %p5, i64 64
%v66 = load i64, ptr %p6
%v67 = and i64 %v66, 4095
%v68 = shl i64 %v67, 3
%p7 = getelementptr i8, ptr %p5, i64 %v68
%p8 = getelementptr i8, ptr %p7, i64 128
store i64 %v55, ptr %p8
%v69 = add i64 %v66, 1
store i64 %v69, ptr %p6
%p9 = getelementptr i8, ptr %frame, i64 176
%p10 = load ptr, ptr %p9
%v70 = load atomic volatile i64, ptr %p10 monotonic, align 8
%t12 = icmp ne i64 %v70, 0
br i1 %t12, label %wake19, label %dispatch
wake19:
store i64 10, ptr %exit
store i64 %v55, ptr %pc
br label %leave
leave:
%v71 = load i64, ptr %count
%v72 = load i64, ptr %since
%v73 = sub i64 %v71, %v72
%v74 = ashr i64 %v73, 20
%v75 = and i64 %v73, 1048575
%v76 = load i64, ptr %instructions
%v77 = add i64 %v76, %v74
store i64 %v77, ptr %instructions
%v78 = load i64, ptr %blocks
%v79 = add i64 %v78, %v75
store i64 %v79, ptr %blocks
store i64 %v71, ptr %since
ret void
never:
unreachable
r_0:
%v0 = load i64, ptr %count
%t0 = icmp slt i64 %v0, 0
br i1 %t0, label %on1, label %off2
on1:
br label %b_0
b_0:
%v1 = load i64, ptr %count
%v2 = add i64 %v1, 1048577
store i64 %v2, ptr %count
br label %c_0
f_0:
%v3 = load i64, ptr %count
%v4 = add i64 %v3, 1048576
store i64 %v4, ptr %count
br label %c_0
c_0:
%v5 = load i64, ptr %x12
%v6 = load i64, ptr %x11
%v7 = and i64 %v5, 7
%t1 = icmp eq i64 %v7, 0
br i1 %t1, label %on3, label %off4
on3:
%v12 = sub i64 %v5, 2147483648
%t2 = icmp ult i64 %v12, 1048569
br i1 %t2, label %on5, label %off6
on5:
%p0 = getelementptr i8, ptr %origin, i64 %v5
%v17 = atomicrmw volatile add ptr %p0, i64 %v6 seq_cst
store i64 %v17, ptr %x10
br label %b_4
r_4:
%v18 = load i64, ptr %count
%t3 = icmp slt i64 %v18, 0
br i1 %t3, label %on7, label %off8
on7:
br label %b_4
b_4:
%v19 = load i64, ptr %count
%v20 = add i64 %v19, 1048577
store i64 %v20, ptr %count
%v21 = load i64, ptr %x12
%v22 = load i64, ptr %x11
%v23 = and i64 %v21, 7
%t4 = icmp eq i64 %v23, 0
br i1 %t4, label %on9, label %off10
on9:
%v28 = sub i64 %v21, 2147483648
%t5 = icmp ult i64 %v28, 1048569
br i1 %t5, label %on11, label %off12
on11:
%p1 = getelementptr i8, ptr %origin, i64 %v21
%v33 = load i64, ptr %reservation
store i64 -1, ptr %reservation
%t6 = icmp eq i64 %v33, %v21
br i1 %t6, label %try13, label %no14
try13:
%v34 = load i64, ptr %reserved
%exchanged64_0 = cmpxchg volatile ptr %p1, i64 %v34, i64 %v22 seq_cst seq_cst
%t7 = extractvalue { i64, i1 } %exchanged64_0, 1
br label %no14
no14:
%t8 = phi i1 [ %t7, %try13 ], [ false, %on11 ]
%t9 = xor i1 %t8, true
%v35 = zext i1 %t9 to i64
store i64 %v35, ptr %x10
br label %b_8
r_8:
%v36 = load i64, ptr %count
%t10 = icmp slt i64 %v36, 0
br i1 %t10, label %on15, label %off16
on15:
br label %b_8
b_8:
%v37 = load i64, ptr %count
%v38 = add i64 %v37, 1048577
store i64 %v38, ptr %count
%v39 = load i64, ptr %x1
%v40 = add i64 %v39, 0
%v41 = and i64 %v40, -2
%v42 = add i64 %base, 10
%v43 = lshr i64 %v41, 1
%v44 = sub i64 %v43, %half_base
store i64 %v44, ptr %next
br label %dispatch
off2:
store i64 0, ptr %next
br label %look
off4:
%v8 = load i64, ptr %count
%v9 = add i64 %v8, -1048576
store i64 %v9, ptr %count
store i64 %v5, ptr %detail
store i64 6, ptr %exit
%v10 = add i64 %base, 0
store i64 %v10, ptr %pc
%v11 = add i64 %base, 0
store i64 %v11, ptr %block_pc
br label %leave
off6:
%v13 = load i64, ptr %count
%v14 = add i64 %v13, -1048576
store i64 %v14, ptr %count
store i64 %v5, ptr %detail
store i64 7, ptr %exit
%v15 = add i64 %base, 0
store i64 %v15, ptr %pc
%v16 = add i64 %base, 0
store i64 %v16, ptr %block_pc
br label %leave
off8:
store i64 2, ptr %next
br label %look
off10:
%v24 = load i64, ptr %count
%v25 = add i64 %v24, -1048576
store i64 %v25, ptr %count
store i64 %v21, ptr %detail
store i64 6, ptr %exit
%v26 = add i64 %base, 4
store i64 %v26, ptr %pc
%v27 = add i64 %base, 4
store i64 %v27, ptr %block_pc
br label %leave
off12:
%v29 = load i64, ptr %count
%v30 = add i64 %v29, -1048576
store i64 %v30, ptr %count
store i64 %v21, ptr %detail
store i64 7, ptr %exit
%v31 = add i64 %base, 4
store i64 %v31, ptr %pc
%v32 = add i64 %base, 4
store i64 %v32, ptr %block_pc
br label %leave
off16:
store i64 4, ptr %next
br label %look
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
