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
%v34 = load i64, ptr %since
store i64 %v34, ptr %count
%v35 = load i64, ptr %pc
store i64 %v35, ptr %next
br label %dispatch
dispatch:
%v36 = load i64, ptr %next
switch i64 %v36, label %out [
i64 2147483648, label %r80000000
i64 2147483652, label %r80000004
i64 2147483656, label %r80000008
]
out:
%v37 = load i64, ptr %next
store i64 %v37, ptr %pc
br label %leave
look:
%v38 = load i64, ptr %next
%v39 = load i64, ptr %count
%v40 = load i64, ptr %since
%v41 = sub i64 %v39, %v40
%v42 = ashr i64 %v41, 20
%v43 = and i64 %v41, 1048575
%v44 = load i64, ptr %instructions
%v45 = add i64 %v44, %v42
store i64 %v45, ptr %instructions
%v46 = load i64, ptr %blocks
%v47 = add i64 %v46, %v43
store i64 %v47, ptr %blocks
store i64 -274877906944, ptr %count
store i64 %v38, ptr %block_pc
store i64 -274877906944, ptr %since
%v48 = load atomic volatile i64, ptr %request monotonic, align 8
%t11 = icmp eq i64 %v48, 0
br i1 %t11, label %go17, label %stop18
stop18:
store i64 1, ptr %exit
store i64 %v38, ptr %pc
br label %leave
go17:
%v49 = load i64, ptr %heat
%v50 = sub i64 %v49, 1
store i64 %v50, ptr %heat
%t12 = icmp eq i64 %v50, 0
br i1 %t12, label %sample19, label %dispatch
sample19:
store i64 10, ptr %exit
store i64 %v38, ptr %pc
br label %leave
leave:
%v51 = load i64, ptr %count
%v52 = load i64, ptr %since
%v53 = sub i64 %v51, %v52
%v54 = ashr i64 %v53, 20
%v55 = and i64 %v53, 1048575
%v56 = load i64, ptr %instructions
%v57 = add i64 %v56, %v54
store i64 %v57, ptr %instructions
%v58 = load i64, ptr %blocks
%v59 = add i64 %v58, %v55
store i64 %v59, ptr %blocks
store i64 %v51, ptr %since
ret void
never:
unreachable
r80000000:
%v0 = load i64, ptr %count
%t0 = icmp slt i64 %v0, 0
br i1 %t0, label %on1, label %off2
on1:
br label %b80000000
b80000000:
%v1 = load i64, ptr %count
%v2 = add i64 %v1, 1048577
store i64 %v2, ptr %count
br label %c80000000
f80000000:
%v3 = load i64, ptr %count
%v4 = add i64 %v3, 1048576
store i64 %v4, ptr %count
br label %c80000000
c80000000:
%v5 = load i64, ptr %x12
%v6 = load i64, ptr %x11
%v7 = and i64 %v5, 7
%t1 = icmp eq i64 %v7, 0
br i1 %t1, label %on3, label %off4
on3:
%v10 = sub i64 %v5, 2147483648
%t2 = icmp ult i64 %v10, 1048569
br i1 %t2, label %on5, label %off6
on5:
%p0 = getelementptr i8, ptr %origin, i64 %v5
%v13 = atomicrmw volatile add ptr %p0, i64 %v6 seq_cst
store i64 %v13, ptr %x10
br label %b80000004
r80000004:
%v14 = load i64, ptr %count
%t3 = icmp slt i64 %v14, 0
br i1 %t3, label %on7, label %off8
on7:
br label %b80000004
b80000004:
%v15 = load i64, ptr %count
%v16 = add i64 %v15, 1048577
store i64 %v16, ptr %count
%v17 = load i64, ptr %x12
%v18 = load i64, ptr %x11
%v19 = and i64 %v17, 7
%t4 = icmp eq i64 %v19, 0
br i1 %t4, label %on9, label %off10
on9:
%v22 = sub i64 %v17, 2147483648
%t5 = icmp ult i64 %v22, 1048569
br i1 %t5, label %on11, label %off12
on11:
%p1 = getelementptr i8, ptr %origin, i64 %v17
%v25 = load i64, ptr %reservation
store i64 -1, ptr %reservation
%t6 = icmp eq i64 %v25, %v17
br i1 %t6, label %try13, label %no14
try13:
%v26 = load i64, ptr %reserved
%exchanged64_0 = cmpxchg volatile ptr %p1, i64 %v26, i64 %v18 seq_cst seq_cst
%t7 = extractvalue { i64, i1 } %exchanged64_0, 1
br label %no14
no14:
%t8 = phi i1 [ %t7, %try13 ], [ false, %on11 ]
%t9 = xor i1 %t8, true
%v27 = zext i1 %t9 to i64
store i64 %v27, ptr %x10
br label %b80000008
r80000008:
%v28 = load i64, ptr %count
%t10 = icmp slt i64 %v28, 0
br i1 %t10, label %on15, label %off16
on15:
br label %b80000008
b80000008:
%v29 = load i64, ptr %count
%v30 = add i64 %v29, 1048577
store i64 %v30, ptr %count
%v31 = load i64, ptr %x1
%v32 = add i64 %v31, 0
%v33 = and i64 %v32, -2
store i64 %v33, ptr %next
br label %dispatch
off2:
store i64 2147483648, ptr %next
br label %look
off4:
%v8 = load i64, ptr %count
%v9 = add i64 %v8, -1048576
store i64 %v9, ptr %count
store i64 %v5, ptr %detail
store i64 6, ptr %exit
store i64 2147483648, ptr %pc
store i64 2147483648, ptr %block_pc
br label %leave
off6:
%v11 = load i64, ptr %count
%v12 = add i64 %v11, -1048576
store i64 %v12, ptr %count
store i64 %v5, ptr %detail
store i64 7, ptr %exit
store i64 2147483648, ptr %pc
store i64 2147483648, ptr %block_pc
br label %leave
off8:
store i64 2147483652, ptr %next
br label %look
off10:
%v20 = load i64, ptr %count
%v21 = add i64 %v20, -1048576
store i64 %v21, ptr %count
store i64 %v17, ptr %detail
store i64 6, ptr %exit
store i64 2147483652, ptr %pc
store i64 2147483652, ptr %block_pc
br label %leave
off12:
%v23 = load i64, ptr %count
%v24 = add i64 %v23, -1048576
store i64 %v24, ptr %count
store i64 %v17, ptr %detail
store i64 7, ptr %exit
store i64 2147483652, ptr %pc
store i64 2147483652, ptr %block_pc
br label %leave
off16:
store i64 2147483656, ptr %next
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
