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
%p3 = getelementptr i8, ptr %frame, i64 24
%p4 = load ptr, ptr %p3
%v23 = load i64, ptr %since
store i64 %v23, ptr %count
%v24 = load i64, ptr %pc
%base = and i64 %v24, -4096
%half_base = lshr i64 %base, 1
%v25 = lshr i64 %v24, 1
%v26 = sub i64 %v25, %half_base
store i64 %v26, ptr %next
br label %dispatch
dispatch:
%v27 = load i64, ptr %next
switch i64 %v27, label %out [
i64 0, label %r_0
]
out:
%v28 = load i64, ptr %next
%v29 = shl i64 %v28, 1
%v30 = add i64 %v29, %base
store i64 %v30, ptr %pc
br label %leave
look:
%v31 = load i64, ptr %next
%v32 = shl i64 %v31, 1
%v33 = add i64 %v32, %base
%v34 = load i64, ptr %count
%v35 = load i64, ptr %since
%v36 = sub i64 %v34, %v35
%v37 = ashr i64 %v36, 20
%v38 = and i64 %v36, 1048575
%v39 = load i64, ptr %instructions
%v40 = add i64 %v39, %v37
store i64 %v40, ptr %instructions
%v41 = load i64, ptr %blocks
%v42 = add i64 %v41, %v38
store i64 %v42, ptr %blocks
store i64 -17179869184, ptr %count
store i64 %v33, ptr %block_pc
store i64 -17179869184, ptr %since
%v43 = load atomic volatile i64, ptr %request monotonic, align 8
%t2 = icmp eq i64 %v43, 0
br i1 %t2, label %go5, label %stop6
stop6:
store i64 1, ptr %exit
store i64 %v33, ptr %pc
br label %leave
go5:
%p5 = getelementptr i8, ptr %frame, i64 96
%p6 = load ptr, ptr %p5
%p7 = getelementptr i8, ptr %p6, i64 64
%v44 = load i64, ptr %p7
%v45 = and i64 %v44, 4095
%v46 = shl i64 %v45, 3
%p8 = getelementptr i8, ptr %p6, i64 %v46
%p9 = getelementptr i8, ptr %p8, i64 128
store i64 %v33, ptr %p9
%v47 = add i64 %v44, 1
store i64 %v47, ptr %p7
%p10 = getelementptr i8, ptr %frame, i64 176
%p11 = load ptr, ptr %p10
%v48 = load atomic volatile i64, ptr %p11 monotonic, align 8
%t3 = icmp ne i64 %v48, 0
br i1 %t3, label %wake7, label %dispatch
wake7:
store i64 10, ptr %exit
store i64 %v33, ptr %pc
br label %leave
leave:
%v49 = load i64, ptr %count
%v50 = load i64, ptr %since
%v51 = sub i64 %v49, %v50
%v52 = ashr i64 %v51, 20
%v53 = and i64 %v51, 1048575
%v54 = load i64, ptr %instructions
%v55 = add i64 %v54, %v52
store i64 %v55, ptr %instructions
%v56 = load i64, ptr %blocks
%v57 = add i64 %v56, %v53
store i64 %v57, ptr %blocks
store i64 %v49, ptr %since
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
%v2 = add i64 %v1, 4194305
store i64 %v2, ptr %count
br label %c_0
f_0:
%v3 = load i64, ptr %count
%v4 = add i64 %v3, 4194304
store i64 %v4, ptr %count
br label %c_0
c_0:
%v5 = load i64, ptr %x11
%v6 = add i64 %v5, 0
%v7 = add i64 %v5, -2147483648
%t1 = icmp ult i64 %v7, 1048553
br i1 %t1, label %on3, label %off4
on3:
%p0 = getelementptr i8, ptr %origin, i64 %v6
%v12 = load volatile i64, ptr %p0, align 1
store i64 %v12, ptr %x10
%v13 = add i64 %v5, 8
%p1 = getelementptr i8, ptr %origin, i64 %v13
%i32_0 = load volatile i32, ptr %p1, align 1
%v14 = zext i32 %i32_0 to i64
%i32_1 = trunc i64 %v14 to i32
%v15 = sext i32 %i32_1 to i64
store i64 %v15, ptr %x12
%v16 = add i64 %v5, 16
%p2 = getelementptr i8, ptr %origin, i64 %v16
store volatile i64 %v12, ptr %p2, align 1
%v17 = load i64, ptr %x1
%v18 = add i64 %v17, 0
%v19 = and i64 %v18, -2
%v20 = add i64 %base, 14
%v21 = lshr i64 %v19, 1
%v22 = sub i64 %v21, %half_base
store i64 %v22, ptr %next
br label %dispatch
off2:
store i64 0, ptr %next
br label %look
off4:
%v8 = load i64, ptr %count
%v9 = add i64 %v8, -4194304
store i64 %v9, ptr %count
store i64 %v6, ptr %detail
store i64 4, ptr %exit
%v10 = add i64 %base, 0
store i64 %v10, ptr %pc
%v11 = add i64 %base, 0
store i64 %v11, ptr %block_pc
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
