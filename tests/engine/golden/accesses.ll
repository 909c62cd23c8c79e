target triple = "x86_64-pc-linux-gnu"
define preserve_nonecc void @page(ptr noalias %hart, ptr noalias %ip, i64 %running, ptr noalias %frame, ptr noalias %origin, i64 %block, i64 %to_pc) #0 {
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
%since = getelementptr i8, ptr %frame, i64 104
%p3 = getelementptr i8, ptr %frame, i64 24
%p4 = load ptr, ptr %p3
store i64 %running, ptr %count
%base = and i64 %to_pc, -4096
%v23 = sub i64 %to_pc, %base
%v24 = lshr i64 %v23, 1
store i64 %v24, ptr %next
br label %dispatch
dispatch:
%v25 = load i64, ptr %next
switch i64 %v25, label %out [
i64 0, label %e_0
]
e_0:
br label %r_0
d_0:
br label %dispatch
out:
%v26 = load i64, ptr %next
%v27 = shl i64 %v26, 1
%v28 = add i64 %v27, %base
%v29 = sub i64 %v28, 2147483648
%t2 = icmp ult i64 %v29, 1048576
br i1 %t2, label %inside5, label %away
inside5:
%p5 = getelementptr i8, ptr %frame, i64 16
%p6 = load ptr, ptr %p5
%v30 = lshr i64 %v29, 12
%v31 = shl i64 %v30, 3
%p7 = getelementptr i8, ptr %p6, i64 %v31
%p8 = load ptr, ptr %p7
%v32 = and i64 %v28, 4095
%v33 = shl i64 %v32, 2
%p9 = getelementptr i8, ptr %p8, i64 %v33
%p10 = load ptr, ptr %p9
%v34 = ptrtoint ptr %p10 to i64
%t3 = icmp ne i64 %v34, 0
br i1 %t3, label %found6, label %away
found6:
%v35 = load i64, ptr %count
musttail call preserve_nonecc void %p10(ptr %hart, ptr poison, i64 %v35, ptr %frame, ptr %origin, i64 poison, i64 %v28)
ret void
look:
%v36 = load i64, ptr %next
%v37 = shl i64 %v36, 1
%v38 = add i64 %v37, %base
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
store i64 -17179869184, ptr %count
store i64 %v38, ptr %block_pc
store i64 -17179869184, ptr %since
%v48 = call preserve_mostcc i64 @asked(ptr %hart, ptr %frame)
%t4 = icmp eq i64 %v48, 0
br i1 %t4, label %go7, label %stop8
stop8:
store i64 1, ptr %exit
store i64 %v38, ptr %pc
br label %leave
go7:
%p11 = getelementptr i8, ptr %frame, i64 96
%p12 = load ptr, ptr %p11
%p13 = getelementptr i8, ptr %p12, i64 64
%v49 = load i64, ptr %p13
%v50 = and i64 %v49, 4095
%v51 = shl i64 %v50, 3
%p14 = getelementptr i8, ptr %p12, i64 %v51
%p15 = getelementptr i8, ptr %p14, i64 128
store i64 %v38, ptr %p15
%v52 = add i64 %v49, 1
store i64 %v52, ptr %p13
%p16 = getelementptr i8, ptr %frame, i64 168
%p17 = load ptr, ptr %p16
%v53 = load atomic volatile i64, ptr %p17 monotonic, align 8
%t5 = icmp ne i64 %v53, 0
br i1 %t5, label %wake9, label %dispatch
wake9:
store i64 10, ptr %exit
store i64 %v38, ptr %pc
br label %leave
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
%v21 = sub i64 %v19, %base
%v22 = lshr i64 %v21, 1
store i64 %v22, ptr %next
br label %d_0
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
br label %l_0
l_0:
br label %leave
away:
%v54 = load i64, ptr %next
%v55 = shl i64 %v54, 1
%v56 = add i64 %v55, %base
%p18 = getelementptr i8, ptr %frame, i64 208
%p19 = load ptr, ptr %p18
%v57 = ptrtoint ptr %p19 to i64
%t6 = icmp ne i64 %v57, 0
br i1 %t6, label %interpreter10, label %none11
interpreter10:
%v58 = load i64, ptr %count
musttail call preserve_nonecc void %p19(ptr %hart, ptr poison, i64 %v58, ptr %frame, ptr %origin, i64 poison, i64 %v56)
ret void
none11:
store i64 %v56, ptr %pc
br label %leave
leave:
%v59 = load i64, ptr %count
%v60 = load i64, ptr %since
%v61 = sub i64 %v59, %v60
%v62 = ashr i64 %v61, 20
%v63 = and i64 %v61, 1048575
%v64 = load i64, ptr %instructions
%v65 = add i64 %v64, %v62
store i64 %v65, ptr %instructions
%v66 = load i64, ptr %blocks
%v67 = add i64 %v66, %v63
store i64 %v67, ptr %blocks
store i64 %v59, ptr %since
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
define internal preserve_mostcc i64 @asked(ptr noalias %hart, ptr noalias %frame) noinline #0 {
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
