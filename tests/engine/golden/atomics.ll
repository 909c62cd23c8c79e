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
%heat = getelementptr i8, ptr %frame, i64 96
%since = getelementptr i8, ptr %frame, i64 112
%p2 = getelementptr i8, ptr %frame, i64 24
%p3 = load ptr, ptr %p2
%v44 = load i64, ptr %since
store i64 %v44, ptr %count
%v45 = load i64, ptr %pc
%base = and i64 %v45, -4096
%v46 = and i64 %v45, 4094
store i64 %v46, ptr %next
br label %dispatch
dispatch:
%v47 = load i64, ptr %next
switch i64 %v47, label %out [
i64 0, label %r_0
i64 4, label %r_4
i64 8, label %r_8
]
out:
%v48 = load i64, ptr %next
%v49 = add i64 %v48, %base
store i64 %v49, ptr %pc
br label %leave
look:
%v50 = load i64, ptr %next
%v51 = add i64 %v50, %base
%v52 = load i64, ptr %count
%v53 = load i64, ptr %since
%v54 = sub i64 %v52, %v53
%v55 = ashr i64 %v54, 20
%v56 = and i64 %v54, 1048575
%v57 = load i64, ptr %instructions
%v58 = add i64 %v57, %v55
store i64 %v58, ptr %instructions
%v59 = load i64, ptr %blocks
%v60 = add i64 %v59, %v56
store i64 %v60, ptr %blocks
store i64 -274877906944, ptr %count
store i64 %v51, ptr %block_pc
store i64 -274877906944, ptr %since
%v61 = load atomic volatile i64, ptr %request monotonic, align 8
%t11 = icmp eq i64 %v61, 0
br i1 %t11, label %go17, label %stop18
stop18:
store i64 1, ptr %exit
store i64 %v51, ptr %pc
br label %leave
go17:
%v62 = load i64, ptr %heat
%v63 = sub i64 %v62, 1
store i64 %v63, ptr %heat
%t12 = icmp eq i64 %v63, 0
br i1 %t12, label %sample19, label %dispatch
sample19:
store i64 10, ptr %exit
store i64 %v51, ptr %pc
br label %leave
leave:
%v64 = load i64, ptr %count
%v65 = load i64, ptr %since
%v66 = sub i64 %v64, %v65
%v67 = ashr i64 %v66, 20
%v68 = and i64 %v66, 1048575
%v69 = load i64, ptr %instructions
%v70 = add i64 %v69, %v67
store i64 %v70, ptr %instructions
%v71 = load i64, ptr %blocks
%v72 = add i64 %v71, %v68
store i64 %v72, ptr %blocks
store i64 %v64, ptr %since
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
%v43 = sub i64 %v41, %base
store i64 %v43, ptr %next
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
store i64 4, ptr %next
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
store i64 8, ptr %next
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
