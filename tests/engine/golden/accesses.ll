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
%p3 = getelementptr i8, ptr %frame, i64 24
%p4 = load ptr, ptr %p3
%v18 = load i64, ptr %since
store i64 %v18, ptr %count
%v19 = load i64, ptr %pc
store i64 %v19, ptr %next
br label %dispatch
dispatch:
%v20 = load i64, ptr %next
switch i64 %v20, label %out [
i64 2147483648, label %r80000000
]
out:
%v21 = load i64, ptr %next
store i64 %v21, ptr %pc
br label %leave
look:
%v22 = load i64, ptr %next
%v23 = load i64, ptr %count
%v24 = load i64, ptr %since
%v25 = sub i64 %v23, %v24
%v26 = ashr i64 %v25, 20
%v27 = and i64 %v25, 1048575
%v28 = load i64, ptr %instructions
%v29 = add i64 %v28, %v26
store i64 %v29, ptr %instructions
%v30 = load i64, ptr %blocks
%v31 = add i64 %v30, %v27
store i64 %v31, ptr %blocks
store i64 -274877906944, ptr %count
store i64 %v22, ptr %block_pc
store i64 -274877906944, ptr %since
%v32 = load atomic volatile i64, ptr %request monotonic, align 8
%t2 = icmp eq i64 %v32, 0
br i1 %t2, label %go5, label %stop6
stop6:
store i64 1, ptr %exit
store i64 %v22, ptr %pc
br label %leave
go5:
%v33 = load i64, ptr %heat
%v34 = sub i64 %v33, 1
store i64 %v34, ptr %heat
%t3 = icmp eq i64 %v34, 0
br i1 %t3, label %sample7, label %dispatch
sample7:
store i64 10, ptr %exit
store i64 %v22, ptr %pc
br label %leave
leave:
%v35 = load i64, ptr %count
%v36 = load i64, ptr %since
%v37 = sub i64 %v35, %v36
%v38 = ashr i64 %v37, 20
%v39 = and i64 %v37, 1048575
%v40 = load i64, ptr %instructions
%v41 = add i64 %v40, %v38
store i64 %v41, ptr %instructions
%v42 = load i64, ptr %blocks
%v43 = add i64 %v42, %v39
store i64 %v43, ptr %blocks
store i64 %v35, ptr %since
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
%v2 = add i64 %v1, 4194305
store i64 %v2, ptr %count
br label %c80000000
f80000000:
%v3 = load i64, ptr %count
%v4 = add i64 %v3, 4194304
store i64 %v4, ptr %count
br label %c80000000
c80000000:
%v5 = load i64, ptr %x11
%v6 = add i64 %v5, 0
%v7 = add i64 %v5, -2147483648
%t1 = icmp ult i64 %v7, 1048553
br i1 %t1, label %on3, label %off4
on3:
%p0 = getelementptr i8, ptr %origin, i64 %v6
%v10 = load volatile i64, ptr %p0, align 1
store i64 %v10, ptr %x10
%v11 = add i64 %v5, 8
%p1 = getelementptr i8, ptr %origin, i64 %v11
%i32_0 = load volatile i32, ptr %p1, align 1
%v12 = zext i32 %i32_0 to i64
%i32_1 = trunc i64 %v12 to i32
%v13 = sext i32 %i32_1 to i64
store i64 %v13, ptr %x12
%v14 = add i64 %v5, 16
%p2 = getelementptr i8, ptr %origin, i64 %v14
store volatile i64 %v10, ptr %p2, align 1
%v15 = load i64, ptr %x1
%v16 = add i64 %v15, 0
%v17 = and i64 %v16, -2
store i64 %v17, ptr %next
br label %dispatch
off2:
store i64 2147483648, ptr %next
br label %look
off4:
%v8 = load i64, ptr %count
%v9 = add i64 %v8, -4194304
store i64 %v9, ptr %count
store i64 %v6, ptr %detail
store i64 4, ptr %exit
store i64 2147483648, ptr %pc
store i64 2147483648, ptr %block_pc
br label %leave
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
